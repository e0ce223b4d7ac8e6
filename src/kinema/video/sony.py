"""The frame rate of Sony's slow and quick motion, from the XML ("NonRealTimeMeta") in its MP4 files.

The document lies in `meta` / `xml ` at the top level of the file (ISO 14496-12, 8.11) and says

    <VideoFrame videoCodec="AVC_1920_1080_HP@L41" captureFps="959.04p" formatFps="23.98p"/>
"""

from __future__ import annotations

import contextlib
import re
import struct
from pathlib import Path

from kinema.video.boxes import BoxReader

_MOST_BOXES = 1000
_LONGEST_XML = 1 << 18
_CAPTURE = re.compile(rb'captureFps="([0-9.]{1,12})p"')


def capture_rate(path: Path) -> str | None:
    """The camera's frames per second, as written in the file; None if it has no such document."""
    with contextlib.suppress(OSError, struct.error), path.open("rb") as file:
        reader = BoxReader(file, _MOST_BOXES)
        for name, start, end in reader.boxes(0, path.stat().st_size):
            if name != b"meta":
                continue
            # Version and flags, then boxes.
            for inner, begin, stop in reader.boxes(start + 4, end):
                if inner == b"xml ":
                    file.seek(begin + 4)
                    found = _CAPTURE.search(file.read(min(stop - begin, _LONGEST_XML)))
                    return None if found is None else found[1].decode("ascii")
    return None
