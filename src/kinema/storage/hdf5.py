"""Arrays in HDF5 files, including MATLAB 7.3 files, without following links to other files.

Needs h5py, from the extra `datasets`. The size of a dataset is charged to the file's budget before it is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError, UsageError, quoted
from kinema.storage.budget import ARRAY, Budget, Malformed

_BROKEN = (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError, MemoryError, AttributeError)
"""Exceptions that h5py raises on damaged files."""

_MOST_CELLS = 10_000


class Hdf5File:
    """An open file; see `open_hdf5`."""

    def __init__(self, path: Path, file: Any, module: Any) -> None:
        self._path, self._file, self._h5py = path, file, module
        self._budget = Budget(path.stat().st_size)

    def __contains__(self, name: str) -> bool:
        return name in self._file

    def array(self, name: str) -> np.ndarray:
        """A top-level dataset of numbers. Raises InputError."""
        dataset = self._named(name)
        if dataset.dtype.kind not in "fiub":
            raise InputError(f"{self._path}: {quoted(name)} must be numbers")
        return self._read(dataset)

    def cells(self, name: str) -> np.ndarray:
        """A MATLAB cell array of numbers: an object array of arrays, in the file's axis order. Raises InputError."""
        dataset = self._named(name)
        if self._h5py.check_ref_dtype(dataset.dtype) is not self._h5py.Reference or dataset.size > _MOST_CELLS:
            raise InputError(f"{self._path}: {quoted(name)} must be a cell array")
        found = np.empty(dataset.shape, dtype=object)
        for place, reference in np.ndenumerate(self._read(dataset)):
            inner = self._file[reference]
            if not isinstance(inner, self._h5py.Dataset) or inner.dtype.kind not in "fiub":
                raise InputError(f"{self._path}: {quoted(name)} must be a cell array of numbers")
            found[place] = self._read(inner)
        return found

    def is_cells(self, name: str) -> bool:
        """Whether a dataset is a cell array."""
        return self._h5py.check_ref_dtype(self._named(name).dtype) is not None

    def _named(self, name: str) -> Any:
        link = self._file.get(name, getlink=True)
        if link is None:
            has = ", ".join(quoted(each, 30, mark="") for each in list(self._file)[:8])
            raise InputError(f"{self._path} has no {quoted(name)}; it has {has or 'nothing'}")
        if not isinstance(link, self._h5py.HardLink):
            raise InputError(f"{self._path}: {quoted(name)} lies in another place or file; use a copy that holds it")
        dataset = self._file[name]
        if not isinstance(dataset, self._h5py.Dataset):
            raise InputError(f"{self._path}: {quoted(name)} is not an array")
        return dataset

    def _read(self, dataset: Any) -> np.ndarray:
        if dataset.external is not None or dataset.is_virtual:
            raise InputError(f"{self._path} keeps its numbers in another file; use a copy that holds them")
        self._budget.charge(ARRAY + dataset.size * dataset.dtype.itemsize)
        return np.asarray(dataset[()])


@contextmanager
def open_hdf5(path: Path) -> Iterator[Hdf5File]:
    """An HDF5 file. Raises UsageError without h5py, InputError for a file that is missing, damaged or too large."""
    try:
        import h5py
    except ImportError:
        raise UsageError(f"{path.name} needs h5py, which is missing; run `pip install 'kinema[datasets]'`") from None
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the path")
    try:
        with h5py.File(path, "r") as file:
            yield Hdf5File(path, file, h5py)
    except InputError:
        raise
    except Malformed as error:
        raise InputError(f"{path} is corrupt: {error}; get a fresh copy of it") from None
    except _BROKEN as error:
        raise InputError(f"{path} is corrupt or not an HDF5 file; get a fresh copy of it") from error
