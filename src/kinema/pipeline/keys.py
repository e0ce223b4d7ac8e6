"""The identity of a run: input, code, settings and weights, as one sha256 key; whether the input stayed the same."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from kinema.errors import InputError

_SAMPLE = 1 << 20


def digest(*values: Any) -> str:
    """sha256, in hex, of JSON-serialisable values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def input_identity(path: Path) -> dict[str, Any]:
    """Identifies an input without reading all of it: name, size, time and the sha256 of a sample.

    path: a video file, or a folder of images. The sample is the first and the last megabyte; for a folder, those of its
    first and last file, and the listing counts as well. The parent folder does not count, so a clip may be moved.
    Raises InputError if the input cannot be read.
    """
    try:
        files = sorted(f for f in path.iterdir() if f.is_file()) if path.is_dir() else [path]
        stats = [f.stat() for f in files]
        sample = hashlib.sha256()
        for file in dict.fromkeys((files[0], files[-1])) if files else ():
            _add_ends(sample, file)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}; check the name and the folder") from None
    listing = [(f.name, s.st_size, s.st_mtime_ns) for f, s in zip(files, stats, strict=True)]
    return {
        "name": path.name,
        "bytes": sum(s.st_size for s in stats),
        "files": digest(listing),
        "sample": sample.hexdigest(),
    }


class InputWatch:
    """An input that is being read. A context manager; identity: that of the input when the reading began."""

    def __init__(self, path: Path) -> None:
        """Raises InputError if the input cannot be read."""
        self.path, self.identity = path, input_identity(path)
        self._states = _states(path)
        self._stack = contextlib.ExitStack()
        self._file: BinaryIO | None = None

    def __enter__(self) -> InputWatch:
        if self.path.is_file():  # keeps the contents accessible if the file is moved or deleted meanwhile
            with contextlib.suppress(OSError):
                self._file = self._stack.enter_context(self.path.open("rb"))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def check(self) -> None:
        """Raise InputError if the input has changed since the identity was taken."""
        try:
            same = input_identity(self.path) == self.identity
        except InputError:
            same = self._is_whole_elsewhere()
        if not same:
            raise InputError(
                f"{self.path} was changed while it was read; wait until it is complete, then run the same again"
            )

    @property
    def touched(self) -> bool:
        """Whether the operating system saw changes that the input no longer shows: its contents may have been different
        for a while."""
        try:
            return _states(self.path) != self._states
        except OSError:
            return False

    def _is_whole_elsewhere(self) -> bool:
        if self._file is None:
            return False
        stat = os.fstat(self._file.fileno())
        return stat.st_size == self.identity["bytes"] and [stat.st_mtime_ns] == [mtime for mtime, _ in self._states]


def _states(path: Path) -> list[tuple[int, int]]:
    """Times of the last change of contents and, except on Windows, of the inode, for each file."""
    stats = [f.stat() for f in (sorted(path.iterdir()) if path.is_dir() else [path])]
    return [(stat.st_mtime_ns, 0 if os.name == "nt" else stat.st_ctime_ns) for stat in stats]


def _add_ends(sample: Any, file: Path) -> None:
    with file.open("rb") as stream:
        sample.update(stream.read(_SAMPLE))
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(size - _SAMPLE, 0))
        sample.update(stream.read(_SAMPLE))


PACKAGE = Path(__file__).resolve().parents[1]
"""The folder of this package."""


@functools.cache
def code_identity(*packages: str) -> str:
    """sha256 of Kinema's own files (modules and bundled data): a changed program never resumes the work of another
    version.

    packages: only these folders of `kinema`; by default all of it.
    """
    places = [PACKAGE / package for package in packages] or [PACKAGE]
    folders = (found for place in places for found in os.walk(place))
    files = {os.path.join(folder, name) for folder, _, names in folders for name in names if not name.endswith(".pyc")}
    # Names as text: making a thousand paths of them, and sorting those, takes as long as hashing the files.
    return digest([(file.removeprefix(str(PACKAGE)), _sha256(file)) for file in sorted(files)])


def _sha256(file: str) -> str:
    with open(file, "rb", buffering=0) as stream:
        return hashlib.sha256(stream.read()).hexdigest()
