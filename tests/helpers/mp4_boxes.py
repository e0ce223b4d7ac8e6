"""Boxes of MP4 and MOV files, and files with boxes added to them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
APPLE_LENS = "com.apple.quicktime.camera.focal_length.35mm_equivalent"


def box(name: bytes, *content: bytes) -> bytes:
    """A box: its size, its name, its content."""
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), name) + body


def value(text: str | bytes, kind: int = 1) -> bytes:
    """A `data` box: UTF-8 text (kind 1), or the bytes of another kind."""
    return box(b"data", struct.pack(">II", kind, 0), text.encode() if isinstance(text, str) else text)


def metadata(items: Mapping[str, bytes], *, iso: bool = False) -> bytes:
    """A `meta` box with these names and `data` boxes. iso: with a version before its content, as ISO files have it."""
    names = b"".join(struct.pack(">I4s", 8 + len(name), b"mdta") + name.encode() for name in items)
    keys = box(b"keys", struct.pack(">II", 0, len(items)), names)
    values = b"".join(box(struct.pack(">I", 1 + i), data) for i, data in enumerate(items.values()))
    handler = box(b"hdlr", bytes(8), b"mdta", bytes(13))
    return box(b"meta", bytes(4) if iso else b"", handler, keys, box(b"ilst", values))


def xmp(packet: str) -> bytes:
    """A `uuid` box with an XMP packet."""
    return box(b"uuid", XMP_UUID, packet.encode())


def boxes(data: bytes, start: int = 0, end: int | None = None) -> list[tuple[bytes, int, int]]:
    """Name, start and end of the boxes in a part of a file."""
    found, end = [], len(data) if end is None else end
    while start + 8 <= end:
        size, name = struct.unpack(">I4s", data[start : start + 8])
        found.append((name, start, start + size))
        start += size
    return found


def _grown(data: bytes, at: int, by: int) -> bytes:
    """The file with the size of the box at an offset enlarged."""
    (size,) = struct.unpack(">I", data[at : at + 4])
    return data[:at] + struct.pack(">I", size + by) + data[at + 4 :]


def insert(path: Path, added: bytes, *, track: int | None = None) -> Path:
    """Append a box to the movie or to one of its tracks; the movie is the file's last box, so that no offset moves."""
    data = path.read_bytes()
    name, start, end = boxes(data)[-1]
    assert name == b"moov", f"{path.name} does not end with its index"
    at = end
    if track is not None:
        tracks = [found for found in boxes(data, start + 8, end) if found[0] == b"trak"]
        _, first, at = tracks[track]
        data = _grown(data, first, len(added))
    data = _grown(data, start, len(added))
    path.write_bytes(data[:at] + added + data[at:])
    return path
