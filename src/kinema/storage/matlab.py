"""Numbers and cell arrays of numbers in MATLAB files: versions 5 to 7 through scipy, 7.3 through h5py.

scipy trusts a file's declarations, so its nested elements are checked here first: a small file can neither request much
memory nor nest endlessly. Nothing in such files is executed.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from kinema.errors import InputError, quoted
from kinema.storage.budget import ARRAY, VALUE, Budget, Malformed
from kinema.storage.hdf5 import open_hdf5
from kinema.storage.unreadable import unreadable

_HDF5 = b"\x89HDF\r\n\x1a\n"
_USER_BLOCK = 512  # of version 7.3: the HDF5 file begins after it
_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_CELL, _NUMBERS = 1, range(6, 16)
_SIZES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
"""Bytes of a stored number by its type."""

_LONGEST_HEAD = 4096  # bytes that contain an element's flags, dimensions and name
_DEEPEST = 3


def load_mat(path: Path, names: Collection[str], optional: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Variables by name, in MATLAB's axis order: numbers, or object arrays of the numbers in the cells.

    Raises InputError for a missing file, another format, a variable that is missing or of another kind, and corrupt or
    absurdly large contents; UsageError for version 7.3 without h5py.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_USER_BLOCK + len(_HDF5))
    except OSError as error:
        raise unreadable(path, error) from None
    wanted = {*names, *optional}
    later = head.startswith(_HDF5) or head[_USER_BLOCK:] == _HDF5
    found = _of_hdf5(path, wanted) if later else _of_version_5(path, wanted)
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(f"{path} has no {', '.join(missing)}; it is not the file that is expected here")
    return found


def _of_hdf5(path: Path, wanted: Collection[str]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    with open_hdf5(path) as file:
        for name in wanted:
            if name not in file:
                continue
            if not file.is_cells(name):
                found[name] = file.array(name).T
                continue
            cells = file.cells(name).T
            for place, value in np.ndenumerate(cells):
                cells[place] = value.T
            found[name] = cells
    return found


def _of_version_5(path: Path, wanted: Collection[str]) -> dict[str, np.ndarray]:
    from scipy.io import loadmat

    data = path.read_bytes()
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if order is None or len(data) < _HEADER:
        raise InputError(f"{path} is not a MATLAB file of version 5 or later; save it again with MATLAB")
    budget = Budget(len(data))
    try:
        for kind, body in _elements(memoryview(data)[_HEADER:], order):
            if kind == _COMPRESSED:
                _check_compressed(body, order, wanted, budget)
            elif kind == _MATRIX and _name_of(body, order) in wanted:
                _check_matrix(body, order, budget, 1)
        loaded = loadmat(str(path), variable_names=list(wanted))
    except (Malformed, struct.error, zlib.error) as error:
        raise InputError(f"{path} is corrupt: {error}; get a fresh copy of it") from None
    except Exception as error:  # scipy has no common error for damaged files
        raise InputError(f"{path} is corrupt ({type(error).__name__}); get a fresh copy of it") from error
    return {name: loaded[name] for name in wanted if name in loaded}


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Type and contents of successive elements. Raises Malformed if one is longer than the data."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:  # a small element, with its contents instead of its size
            kind, size = kind & 0xFFFF, kind >> 16
            yield kind, data[at + 4 : at + 4 + min(size, 4)]
            at += 8
            continue
        if at + 8 + size > len(data):
            raise Malformed("an element is longer than the file")
        yield kind, data[at + 8 : at + 8 + size]
        # Compressed elements are not padded.
        at += 8 + size + (0 if kind == _COMPRESSED else -size % 8)


def _check_compressed(body: memoryview, order: str, wanted: Collection[str], budget: Budget) -> None:
    inflate = zlib.decompressobj()
    head = inflate.decompress(body, _LONGEST_HEAD)
    if len(head) < 8:
        raise Malformed("a compressed element is empty")
    kind, size = struct.unpack_from(f"{order}II", head)
    if kind != _MATRIX or _name_of(memoryview(head)[8:], order) not in wanted:
        return
    budget.charge(size)
    inside = head + inflate.decompress(inflate.unconsumed_tail, max(size + 8 - len(head), 1))
    if len(inside) < size + 8 or inflate.unconsumed_tail:
        raise Malformed("a compressed element has another length than it declares")
    _check_matrix(memoryview(inside)[8:], order, budget, 1)


def _name_of(body: memoryview, order: str) -> str:
    """The name of a matrix; "" if it cannot be found."""
    try:
        for number, (_, part) in enumerate(_elements(body[:_LONGEST_HEAD], order)):
            if number == 2:
                return bytes(part).decode("latin1")
    except Malformed:
        pass
    return ""


def _check_matrix(body: memoryview, order: str, budget: Budget, depth: int) -> None:
    """Raise Malformed unless a matrix contains what it declares."""
    parts = list(_limited(_elements(body, order), budget))
    if len(parts) < 3 or len(parts[0][1]) < 4:
        raise Malformed("a matrix lacks its flags, sides or name")
    form = struct.unpack_from(f"{order}I", parts[0][1])[0] & 0xFF
    sides = struct.unpack(f"{order}{len(parts[1][1]) // 4}i", parts[1][1][: len(parts[1][1]) // 4 * 4])
    if any(side < 0 for side in sides):
        raise Malformed("a matrix has a negative side")
    count = math.prod(sides)
    if form == _CELL:
        inner = [part for kind, part in parts[3:] if kind == _MATRIX]
        if count != len(inner) or depth >= _DEEPEST:
            raise Malformed("a cell array does not hold what it declares, or is nested too deeply")
        for part in inner:
            if len(part):
                _check_matrix(part, order, budget, depth + 1)
    elif form in _NUMBERS:
        stored, values = parts[3] if len(parts) > 3 else (9, memoryview(b""))
        if stored not in _SIZES or len(values) != count * _SIZES[stored]:
            raise Malformed("a matrix does not hold as many numbers as it declares")
        budget.charge(ARRAY + 8 * count - len(values))  # small integers are stored narrower than they are read
    else:
        raise Malformed(f"{quoted(form)} is not the kind of a matrix of numbers or cells")


def _limited(parts: Iterator[tuple[int, memoryview]], budget: Budget) -> Iterator[tuple[int, memoryview]]:
    for part in parts:
        budget.charge(VALUE)
        yield part
