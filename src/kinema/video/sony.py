"""The frame rate of Sony's slow and quick motion, from the XML ("NonRealTimeMeta") in its MP4 files.

The document lies in `meta` / `xml ` at the top level of the file (ISO 14496-12, 8.11) and says

    <VideoFrame videoCodec="AVC_1920_1080_HP@L41" captureFps="959.04p" formatFps="23.98p"/>
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_MOST_BOXES = 1000
_LONGEST_XML = 1 << 18
_CAPTURE = re.compile(rb'captureFps="([0-9.]{1,12})p"')


def capture_rate(path: Path) -> str | None:
    """Frames per second that the camera took, as the file writes it; None if it has no such document."""
    with contextlib.suppress(OSError, struct.error), path.open("rb") as file:
        size = path.stat().st_size
        for name, start, end in _boxes(file, 0, size):
            if name != b"meta":
                continue
            # Version and flags, then boxes.
            for inner, begin, stop in _boxes(file, start + 4, end):
                if inner == b"xml ":
                    file.seek(begin + 4)
                    found = _CAPTURE.search(file.read(min(stop - begin, _LONGEST_XML)))
                    return None if found is None else found[1].decode("ascii")
    return None


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of the contents of the boxes between two offsets."""
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        length, name = struct.unpack(">I4s", file.read(8))
        begin = start + 8
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
            begin += 8
        stop = end if length == 0 else start + length
        if stop < begin or stop > end:
            return
        yield name, begin, stop
        start = stop
