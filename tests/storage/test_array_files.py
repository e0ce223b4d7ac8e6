"""`.npz` and `.safetensors` files as arrays: object arrays, published files, hostile and malformed ones."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from kinema.errors import InputError, UnsafeFileError
from kinema.storage.checkpoints import load_checkpoint
from kinema.storage.safe_npz import load_npz
from tests.helpers.hostile_files import Call


def test_npz_with_objects_is_read_and_hostile_ones_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    arrays = {"a": np.arange(6.0).reshape(2, 3), "f": np.asfortranarray(np.eye(3)[:2]), "e": np.empty((0, 4))}
    objects = np.array({"results": [np.arange(3)]}, dtype=object)
    np.savez_compressed(path, **arrays, o=objects)
    loaded = load_npz(path)
    assert all(np.array_equal(loaded[name], value) for name, value in arrays.items())
    assert np.array_equal(loaded["o"].item()["results"][0], [0, 1, 2])
    assert set(load_checkpoint(path)) == set(arrays)
    np.savez(path, o=np.array([Call(os.system, f"touch {tmp_path}/touched")], dtype=object))
    with pytest.raises(UnsafeFileError, match=r"\.system"):
        load_npz(path)
    assert not (tmp_path / "touched").exists()


@pytest.mark.real
def test_published_npz_with_objects(data_dir):
    results = load_npz(data_dir / "smpl_samples" / "romp_output.npz")["results"].item()
    assert results["smpl_thetas"].shape == (1, 72)
    assert results["verts"].shape == (1, 6890, 3)


def npy(header: str) -> bytes:
    text = header.encode() + b" " * 20 + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    "member",
    [
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}"),
        npy("{'descr': '<f8', 'shape': __import__('os')}"),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}") + pickle.dumps([1, 2]),
        b"\x93NUMPY\x09\x00",
        b"not an array",
        b"",
    ],
)
def test_broken_arrays_in_an_npz(tmp_path, member):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", member)
    with pytest.raises(InputError, match=r"a\.npz"):
        load_npz(tmp_path / "a.npz")


def safetensors(header: dict | bytes, data: bytes) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


def test_hand_made_safetensors(tmp_path):
    path = tmp_path / "w.safetensors"
    header = {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]},
        "b": {"dtype": "BF16", "shape": [1], "data_offsets": [8, 10]},
        "n": {"dtype": "I64", "shape": [], "data_offsets": [10, 18]},
    }
    path.write_bytes(safetensors(header, struct.pack("<2f", 1.5, 2) + b"\xc0\x3f" + struct.pack("<q", 9)))
    loaded = load_checkpoint(path)
    assert np.array_equal(loaded["a"], [[1.5], [2]])
    assert loaded["b"].dtype == np.float32
    assert loaded["b"][0] == 1.5
    assert loaded["n"] == 9


def test_safetensors_written_by_the_library(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array([True, False]), "c": np.empty((0, 2), np.float16)}
    library.save_file(arrays, tmp_path / "w.safetensors")
    loaded = load_checkpoint(tmp_path / "w.safetensors")
    assert {name: array.tolist() for name, array in loaded.items()} == {n: a.tolist() for n, a in arrays.items()}


ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "content",
    [
        safetensors({"a": {**ONE, "data_offsets": [0, 80]}}, bytes(8)),
        safetensors({"a": {**ONE, "data_offsets": [8, 0]}}, bytes(8)),
        safetensors({"a": {**ONE, "shape": [3]}}, bytes(8)),
        safetensors({"a": {**ONE, "shape": [-2, -1]}}, bytes(8)),
        safetensors({"a": {**ONE, "dtype": "F8_E4M3"}}, bytes(8)),
        safetensors({"a": 5}, bytes(8)),
        safetensors(b"{not json", bytes(8)),
        struct.pack("<Q", 2**60) + b"{}",
    ],
)
def test_broken_safetensors(tmp_path, content):
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=r"w\.safetensors"):
        load_checkpoint(tmp_path / "w.safetensors")
