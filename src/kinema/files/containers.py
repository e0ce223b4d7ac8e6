"""Opening the containers that motion comes in (.pkl, .npz) as mappings, without executing anything in them.

An `.npz` is checked before any array is read: what its zip directory and the headers of its arrays
declare must fit each other and the file's own size, so that a small file cannot ask for a large memory.
"""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from kinema.errors import InputError, UnsafeFileError

PICKLE_SUFFIXES = (".pkl", ".pickle", ".joblib")

MAX_MEMBERS = 20_000
"""Arrays in one .npz; a motion of a hundred people has about two thousand."""

MAX_EXPANSION = 100
"""How many times its own size an .npz above `FREE_SIZE` may grow; floats compress by 1.1 to 4."""

FREE_SIZE = 256 * 2**20
"""Bytes that any .npz may grow to, however well it is compressed."""


@contextlib.contextmanager
def open_container(path: str | Path) -> Iterator[Mapping[Any, Any]]:
    """The file's contents as a mapping: the unpickled dict, or the arrays of an `.npz` (read when asked for).

    Raises InputError (missing, unreadable, not a mapping), UnsafeFileError (asks for code to be run).
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a motion file in it")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; check the path") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from None
    if not magic:
        raise InputError(f"{path} is empty; write it again")
    if path.suffix.lower() == ".npz" or (magic == b"PK\x03\x04" and path.suffix.lower() not in PICKLE_SUFFIXES):
        with NpzArchive(path) as archive:
            yield archive
        return
    if path.suffix.lower() not in PICKLE_SUFFIXES:
        known = ", ".join((*PICKLE_SUFFIXES, ".npz"))
        raise InputError(f"{path} has no suffix of a motion file; Kinema reads {known}")
    from kinema.files.safe_pickle import load_pickle

    content = load_pickle(path)
    if not isinstance(content, Mapping):
        raise InputError(f"{path} holds a {type(content).__name__} where a motion file holds a dict")
    yield content


class NpzArchive(Mapping[str, np.ndarray]):
    """The arrays of an `.npz` by name, each read when it is asked for; object arrays are refused.

    Raises InputError for a file that is damaged or declares more than it can hold.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise InputError(f"{path} is not a whole .npz file ({error}); it may be truncated") from None
        members = self._zip.infolist()
        try:
            if len(members) > MAX_MEMBERS:
                raise InputError(f"{path} holds {len(members)} arrays, more than any motion file ({MAX_MEMBERS})")
            expanded = sum(info.file_size for info in members)
            if expanded > FREE_SIZE and expanded > MAX_EXPANSION * max(path.stat().st_size, 1):
                raise InputError(
                    f"{path} would grow to {expanded / 2**20:.0f} MB from {path.stat().st_size / 2**20:.1f} MB;"
                    " no motion compresses that well, so it was not read"
                )
        except InputError:
            self._zip.close()
            raise
        self._members = {info.filename.removesuffix(".npy"): info for info in members}

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
                self._check_header(member, key, info.file_size)
            with self._zip.open(info) as member:
                return npy.read_array(member, allow_pickle=False)
        except (ValueError, EOFError, OSError, RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error) as error:
            raise InputError(f"{self.path}: array {key!r} is damaged ({_first_line(error)})") from None
        except (NotImplementedError, MemoryError) as error:
            raise InputError(f"{self.path}: array {key!r} cannot be read ({_first_line(error)})") from None

    def _check_header(self, member: IO[bytes], key: str, size: int) -> None:
        """Refuse an array whose header promises other bytes than the zip entry holds."""
        version = npy.read_magic(member)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(member)
        if dtype.hasobject:
            raise UnsafeFileError(
                f"{self.path}: array {key!r} holds Python objects, which run code when they are read;"
                " save it again as plain numbers"
            )
        declared = dtype.itemsize
        for side in shape:
            declared *= int(side)
        if declared != size - member.tell():
            raise InputError(
                f"{self.path}: array {key!r} declares {tuple(shape)} {dtype} = {declared} bytes"
                f" but {size - member.tell()} follow; the file is damaged"
            )


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
