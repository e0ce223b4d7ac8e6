"""Reads a user's `.npz`, object arrays included, without executing anything in it.

numpy reads object arrays only through pickle, which executes code named in the file; here they go through the
reader of `safe_pickle.py`. The archive's directory and the arrays' headers must be consistent with each other
and with the file size before anything is read, so that a small file cannot request a large allocation.
"""

from __future__ import annotations

import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.lib import format as npy

from kinema.errors import InputError, quoted
from kinema.storage.budget import Budget, Malformed
from kinema.storage.pickle_machine import PickleMachine
from kinema.storage.pickle_stream import PickleStream
from kinema.storage.pickle_values import TABLE
from kinema.storage.safe_pickle import reading
from kinema.storage.zip_archive import open_zip

MAX_MEMBERS = 20_000
"""Maximum number of arrays in one archive; a motion of a hundred people has about two thousand."""

CORRUPTION = (
    *(ValueError, EOFError, OSError, RuntimeError, SyntaxError, TypeError, KeyError, IndexError, AttributeError),
    *(OverflowError, NotImplementedError, MemoryError, RecursionError, tokenize.TokenError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
)
"""Exceptions that numpy's header parser and the archive's readers raise on damaged bytes."""

_LARGEST_ITEM = 2**16


def load_npz(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of an `.npz` by name. Raises InputError if it cannot be read, UnsafeFileError if it
    references anything that `load_pickle` would refuse.
    """
    with NpzArchive(Path(path)) as archive:
        if not len(archive):
            raise InputError(f"{path} is a zip archive without any array; give an .npz file")
        return dict(archive)


class NpzArchive(Mapping[str, np.ndarray]):
    """The arrays of an `.npz` by name, each read on access. A context manager.

    Opening raises InputError for a file that is corrupt or declares more than it can hold; reading an array
    raises InputError with its name, and UnsafeFileError if it references anything but plain values.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with reading(path, "an .npz"):
            self._zip = open_zip(path)
            self._budget = Budget(path.stat().st_size)
        members = self._zip.infolist()
        unpacked, allowance = sum(info.file_size for info in members), self._budget.memory
        if len(members) > MAX_MEMBERS or unpacked > allowance:
            self._zip.close()
            found = f"{len(members)} arrays" if len(members) > MAX_MEMBERS else f"{unpacked / 2**20:.0f} MiB"
            limit = str(MAX_MEMBERS) if len(members) > MAX_MEMBERS else f"{allowance // 2**20} MiB"
            raise InputError(f"{path} unpacks to {found}, more than the limit of {limit} for a file of its size")
        self._members = {info.filename[:-4]: info for info in members if info.filename.endswith(".npy")}

    def __enter__(self) -> NpzArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, key: object) -> bool:
        return key in self._members

    def __getitem__(self, key: str) -> np.ndarray:
        info = self._members[key]
        try:
            with self._zip.open(info) as member:
                shape, dtype = _header(cast(BinaryIO, member))
                if dtype.hasobject:
                    return self._objects(cast(BinaryIO, member), shape, key)
                count = math.prod(shape)
                declared, available = count * dtype.itemsize, info.file_size - member.tell()
                if declared != available or (count and not dtype.itemsize):
                    raise ValueError(f"it declares {quoted(shape)} of {quoted(dtype)}, but {available} bytes follow")
                if dtype.itemsize > _LARGEST_ITEM + available:  # numpy allocates an entry even for an empty array
                    raise ValueError(f"its entries are declared to have {dtype.itemsize} bytes")
            with self._zip.open(info) as member:
                return np.asarray(npy.read_array(member, allow_pickle=False))
        except CORRUPTION as error:
            if isinstance(error, InputError):
                raise
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(
                f"{self.path}: the array {quoted(key)} is corrupt ({quoted(reason, 120, mark='')}); get a fresh copy"
            ) from None

    def _objects(self, member: BinaryIO, shape: tuple[int, ...], key: str) -> np.ndarray:
        with reading(self.path, "an .npz"):
            value = PickleMachine(PickleStream(member, None, self._budget), TABLE).run()
            if not isinstance(value, np.ndarray) or value.shape != shape:
                raise Malformed(f"the object array {quoted(key)} does not match its header")
        return value


def _header(member: BinaryIO) -> tuple[tuple[int, ...], np.dtype]:
    version = npy.read_magic(member)
    readers: dict[Any, Callable[[Any], Any]] = {
        (1, 0): npy.read_array_header_1_0,
        (2, 0): npy.read_array_header_2_0,
    }
    read = readers.get(version)
    if read is None:
        raise ValueError(f"it has the unknown format version {version}")
    shape, _, dtype = read(member)
    return tuple(int(side) for side in shape), dtype
