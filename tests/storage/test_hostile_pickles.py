"""Hostile and malformed pickles: they only raise a one-sentence error, within bounded memory."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import pickle
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError, KinemaError, UnsafeFileError
from kinema.storage.safe_pickle import load_pickle
from tests.helpers.pickles import VALUES, written

# Hostile files. `touched` is the file that each would create if anything in it were executed.


@pytest.fixture
def touched(tmp_path):
    path = tmp_path / "touched"
    yield path
    assert not path.exists()


NAMES = (
    "os system",
    "posix system",
    "subprocess Popen",
    "builtins eval",
    "__builtin__ getattr",
    "builtins open",
    "builtins type",
    "operator attrgetter",
    "functools partial",
    "pickle loads",
    "numpy load",
    "numpy.testing.utils runstring",
    "joblib.numpy_pickle NDArrayWrapper.read",
    "_codecs decode",
    "torch.storage _load_from_bytes",
    "copy_reg add_extension",
)


@pytest.mark.parametrize("name", NAMES)
def test_calls_are_refused_by_name(tmp_path, touched, name):
    module, attribute = (part.encode() for part in name.split())
    argument = f"open({str(touched)!r}, 'w')".encode()
    text = b"\x8c" + bytes([len(argument)]) + argument
    for data in (
        b"c" + module + b"\n" + attribute + b"\n(V" + argument + b"\ntR.",
        b"\x80\x02}U\x01ac" + module + b"\n" + attribute + b"\n" + text + b"\x85Rs.",
        b"\x80\x04\x8c"
        + bytes([len(module)])
        + module
        + b"\x8c"
        + bytes([len(attribute)])
        + attribute
        + b"\x93"
        + text
        + b"\x85R.",
    ):
        with pytest.raises(UnsafeFileError) as caught:
            load_pickle(written(tmp_path, data))
        assert name.replace(" ", ".") in str(caught.value)
        assert str(caught.value).isprintable()


def test_objects_with_a_reduce_method_are_refused(tmp_path, touched):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {touched}",)

    for protocol in range(6):
        with pytest.raises(UnsafeFileError, match=r"\.system"):
            load_pickle(written(tmp_path, pickle.dumps([np.zeros(2), Evil()], protocol)))


SYSTEM = b"cos\nsystem\n"
HOSTILE = {
    "dotted walk": b"\x80\x04\x8c\x05numpy\x8c\x09os.system\x93\x8c\x04true\x85R.",
    "dotted module": b"\x80\x04\x8c\x08numpy.os\x8c\x06system\x93\x8c\x04true\x85R.",
    "instance opcode": b"(S'true'\nios\nsystem\n.",
    "object opcode": b"(" + SYSTEM + b"S'true'\no.",
    "newobj": SYSTEM + b"S'true'\n\x85\x81.",
    "newobj_ex": SYSTEM + b")}\x92.",
    "hidden and dropped": SYSTEM + b"S'true'\n\x85R0N.",
    "named only": SYSTEM + b".",
    "extension 1": b"\x82\x01.",
    "extension 2": b"\x83\x01\x00.",
    "extension 4": b"\x84\x01\x00\x00\x00.",
    "numpy's object loader": b"cnumpy.lib.npyio\nload\n(S'x'\ntR.",
    "chumpy, unknown node": b"cchumpy.ch\nMatVecMult\n)\x81.",
    "control characters in the name": b"cos\nsys\x1b[31mtem\n.",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_names_not_on_the_allow_list_are_refused(tmp_path, data):
    with pytest.raises(UnsafeFileError) as caught:
        load_pickle(written(tmp_path, data))
    assert str(caught.value).isprintable()


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
NDARRAY = RECONSTRUCT + b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R"
DTYPE = b"cnumpy\ndtype\n"
NO_SIZES = b"J\xff\xff\xff\xff" * 2 + b"K\x00"
CSC = b"\x80\x02cscipy.sparse.csc\ncsc_matrix\n)\x81"


def dtype(name: bytes, order: bytes = b"<") -> bytes:
    return DTYPE + b"U\x02" + name + b"K\x00K\x01\x87R(K\x03U\x01" + order + b"NNN" + NO_SIZES + b"tb"


F8, I8, O8 = dtype(b"f8"), dtype(b"i8"), dtype(b"O8", b"|")


def state(shape: bytes, kind: bytes, raw: bytes) -> bytes:
    return b"(K\x01" + shape + kind + b"\x89" + raw + b"tb"


def short(data: bytes) -> bytes:
    return b"U" + bytes([len(data)]) + data


def array(shape: bytes, kind: bytes, raw: bytes) -> bytes:
    """A whole array as opcodes; `shape` and `raw` are opcodes too."""
    return NDARRAY + state(shape, kind, raw)


def whole_numbers(*values: int) -> bytes:
    return array(b"K" + bytes([len(values)]) + b"\x85", I8, short(struct.pack(f"<{len(values)}q", *values)))


ONE = b"K\x01\x85"
EIGHT = short(bytes(8))
HIDDEN_OBJECT = b"(K\x03U\x01|NU\x01x\x85}U\x01x" + O8 + b"K\x00\x86sK\x10K\x01K\x00tb"
SHARED_DEPTH = b"".join(b"]" * 60 + (b"h\x00a" if i else b"") + b"a" * 59 + b"q\x00" for i in range(4))
BROKEN = {
    "reconstruct of another class": RECONSTRUCT + b"c__builtin__\nset\nK\x00\x85U\x01b\x87R.",
    "reconstruct of something that is no class": RECONSTRUCT + b"K\x00K\x00\x85U\x01b\x87R.",
    "array larger than its contents": array(b"J\x00\x00\x00\x10\x85", F8, EIGHT) + b".",
    "array with a negative side": array(b"J\xff\xff\xff\xff\x85", F8, short(b"")) + b".",
    "array with an overflowing product": array(b"\x8a\x06\x00\x00\x00\x00\x00\x4022\x87", F8, EIGHT) + b".",
    "array of a billion nothings": array(b"J\x00\x00\x00\x40\x85", dtype(b"S0", b"|"), short(b"")) + b".",
    "objects from raw memory": array(ONE, O8, short(b"A" * 8)) + b".",
    "objects that do not fit": array(b"K\x05\x85", O8, b"](K\x01e") + b".",
    "array that is never filled": NDARRAY + b".",
    "array filled twice": array(ONE, F8, EIGHT) + state(ONE, F8, EIGHT) + b".",
    "array filled by a dict": NDARRAY + b"}U\x05shapeK\x01sb.",
    "type changed after it was finished": F8 + b"(K\x03U\x01<NNNK\x01K\x01K\x00tb.",
    "type with a hidden object": DTYPE + b"U\x03V16K\x00K\x01\x87R" + HIDDEN_OBJECT + b".",
    "type of another kind": dtype(b"M8") + b".",
    "type made of words": DTYPE + short(b"int8,(2,2)object") + b"K\x00K\x01\x87R.",
    "object as a scalar": b"cnumpy.core.multiarray\nscalar\n" + O8 + b"N\x86R.",
    "raw memory as objects": b"cnumpy.core.numeric\n_frombuffer\n(" + short(b"A" * 8) + O8 + ONE + b"U\x01CtR.",
    "encode to something else": b"c_codecs\nencode\nX\x01\x00\x00\x00aU\x04utf7\x86R.",
    "encode something else": b"c_codecs\nencode\n]U\x06latin1\x86R.",
    "call of a class that is only a name": b"c__builtin__\nint\n(S'1'\ntR.",
    "call of a number": b"K\x05)R.",
    "default made by a function": b"ccollections\ndefaultdict\nc_codecs\nencode\n\x85R.",
    "list as a key": b"}]K\x01s.",
    "dict as a member of a set": b"\x80\x04\x8f(}\x90.",
    "attributes of a list": b"]}S'a'\nK\x01sb.",
    "append to a number": b"K\x01K\x01a.",
    "reference to elsewhere, as text": b"Pfoo\n.",
    "reference to elsewhere, as a value": b"K\x01Q.",
    "out-of-band buffer": b"\x80\x05\x97.",
    "newer protocol": b"\x80\x09N.",
    "unknown memo": b"h\x05.",
    "memo far away, never filled": b"j\xff\xff\xff\xff.",
    "empty stack": b".",
    "pop of nothing": b"0.",
    "no mark": b"t.",
    "too few for a tuple": b"K\x01\x87.",
    "garbage": b"\xff\xfe\xfd",
    "words": b"hello world\n",
    "list that contains itself": b"]2a.",
    "list that contains its own array": NDARRAY + b"q\x00" + state(ONE, O8, b"]h\x00a") + b".",
    "key that unfolds without end": b"})" + b"2\x86" * 60 + b"K\x01s.",
    "value that unfolds without end": b")" + b"2\x86" * 60 + b".",
    "too deep a list": b"]" * 100_000 + b"a" * 99_999 + b".",
    "too deep, hidden by sharing": b"](" + SHARED_DEPTH + b"e.",
    "sparse indices out of range": CSC
    + b"}(U\x06_shapeK\x02K\x02\x86U\x04data"
    + whole_numbers(1)
    + b"U\x07indices"
    + whole_numbers(99)
    + b"U\x06indptr"
    + whole_numbers(0, 1, 1)
    + b"ub.",
    "sparse of nothing": CSC + b"}U\x06_shapeK\x02K\x02\x86sb.",
    "chumpy without numbers": b"cchumpy.ch\nCh\n)\x81}S'x'\nS'y'\nsb.",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_malformed_files_raise_one_sentence(tmp_path, data):
    with pytest.raises(InputError) as caught:
        load_pickle(written(tmp_path, data))
    assert not isinstance(caught.value, UnsafeFileError)
    assert "file.pkl" in str(caught.value)
    assert str(caught.value).isprintable()


ENCODED = b"c_codecs\nencode\nh\x00U\x06latin1\x86R"
MILLION = struct.pack("<I", 10**6) + b"a" * 10**6
BOMBS = {
    "declared bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"x",
    "declared text": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"x",
    "declared buffer": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"x",
    "declared number": b"\x80\x04\x95" + struct.pack("<Q", 2**60) + b"\x8b" + struct.pack("<i", 2**31 - 1) + b".",
    "negative length": b"\x80\x02\x8b" + struct.pack("<i", -1) + b".",
    "memo far away": b"\x80\x02Nr\xff\xff\xff\xff](h\x01e.",
    "copies of one text": b"\x80\x04X" + MILLION + b"q\x000](" + ENCODED * 200 + b"e.",
    "copies of one array": b"\x80\x02B"
    + MILLION
    + b"q\x000]("
    + array(b"J" + struct.pack("<i", 125_000) + b"\x85", F8, b"h\x00") * 200
    + b"e.",
    "empty sets": b"\x80\x04(" + b"\x8f" * 500_000 + b"l.",
    "joblib array larger than the file": b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(U\x08subclass"
    b"cnumpy\nndarray\nU\x05shape\x8a\x05\x00\x00\x00\x00\x10\x85U\x05orderU\x01CU\x05dtype" + F8 + b"ub." + bytes(64),
}


@pytest.mark.parametrize("data", BOMBS.values(), ids=BOMBS)
def test_declared_sizes_and_copies_do_not_exhaust_memory(tmp_path, data, monkeypatch):
    monkeypatch.setattr("kinema.storage.budget.LEAST", 64 * 2**20)
    path = written(tmp_path, data)
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            load_pickle(path)
        assert tracemalloc.get_traced_memory()[1] < 200e6
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("compress", [zlib.compress, gzip.compress, bz2.compress, lzma.compress])
def test_compression_bombs_stop_at_the_limit(tmp_path, compress, monkeypatch):
    monkeypatch.setattr("kinema.storage.budget.LEAST", 8 * 2**20)
    data = compress(b"\x80\x04\x8e" + struct.pack("<Q", 2**27) + bytes(2**27) + b".")
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="far more memory"):
            load_pickle(written(tmp_path, data))
        assert tracemalloc.get_traced_memory()[1] < 60e6
    finally:
        tracemalloc.stop()


def test_small_files_that_compress_well_are_read(tmp_path):
    joblib = pytest.importorskip("joblib")
    joblib.dump(np.zeros(10**6), tmp_path / "zeros.pkl", compress=9)
    assert load_pickle(tmp_path / "zeros.pkl").shape == (10**6,)


@pytest.mark.parametrize("kind", ["plain", "joblib", "zlib", "bz2", "xz"])
def test_a_file_truncated_anywhere_is_an_input_error(tmp_path, kind):
    buffer = io.BytesIO()
    small = {"a": np.arange(5), "b": [1.5, "x", {"c": (1, 2)}], "d": np.array([None, 1], dtype=object)}
    if kind == "plain":
        pickle.dump(small, buffer, 2)
    else:
        joblib = pytest.importorskip("joblib")
        joblib.dump(small, buffer, compress=0 if kind == "joblib" else (kind, 3))
    data = buffer.getvalue()
    for end in range(0, len(data) - 1):
        with pytest.raises(InputError):
            load_pickle(written(tmp_path, data[:end]))


@given(st.data())
def test_corrupt_bytes_raise_only_kinema_errors(tmp_path_factory, data):
    source = bytearray(
        pickle.dumps(
            {k: VALUES[k] for k in ("array", "objects", "table", "csc", "ordered")}, data.draw(st.integers(0, 5))
        )
    )
    for _ in range(data.draw(st.integers(1, 6))):
        source[data.draw(st.integers(0, len(source) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "corrupt.pkl"
    path.write_bytes(source)
    with contextlib.suppress(KinemaError):
        load_pickle(path)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"\x04\x22\x4d\x18rest", "lz4"),
        (b"ZF0x1rest", "older than 0.10"),
    ],
)
def test_other_file_formats_are_identified(tmp_path, content, word):
    with pytest.raises(InputError, match=word):
        load_pickle(written(tmp_path, content))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_pickle(tmp_path / "nothing.pkl")
    with pytest.raises(InputError, match="folder"):
        load_pickle(tmp_path)
