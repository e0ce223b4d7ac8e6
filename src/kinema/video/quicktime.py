"""Tags of MP4 and MOV files that FFmpeg does not show: metadata of a track, and XMP packets.

Apple's cameras describe the lens in the metadata of the video track, `moov/trak/meta`: a list of names (`keys`) and one
of values (`ilst`); QuickTime File Format, "Metadata". Other cameras and editors embed an XMP packet in a `uuid` box or
in `moov/udta/XMP_`; XMP specification, part 3, 1.1.3.

Box headers are read one at a time, and only the contents of the boxes above, so the cost does not depend on the file
size. Number, depth and size of boxes are bounded, and anything malformed counts as absent.
"""

from __future__ import annotations

import contextlib
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path

from kinema.video.boxes import BoxReader

MOST_BOXES = 4096
"""Total number of boxes whose headers are read; a fragmented file has two for every fragment."""

MOST_KEYS = 256
"""Names in one list."""

MOST_TEXT = 1024
"""Bytes of one value."""

_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_XMP_PROPERTIES = {
    "FocalLengthIn35mmFilm": re.compile(rb"FocalLengthIn35mmFilm(?:\s*=\s*[\"']|\s*>)\s*([0-9./]{1,24})"),
    "make": re.compile(rb"tiff:Make(?:\s*=\s*[\"']|\s*>)([^\"'<>]{1,80})"),
    "model": re.compile(rb"tiff:Model(?:\s*=\s*[\"']|\s*>)([^\"'<>]{1,80})"),
}
"""As an attribute or as an element."""

_TEXT, _FLOATS, _SIGNED, _UNSIGNED = 1, {23: ">f", 24: ">d"}, (21, 65, 66, 67, 74), (22, 75, 76, 77, 78)
"""Well-known types of values."""


@dataclass
class _Reader(BoxReader):
    """The tags found so far by lower-case name."""

    general: dict[str, str] = field(default_factory=dict)
    track: dict[str, str] = field(default_factory=dict)


def quicktime_tags(path: Path) -> dict[str, str]:
    """Tags of an MP4 or MOV file by lower-case name: of its video track if there are any, else of the file or XMP.

    Numbers are converted to text. Other or damaged files have no tags. Raises OSError.
    """
    with path.open("rb") as file:
        reader = _Reader(file, MOST_BOXES)
        file.seek(0, 2)
        with contextlib.suppress(struct.error):
            for name, start, end in reader.boxes(0, file.tell()):
                if name == b"moov":
                    _read_movie(reader, start, end)
                elif name == b"uuid":
                    _read_xmp_box(reader, start, end)
        return {**reader.general, **reader.track}


def _read_movie(reader: _Reader, start: int, end: int) -> None:
    for name, first, last in reader.boxes(start, end):
        if name == b"trak":
            _read_track(reader, first, last)
        elif name == b"meta":
            _keep(reader.general, _metadata(reader, first, last))
        elif name == b"uuid":
            _read_xmp_box(reader, first, last)
        elif name == b"udta":
            for inner, i, j in reader.boxes(first, last):
                if inner == b"meta":
                    _keep(reader.general, _metadata(reader, i, j))
                elif inner == b"XMP_":
                    _read_xmp(reader, i, j)


def _read_track(reader: _Reader, start: int, end: int) -> None:
    """Read the metadata of a track if it is a video track."""
    tags: dict[str, str] = {}
    video = False
    for name, first, last in reader.boxes(start, end):
        if name == b"mdia":
            # The handler comes second; the sample tables that follow can be skipped.
            handler = next((box for box in reader.boxes(first, last) if box[0] == b"hdlr"), None)
            video = handler is not None and reader.content(handler[1], min(handler[2], handler[1] + 12))[8:] == b"vide"
        elif name == b"meta":
            _keep(tags, _metadata(reader, first, last))
        elif name == b"udta":
            for inner, i, j in reader.boxes(first, last):
                if inner == b"meta":
                    _keep(tags, _metadata(reader, i, j))
    if video:
        _keep(reader.track, tags)


def _metadata(reader: _Reader, start: int, end: int) -> dict[str, str]:
    """The names and values of a `meta` box. In ISO files it starts with a version, in QuickTime files it does not."""
    if reader.content(start, min(end, start + 8))[4:] != b"hdlr":
        start += 4
    names: list[str] = []
    tags: dict[str, str] = {}
    for name, first, last in reader.boxes(start, end):
        if name == b"keys":
            names = _names(reader.content(first, last))
        elif name == b"ilst":
            for index, i, j in reader.boxes(first, last):
                number = int.from_bytes(index, "big")
                if 1 <= number <= len(names) and (value := _value(reader, i, j)) is not None:
                    tags.setdefault(names[number - 1].lower(), value)
    return tags


def _names(data: bytes) -> list[str]:
    """The names in a `keys` box: each with its length and namespace before it."""
    names: list[str] = []
    at = 8
    while at + 8 <= len(data) and len(names) < MOST_KEYS:
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8:
            break
        names.append(data[at + 8 : min(at + size, at + MOST_TEXT)].decode("utf-8", "replace"))
        at += size
    return names


def _value(reader: _Reader, start: int, end: int) -> str | None:
    """The first `data` box of an item as text: its type, its language, then the value."""
    for name, first, last in reader.boxes(start, end):
        if name == b"data" and 8 <= last - first <= MOST_TEXT:
            data = reader.content(first, last)
            kind, value = int.from_bytes(data[1:4], "big"), data[8:]
            if kind == _TEXT:
                return value.decode("utf-8", "replace").strip("\0 ")
            if kind in _FLOATS and len(value) == struct.calcsize(_FLOATS[kind]):
                return repr(struct.unpack(_FLOATS[kind], value)[0])
            if kind in (*_SIGNED, *_UNSIGNED) and 1 <= len(value) <= 8:
                return str(int.from_bytes(value, "big", signed=kind in _SIGNED))
            return None
    return None


def _read_xmp_box(reader: _Reader, start: int, end: int) -> None:
    if end - start > 16 and reader.content(start, start + 16) == _XMP_UUID:
        _read_xmp(reader, start + 16, end)


def _read_xmp(reader: _Reader, start: int, end: int) -> None:
    """The properties of an XMP packet. They are searched for in its text: hostile XML is never parsed."""
    packet = reader.content(start, end)
    for name, pattern in _XMP_PROPERTIES.items():
        if (found := pattern.search(packet)) is not None:
            _keep(reader.general, {name.lower(): found[1].decode("utf-8", "replace").strip()})


def _keep(tags: dict[str, str], more: dict[str, str]) -> None:
    """Add what is not there yet."""
    for name, value in more.items():
        tags.setdefault(name, value)
