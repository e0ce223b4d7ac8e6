"""MATLAB's files: what is read, and files that declare more than they hold."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from kinema.errors import InputError
from kinema.storage.matlab import load_mat
from tests.helpers.original_datasets import cells, write_h5, write_mat, write_v73

VALUES = {
    "numbers": np.arange(24.0).reshape(2, 3, 4),
    "bytes": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "cells": cells([np.arange(6.0).reshape(2, 3), np.ones((1, 4), dtype=np.float32)]),
}


@pytest.mark.parametrize("write", [write_mat, write_v73])
def test_numbers_and_cells_in_matlab_s_order(tmp_path, write):
    path = write(tmp_path / "a.mat", **VALUES)
    found = load_mat(path, tuple(VALUES), ("nothing",))
    assert set(found) == set(VALUES)
    for name in ("numbers", "bytes"):
        np.testing.assert_array_equal(found[name], VALUES[name])
    assert found["cells"].shape == (2, 1)
    for place, value in np.ndenumerate(VALUES["cells"]):
        np.testing.assert_array_equal(found["cells"][place], value)


def test_uncompressed(tmp_path):
    from scipy.io import savemat

    savemat(tmp_path / "a.mat", {**VALUES, "text": "words", "parts": {"a": 1}})
    np.testing.assert_array_equal(load_mat(tmp_path / "a.mat", ("numbers",))["numbers"], VALUES["numbers"])
    for name in ("text", "parts"):
        with pytest.raises(InputError, match="is not the kind of a matrix of numbers or cells"):
            load_mat(tmp_path / "a.mat", (name,))


def element(kind: int, body: bytes) -> bytes:
    return struct.pack("<II", kind, len(body)) + body + bytes(-len(body) % 8)


def matrix(form: int, sides: tuple[int, ...], rest: bytes, name: bytes = b"data") -> bytes:
    flags = element(6, struct.pack("<II", form, 0))
    return element(14, flags + element(5, struct.pack(f"<{len(sides)}i", *sides)) + element(1, name) + rest)


def nested(depth: int) -> bytes:
    inner = matrix(6, (1, 1), element(9, bytes(8)), b"")
    for _ in range(depth):
        inner = matrix(1, (1, 1), inner, b"")
    return matrix(1, (1, 1), inner)


def compressed(body: bytes) -> bytes:
    packed = zlib.compress(body, 9)
    return struct.pack("<II", 15, len(packed)) + packed


HEAD = matrix(9, (2**29, 1), b"")[8:]
HOSTILE = {
    "more_numbers_than_it_holds": (
        matrix(6, (100_000, 100_000), element(9, bytes(8))),
        "as many numbers as it declares",
    ),
    "negative_side": (matrix(6, (-1, 1), element(9, bytes(8))), "a negative side"),
    "more_cells_than_it_holds": (matrix(1, (2**30, 1), b""), "does not hold what it declares"),
    "deeply_nested": (nested(20_000), "nested too deeply"),
    "longer_than_the_file": (struct.pack("<II", 14, 2**31) + bytes(64), "longer than the file"),
    "asks_for_much": (compressed(struct.pack("<II", 14, 1 << 29) + HEAD), "far more memory than"),
    "inflates_to_more": (compressed(matrix(6, (1, 1), element(9, bytes(8))) + bytes(80_000)), "another length than it"),
    "inflates_to_less": (compressed(matrix(6, (1, 1), element(9, bytes(8)))[:-8]), "another length than it declares"),
    "a_function": (matrix(16, (1, 1), b""), "not the kind of a matrix"),
    "nothing_inside": (element(14, b""), r"is corrupt \(ValueError\)"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_files_that_declare_more_than_they_hold(tmp_path, name):
    body, message = HOSTILE[name]
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    path = tmp_path / "a.mat"
    path.write_bytes(head + body)
    with pytest.raises(InputError, match=message):
        load_mat(path, ("data",))


def test_other_files(tmp_path):
    path = tmp_path / "a.mat"
    for content in (b"", b"MATLAB 5.0", b"\x00" * 400, b"\x89HDF\r\n\x1a\n" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"a\.mat is (not a MATLAB|corrupt)"):
            load_mat(path, ("data",))
    with pytest.raises(InputError, match="does not exist"):
        load_mat(tmp_path / "no.mat", ("data",))


def test_numbers_of_other_files_are_not_read(tmp_path):
    h5py = pytest.importorskip("h5py")
    write_h5(tmp_path / "other.h5", data=np.ones((2, 3)))
    (tmp_path / "raw").write_bytes(bytes(48))
    path = tmp_path / "a.mat"
    for make in (
        lambda file: file.__setitem__("data", h5py.ExternalLink("other.h5", "data")),
        lambda file: file.create_dataset("data", (2, 3), "f8", external=[("raw", 0, 48)]),
        lambda file: file.create_virtual_dataset("data", _virtual(h5py)),
    ):
        with h5py.File(path, "w") as file:
            make(file)
        with pytest.raises(InputError, match=r"another place or file|in another file"):
            load_mat(path, ("data",))


def _virtual(h5py):
    layout = h5py.VirtualLayout(shape=(2, 3), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "data", shape=(2, 3))
    return layout


def test_a_small_file_of_many_zeros(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.mat"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (2**16, 2**14), "f8", chunks=(2**10, 2**10), compression="gzip")
    with pytest.raises(InputError, match="far more memory than its size"):
        load_mat(path, ("data",))
