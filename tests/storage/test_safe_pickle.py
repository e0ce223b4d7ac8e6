"""Reading pickles: values round-trip, published files, Python 2, and placeholders for unknown classes."""

from __future__ import annotations

import pickle
import struct
import sys
import zlib
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError, UnsafeFileError, UsageError
from kinema.storage.safe_pickle import Inert, load_pickle
from tests.helpers.goldens import smpl_maker
from tests.helpers.pickles import VALUES, written


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


@pytest.mark.parametrize("protocol", range(6))
def test_every_type_round_trips_in_every_protocol(tmp_path, protocol):
    loaded = load_pickle(written(tmp_path, pickle.dumps(VALUES, protocol)))
    assert [key for key in VALUES if not same(VALUES[key], loaded[key])] == []
    assert loaded["array"].flags.writeable


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("lzma", 1), ("xz", 1)], ids=str)
@pytest.mark.parametrize("protocol", [2, 4])
def test_joblib_files_round_trip_with_every_compression(tmp_path, compress, protocol):
    joblib = pytest.importorskip("joblib")
    path = tmp_path / "file.pkl"
    joblib.dump(VALUES, path, compress=compress, protocol=protocol)
    loaded = load_pickle(path)
    assert [key for key in VALUES if not same(VALUES[key], loaded[key])] == []


LONG_LISTS = {
    "floats": [number / 7 for number in range(4000)],  # several times what is read ahead
    "bytes like opcodes": [struct.unpack(">d", code * 8)[0] for code in (b"G", b"K", b"J", b"e") for _ in range(300)],
    "signs": [0.0, -0.0, float("inf"), -1e-320, 1e308] * 50,
    "small": list(range(256)) * 10,
    "middle": list(range(250, 70000, 7)),
    "large": [-1, 2**31 - 1, -(2**31), 70000] * 200,
    "mixed": [0.5, 1, 300, 70000, None, "a", True] * 300,
    "rows": [[number / 3, -number] for number in range(2000)],
}


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("protocol", [1, 2, 5])
def test_long_lists_of_numbers_are_those_that_were_written(tmp_path, protocol, compress):
    """Numbers that follow each other are read together."""
    data = pickle.dumps(LONG_LISTS, protocol)
    loaded = load_pickle(written(tmp_path, zlib.compress(data) if compress else data))
    for name, numbers in LONG_LISTS.items():
        assert same(numbers, loaded[name]), name
        assert repr(numbers) == repr(loaded[name])


def test_numbers_that_are_read_together_are_counted_one_by_one(tmp_path, monkeypatch):
    path = written(tmp_path, pickle.dumps([0.5] * 4000, 4))  # and 256 operations are paid in advance
    monkeypatch.setattr("kinema.storage.budget.MAX_OBJECTS", 4300)
    load_pickle(path)
    monkeypatch.setattr("kinema.storage.budget.MAX_OBJECTS", 3900)
    with pytest.raises(InputError, match="more than 3900 objects"):
        load_pickle(path)


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
def test_chumpy_body_models_become_plain_arrays(tmp_path, flavour):
    maker = smpl_maker()
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
