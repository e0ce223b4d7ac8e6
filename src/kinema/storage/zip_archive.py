"""Opens an untrusted zip archive: its directory is bounded before Python builds an object for every entry."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from kinema.storage.budget import Malformed

MAX_DIRECTORY = 8 * 2**20
"""Most bytes of an archive's directory; an entry takes about a hundred of them, and twenty times as many in memory."""

_END, _END_SIZE, _LONGEST_COMMENT = b"PK\x05\x06", 22, 65_535
_LOCATOR, _LOCATOR_SIZE = b"PK\x06\x07", 20
_END64, _END64_SIZE = b"PK\x06\x06", 56
_IN_END64 = 0xFFFF_FFFF


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open the archive. Raises Malformed if its directory is implausibly large, and the errors of `ZipFile`."""
    size = _directory_size(path)
    if size > MAX_DIRECTORY:
        raise Malformed(f"its directory has {size} bytes, the limit is {MAX_DIRECTORY}")
    return zipfile.ZipFile(path)


def _directory_size(path: Path) -> int:
    """The size that the end of the archive declares, which `zipfile` relies on; 0 if it is not an archive."""
    with path.open("rb") as file:
        length = file.seek(0, os.SEEK_END)
        start = max(0, length - _END_SIZE - _LONGEST_COMMENT - _LOCATOR_SIZE)
        file.seek(start)
        tail = file.read()
        end = tail.rfind(_END)
        if end < 0 or end + _END_SIZE > len(tail):
            return 0
        size = int.from_bytes(tail[end + 12 : end + 16], "little")
        locator = tail[max(0, end - _LOCATOR_SIZE) : end]
        if locator.startswith(_LOCATOR):
            file.seek(min(int.from_bytes(locator[8:16], "little"), length))
            end64 = file.read(_END64_SIZE)
            if end64.startswith(_END64):
                return max(size if size != _IN_END64 else 0, int.from_bytes(end64[40:48], "little"))
        return size
