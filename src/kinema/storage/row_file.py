"""A `.npy` file that is written row by row, in any order, over hours.

Its disk space is allocated at the start, and an interrupted one can be resumed. Rows are written with ordinary calls: a
memory-mapped array would kill the process with a bus error on a full disk.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from kinema.storage.atomic import explain_write_error

PART = ".part"
"""Ending of an unfinished file."""

_UNABLE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)


class RowFile:
    """An array of this shape and type on disk; `put` writes a row (along the first axis).

    Until `finish` the file's name ends in `.part`. resume: continue such a file. Raises OutputError if the disk is too
    small or cannot be written.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: type, *, resume: bool = False) -> None:
        self.path, self._part = path, path.with_name(path.name + PART)
        self._shape, self._dtype = shape, np.dtype(dtype)
        self._row = self._dtype.itemsize * int(np.prod(shape[1:]))
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = open(self._part, "r+b" if resume else "w+b", buffering=0)  # noqa: SIM115
        try:
            with self._explained():
                self._begin(resume)
        except BaseException:
            self.leave(forget=not resume)
            raise

    def _begin(self, resume: bool) -> None:
        if resume:
            version = np.lib.format.read_magic(self._file)
            assert version == (1, 0)
            np.lib.format.read_array_header_1_0(self._file)
            self._start = self._file.tell()
            return
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": self._shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        self._start = self._file.tell()
        size = self._start + self._row * self._shape[0]
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(self._file.fileno(), 0, size)
                return
            except OSError as error:
                if error.errno not in _UNABLE:
                    raise
        self._file.truncate(size)

    @classmethod
    def resumable(cls, path: Path, shape: tuple[int, ...], dtype: type) -> bool:
        """Whether there is an unfinished file of this shape and type."""
        with contextlib.suppress(OSError, ValueError), open(path.with_name(path.name + PART), "rb") as file:
            if np.lib.format.read_magic(file) == (1, 0):
                found, by_columns, kind = np.lib.format.read_array_header_1_0(file)
                size = file.tell() + np.dtype(dtype).itemsize * int(np.prod(shape))
                whole = os.fstat(file.fileno()).st_size == size
                return (found, by_columns, kind) == (shape, False, np.dtype(dtype)) and whole
        return False

    def put(self, row: int, values: np.ndarray) -> None:
        """Write one row. Raises OutputError."""
        data = np.ascontiguousarray(values, self._dtype).tobytes()
        with self._explained():
            self._file.seek(self._start + self._row * row)
            while data:
                data = data[self._file.write(data) :]

    def get(self) -> np.ndarray:
        """Read all rows. Raises OutputError."""
        with self._explained():
            self._file.seek(self._start)
            data = self._file.read(self._row * self._shape[0])
        return np.frombuffer(data, self._dtype).reshape(self._shape)

    def sync(self) -> None:
        """Return when everything is on the disk. Raises OutputError."""
        with self._explained():
            os.fsync(self._file.fileno())

    def finish(self) -> None:
        """Give the file its name. Raises OutputError."""
        with self._explained():
            self.sync()
            self._file.close()
            os.replace(self._part, self.path)

    def leave(self, *, forget: bool) -> None:
        """Close the file if it is not finished. forget: also remove it."""
        if not self._file.closed:
            self._file.close()
            if forget:
                with contextlib.suppress(OSError):
                    self._part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            explained = explain_write_error(error, self.path)
            if explained is None:
                raise
            raise explained from error
