"""Image headers read without decoding: size, orientation, lens, time (JPEG, PNG, WebP, BMP, TIFF).

EXIF is a small TIFF file embedded in the image: a header with the byte order, then directories of 12-byte
entries (EXIF 2.32, section 4.6). Only the entries that Kinema uses are read; anything malformed counts as absent.
Lists and texts are read up to a limit, whatever length the file declares.
"""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from kinema.video.metadata import plausible_focal

_SHORT, _LONG, _ASCII = 3, 4, 2
_NAMES = {
    0x0100: "width",
    0x0101: "height",
    0x010F: "make",
    0x0110: "model",
    0x0112: "orientation",
    0x9003: "created",
    0x9291: "subsecond",
    0xA405: "focal_35mm",
}
_EXIF_DIRECTORY = 0x8769
_BYTES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_TILE_WIDTH, _TILE_HEIGHT = 0x0142, 0x0143
# A directory has a few dozen entries, a text a few words, an EXIF block at most 64 kB in JPEG.
_MOST_ENTRIES = 1000
_LONGEST_TEXT = 1000
_LONGEST_BLOCK = 1 << 20
_MALFORMED = (struct.error, IndexError, ValueError)
# Segments and chunks; a PNG of 100 million pixels has about ten thousand.
_MOST_CHUNKS = 100_000
_MOST_PADDING = 1 << 16
# JPEG markers that carry the frame's size: SOF0-15 without DHT, JPG and DAC.
_JPEG_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass
class ImageHeader:
    """width, height: stored pixels, None if the header could not be read. orientation: EXIF 1-8.

    tags: "make", "model", "created", "subsecond" (digits after the second), "focal_35mm", if the image has them.
    animated: whether it has several images (WebP, PNG). tile: width and height of a TIFF's tiles.
    """

    width: int | None = None
    height: int | None = None
    orientation: int = 1
    tags: dict[str, Any] = field(default_factory=dict)
    animated: bool = False
    tile: tuple[int, int] | None = None


def read_header(path: Path) -> ImageHeader:
    """The header of an image file. Never raises for a malformed file: fields that cannot be read stay unset."""
    header = ImageHeader()
    with path.open("rb") as file:
        read(file, header)
    return header


def read(file: BinaryIO, header: ImageHeader) -> None:
    """Fill in the values of the header in `file`, as far as it can be read."""
    with contextlib.suppress(*_MALFORMED):
        _read(file, header)


def _read(file: BinaryIO, header: ImageHeader) -> None:
    head = file.read(32)
    file.seek(0)
    if head[:2] == b"\xff\xd8":
        _read_jpeg(file, header)
    elif head[:8] == b"\x89PNG\r\n\x1a\n":
        header.width, header.height = struct.unpack(">II", head[16:24])
        _read_png(file, header)
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        _read_webp(file, header)
    elif head[:2] == b"BM":
        (kind,) = struct.unpack("<I", head[14:18])
        width, height = struct.unpack("<hh", head[18:22]) if kind == 12 else struct.unpack("<ii", head[18:26])
        header.width, header.height = width, abs(height)
    elif head[:4] in (b"II*\0", b"MM\0*"):
        _read_tiff(file, header, size=True)


def _read_jpeg(file: BinaryIO, header: ImageHeader) -> None:
    file.seek(2)
    for _ in range(_MOST_CHUNKS):
        marker = _next_marker(file)
        if marker in (None, 0xD9, 0xDA):
            return
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        data = file.read(length - 2)
        if marker in _JPEG_SIZE_MARKERS and header.width is None:
            header.height, header.width = struct.unpack(">HH", data[1:5])
        elif marker == 0xE1 and data[:6] == b"Exif\0\0":
            _read_exif(data[6:], header)


def _next_marker(file: BinaryIO) -> int | None:
    """The byte after the next run of 0xFF; None if there is none nearby."""
    seen_ff = False
    for _ in range(_MOST_PADDING):
        byte = file.read(1)
        if not byte:
            return None
        if byte == b"\xff":
            seen_ff = True
        elif seen_ff:
            return byte[0]
    return None


