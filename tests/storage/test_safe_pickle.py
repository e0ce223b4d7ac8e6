"""Reading pickles: plain files give their values, hostile ones only raise a one-sentence error."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import importlib.util
import io
import lzma
import os
import pickle
import struct
import sys
import tracemalloc
import zlib
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError, KinemaError, UnsafeFileError, UsageError
from kinema.storage.safe_pickle import Inert, load_pickle

VALUES: dict[str, Any] = {
    "array": np.arange(12.0).reshape(3, 4),
    "fortran": np.asfortranarray(np.arange(12).reshape(3, 4)),
    "transposed": np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2),
    "big_endian": np.arange(3, dtype=">i4"),
    "table": np.array([(1, 2.0)], dtype=[("x", "i4"), ("y", "f8", (2,))]),
    "text": np.array(["ab", "c"]),
    "empty": np.empty((0, 5), np.float32),
    "zero_dim": np.array(5.0),
    "objects": np.array([np.arange(3), "x", None, {"a": 1}], dtype=object),
    "scalar": np.float32(3),
    "dtype": np.dtype("f4"),
    "ordered": OrderedDict(a=1, b=[1, 2]),
    "default": defaultdict(list, {1: [2]}),
    "sets": [{1, 2}, frozenset([3])],
    "numbers": [1j, 2**70, -5, 300, 70000, 0.5, True, None],
    "bytes": [b"abc\xff", bytearray(b"xx"), b""],
    "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    "unicode": "ü€𐀀\n",
    "csc": scipy.sparse.csc_matrix(np.eye(3)),
    "csr": scipy.sparse.csr_array(np.eye(3)),
    "coo": scipy.sparse.coo_matrix(np.eye(3)),
}


def same(a: Any, b: Any) -> bool:
    """Whether both are equal in type, value and memory order."""
    if scipy.sparse.issparse(a):
        return type(a) is type(b) and a.shape == b.shape and (a != b).nnz == 0
    if isinstance(a, np.ndarray):
        if a.dtype != b.dtype or a.shape != b.shape or a.flags.f_contiguous != b.flags.f_contiguous:
            return False
        if a.dtype.hasobject:
            return all(same(x, y) for x, y in zip(a.ravel(), b.ravel(), strict=True))
        return np.array_equal(a, b)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and a == b


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "file.pkl"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_every_type_round_trips_in_every_protocol(tmp_path, protocol):
    loaded = load_pickle(written(tmp_path, pickle.dumps(VALUES, protocol)))
    assert [key for key in VALUES if not same(VALUES[key], loaded[key])] == []
    assert loaded["array"].flags.writeable


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("lzma", 1), ("xz", 1)], ids=str)
@pytest.mark.parametrize("protocol", [2, 4])
def test_joblib_files_round_trip_with_every_compression(tmp_path, compress, protocol):
    path = tmp_path / "file.pkl"
    joblib.dump(VALUES, path, compress=compress, protocol=protocol)
    loaded = load_pickle(path)
    assert [key for key in VALUES if not same(VALUES[key], loaded[key])] == []


def test_arrays_shared_in_the_file_stay_shared(tmp_path):
    array = np.arange(4.0)
    loaded = load_pickle(written(tmp_path, pickle.dumps({"a": array, "b": [array]}, 2)))
    assert loaded["a"] is loaded["b"][0]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text() | st.integers(-(2**62), 2**62), inner) | st.tuples(inner)
        ),
        max_leaves=30,
    ),
    st.integers(0, 5),
)
def test_it_agrees_with_pickle(tmp_path_factory, value, protocol):
    path = tmp_path_factory.getbasetemp() / "agree.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    assert same(value, load_pickle(path)) or value == load_pickle(path)


@pytest.mark.golden
@pytest.mark.parametrize("flavour", ["ch", "select"])
def test_chumpy_body_models_become_plain_arrays(tmp_path, goldens_dir, flavour):
    spec = importlib.util.spec_from_file_location("make_synthetic_smpl", goldens_dir / "smpl/make_synthetic_smpl.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    model = maker.model("male")
    maker.write(tmp_path / "model.pkl", model, flavour)
    loaded = load_pickle(tmp_path / "model.pkl")
    assert [key for key in model if not same(model[key], loaded[key])] == []
    assert "chumpy" not in sys.modules


@pytest.mark.real
@pytest.mark.parametrize("name", ["aistpp_gWA_sFM_cAll_d27_mWA5_ch20.pkl", "glamr_running_seed1.pkl"])
def test_published_motion_files_read_as_pickle_reads_them(data_dir, name):
    path = data_dir / "smpl_samples" / name
    with path.open("rb") as file:
        expected = pickle.load(file, encoding="latin1")
    loaded = load_pickle(path)

    def walk(a: Any, b: Any) -> None:
        assert type(a) is type(b)
        if isinstance(a, dict):
            assert a.keys() == b.keys()
            for key in a:
                walk(a[key], b[key])
        else:
            assert same(a, b) or np.array_equal(a, b, equal_nan=True)

    walk(expected, loaded)


ARRAY_2 = (
    b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x00cnumpy\nndarray\nq\x01K\x00\x85U\x01b\x87Rq\x02"
    b"(K\x01K\x02\x85cnumpy\ndtype\nq\x03U\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    b"\x89U\x10" + struct.pack("<2d", 1.5, -2.0) + b"tb."
)
ARRAY_0 = (
    b"cnumpy.core.multiarray\n_reconstruct\np0\n(cnumpy\nndarray\np1\n(I0\ntS'b'\ntRp2\n(I1\n(I2\ntcnumpy\ndtype\n(S'u1'\n"
    b"I0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\xff\\x07'\ntb."
)


def test_python_2_arrays_under_both_encodings(tmp_path):
    for encoding in ("latin1", "bytes"):
        assert np.array_equal(load_pickle(written(tmp_path, ARRAY_2), encoding=encoding), [1.5, -2.0])
        assert np.array_equal(load_pickle(written(tmp_path, ARRAY_0), encoding=encoding), [255, 7])


def test_python_2_text_follows_the_encoding(tmp_path):
    path = written(tmp_path, b"\x80\x02}U\x02\xc3\xbcK\x01s.")
    assert load_pickle(path) == {"Ã¼": 1}
    assert load_pickle(path, encoding="utf-8") == {"ü": 1}
    assert load_pickle(path, encoding="bytes") == {b"\xc3\xbc": 1}
    with pytest.raises(UsageError, match="latin1"):
        load_pickle(path, encoding="no-such-encoding")


def test_chumpy_selection_of_a_selection(tmp_path):
    def node(module: str, name: str, state: bytes) -> bytes:
        return f"cchumpy.{module}\n{name}\n".encode() + b")\x81" + state + b"b"

    inner = node("ch", "Ch", b"}U\x01x" + ARRAY_2[2:-1] + b"s")
    inner = node(
        "reordering",
        "Select",
        b"}(U\x01a" + inner + b"U\x04idxs](K\x01K\x00K\x01K\x00eU\x0fpreferred_shapeK\x02K\x02\x86u",
    )
    outer = node("reordering", "Select", b"}(U\x01a" + inner + b"U\x04idxs](K\x00K\x01eU\x0fpreferred_shapeK\x02\x85u")
    for encoding in ("latin1", "bytes"):
        loaded = load_pickle(written(tmp_path, b"\x80\x02" + outer + b"."), encoding=encoding)
        assert np.array_equal(loaded, [-2.0, 1.5])


# Classes that a caller accepts as placeholders.


def test_extra_names_become_inert(tmp_path):
    data = (
        b"\x80\x02}(U\x03cfgcyacs.config\nCfgNode\n)\x81(U\x03LRsG?\x84z\xe1G\xae\x14{u}U\x06_stateK\x01sb"
        b"U\x05stagecpytorch_lightning.trainer\nStage\nU\x04test\x85Ru."
    )
    with pytest.raises(UnsafeFileError, match=r"yacs\.config\.CfgNode"):
        load_pickle(written(tmp_path, data))
    loaded = load_pickle(written(tmp_path, data), extra=["yacs.config.CfgNode", "pytorch_lightning.*"])
    node = loaded["cfg"]
    assert isinstance(node, Inert)
    assert (node.name, node.entries, node.state) == ("yacs.config.CfgNode", [("LRs", 0.01)], {"_state": 1})
    assert loaded["stage"].args == ("test",)


def test_extra_does_not_allow_other_names(tmp_path):
    with pytest.raises(UnsafeFileError, match=r"os\.system"):
        load_pickle(written(tmp_path, b"cos\nsystem\n(S'true'\ntR."), extra=["yacs.*", "pytorch_lightning.*"])


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
def test_declared_sizes_and_copies_do_not_exhaust_memory(tmp_path, data):
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
    monkeypatch.setattr("kinema.storage.pickle_stream.LEAST_UNPACKED", 8 * 2**20)
    data = compress(b"\x80\x04\x8e" + struct.pack("<Q", 2**27) + bytes(2**27) + b".")
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="unpacks to more than"):
            load_pickle(written(tmp_path, data))
        assert tracemalloc.get_traced_memory()[1] < 60e6
    finally:
        tracemalloc.stop()


def test_small_files_that_compress_well_are_read(tmp_path):
    joblib.dump(np.zeros(10**6), tmp_path / "zeros.pkl", compress=9)
    assert load_pickle(tmp_path / "zeros.pkl").shape == (10**6,)


@pytest.mark.parametrize("kind", ["plain", "joblib", "zlib", "bz2", "xz"])
def test_a_file_truncated_anywhere_is_an_input_error(tmp_path, kind):
    buffer = io.BytesIO()
    small = {"a": np.arange(5), "b": [1.5, "x", {"c": (1, 2)}], "d": np.array([None, 1], dtype=object)}
    if kind == "plain":
        pickle.dump(small, buffer, 2)
    else:
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
    path = tmp_path_factory.getbasetemp() / "damaged.pkl"
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