def _read_png(file: BinaryIO, header: ImageHeader) -> None:
    file.seek(16)
    header.width, header.height = struct.unpack(">II", file.read(8))
    file.seek(8)
    found = False
    for _ in range(_MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return
        length, name = struct.unpack(">I4s", head)
        if name == b"acTL" and length == 8:
            (images,) = struct.unpack(">I", file.read(4))
            header.animated = images > 1
            file.seek(length, 1)
        elif name == b"eXIf" and length <= _LONGEST_BLOCK and not found:
            found = True
            _read_exif(file.read(length), header)
            file.seek(4, 1)
        else:
            file.seek(length + 4, 1)


def _read_webp(file: BinaryIO, header: ImageHeader) -> None:
    file.seek(12)
    for _ in range(_MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return
        name, length = struct.unpack("<4sI", head)
        data = file.read(min(length, _LONGEST_BLOCK if name == b"EXIF" else 32))
        if name == b"VP8X":
            header.animated = bool(data[0] & 2)
            header.width = 1 + int.from_bytes(data[4:7], "little")
            header.height = 1 + int.from_bytes(data[7:10], "little")
        elif name == b"VP8 " and header.width is None:
            width, height = struct.unpack("<HH", data[6:10])
            header.width, header.height = width & 0x3FFF, height & 0x3FFF
        elif name == b"VP8L" and header.width is None:
            bits = int.from_bytes(data[1:5], "little")
            header.width, header.height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        elif name == b"EXIF":
            _read_exif(data.removeprefix(b"Exif\0\0"), header)
        file.seek(max(length - len(data), 0) + length % 2, 1)


def _read_exif(data: bytes, header: ImageHeader) -> None:
    """The entries of an EXIF block; a malformed one does not affect the rest of the header."""
    with contextlib.suppress(*_MALFORMED):
        _read_tiff(io.BytesIO(data), header, size=False)


def _read_tiff(file: BinaryIO, header: ImageHeader, *, size: bool) -> None:
    """The entries in `_NAMES` from the first directory and from its EXIF directory."""
    head = file.read(8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2], "<")
    (first,) = struct.unpack(order + "I", head[4:8])
    entries = _entries(file, order, first)
    if isinstance(offset := entries.get(_EXIF_DIRECTORY), int):
        entries = {**_entries(file, order, offset), **entries}
    if size and _promises_too_much(file, order, first):
        return
    tile = entries.get(_TILE_WIDTH), entries.get(_TILE_HEIGHT)
    if size and isinstance(tile[0], int) and isinstance(tile[1], int):
        header.tile = tile[0], tile[1]
    for tag, name in _NAMES.items():
        value = entries.get(tag)
        if value is None:
            continue
        if name in ("width", "height"):
            if size and isinstance(value, int):
                setattr(header, name, value)
        elif name == "orientation":
            header.orientation = int(value) if value in range(1, 9) else 1
        elif name == "focal_35mm":
            if (focal := plausible_focal(value)) is not None:
                header.tags[name] = focal
        elif isinstance(value, str) and value:
            header.tags[name] = value


def _promises_too_much(file: BinaryIO, order: str, offset: int) -> bool:
    """Whether the entries of a directory declare more bytes than the file has: libtiff would allocate all of them."""
    file.seek(offset)
    (count,) = struct.unpack(order + "H", file.read(2))
    table = file.read(12 * count)
    promised = sum(
        _BYTES.get(kind, 1) * number for _, kind, number, _ in struct.iter_unpack(order + "HHII", table[: 12 * count])
    )
    return bool(count > _MOST_ENTRIES or promised > file.seek(0, io.SEEK_END))


def _entries(file: BinaryIO, order: str, offset: int) -> dict[int, int | str]:
    """Tag -> value of the entries of one directory that hold a single number or a text. The largest of repeated numbers
    counts, so that a size cannot be hidden."""
    found: dict[int, int | str] = {}
    for tag, value in _all_entries(file, order, offset):
        known = found.get(tag)
        found[tag] = max(known, value) if isinstance(known, int) and isinstance(value, int) else value
    return found


def _all_entries(file: BinaryIO, order: str, offset: int) -> Iterator[tuple[int, int | str]]:
    file.seek(offset)
    (count,) = struct.unpack(order + "H", file.read(2))
    table = file.read(12 * min(count, _MOST_ENTRIES))
    for start in range(0, len(table) - 11, 12):
        entry = table[start : start + 12]
        tag, kind, number = struct.unpack(order + "HHI", entry[:8])
        if kind == _SHORT:
            yield tag, struct.unpack(order + "H", entry[8:10])[0]
        elif kind == _LONG:
            yield tag, struct.unpack(order + "I", entry[8:12])[0]
        elif kind == _ASCII and tag in _NAMES:
            text = entry[8 : 8 + number]
            if number > 4:
                file.seek(struct.unpack(order + "I", entry[8:12])[0])
                text = file.read(min(number, _LONGEST_TEXT))
            yield tag, text.split(b"\0")[0].decode("utf-8", "replace").strip()
