"""Image headers read without decoding: size, orientation, lens (JPEG, PNG, WebP, BMP, TIFF).

EXIF is a small TIFF file embedded in the image: a header with the byte order, then directories of 12-byte
entries (EXIF 2.32, section 4.6). Only the entries that Kinema uses are read; anything malformed counts as absent.
"""

from __future__ import annotations

import contextlib
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
    0xA405: "focal_35mm",
}
_EXIF_DIRECTORY = 0x8769
# JPEG markers that carry the frame's size: SOF0-15 without DHT, JPG and DAC.
_JPEG_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass
class ImageHeader:
    """width, height: stored pixels, None if the header could not be read. orientation: EXIF 1-8.

    tags: "make", "model", "created", "focal_35mm" where the image has them.
    """

    width: int | None = None
    height: int | None = None
    orientation: int = 1
    tags: dict[str, Any] = field(default_factory=dict)


def read_header(path: Path) -> ImageHeader:
    """The header of an image file. Never raises for a malformed file: fields that cannot be read stay unset."""
    header = ImageHeader()
    with path.open("rb") as file, contextlib.suppress(struct.error, IndexError, ValueError):
        _read(file, header)
    return header


def _read(file: BinaryIO, header: ImageHeader) -> None:
    head = file.read(32)
    file.seek(0)
    if head[:2] == b"\xff\xd8":
        _read_jpeg(file, header)
    elif head[:8] == b"\x89PNG\r\n\x1a\n":
        header.width, header.height = struct.unpack(">II", head[16:24])
        for name, data in _png_chunks(file):
            if name == b"eXIf":
                _read_tiff(data, header, size=False)
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        _read_webp(file, header)
    elif head[:2] == b"BM":
        width, height = struct.unpack("<ii", head[18:26])
        header.width, header.height = width, abs(height)
    elif head[:4] in (b"II*\0", b"MM\0*"):
        _read_tiff(file.read(), header, size=True)


def _read_jpeg(file: BinaryIO, header: ImageHeader) -> None:
    file.seek(2)
    while True:
        byte = file.read(1)
        while byte and byte != b"\xff":
            byte = file.read(1)
        while byte == b"\xff":
            byte = file.read(1)
        if not byte or byte[0] in (0xD9, 0xDA):
            return
        if byte[0] == 0x01 or 0xD0 <= byte[0] <= 0xD7:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        data = file.read(length - 2)
        if byte[0] in _JPEG_SIZE_MARKERS:
            header.height, header.width = struct.unpack(">HH", data[1:5])
        elif byte[0] == 0xE1 and data[:6] == b"Exif\0\0":
            _read_tiff(data[6:], header, size=False)


def _png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """(name, data) of the small chunks; the image data are skipped."""
    file.seek(8)
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if name == b"IDAT" or length > 1 << 20:
            file.seek(length + 4, 1)
            continue
        yield name, file.read(length)
        file.seek(4, 1)


def _read_webp(file: BinaryIO, header: ImageHeader) -> None:
    file.seek(12)
    while len(head := file.read(8)) == 8:
        name, length = struct.unpack("<4sI", head)
        data = file.read(min(length, 1 << 20))
        if name == b"VP8X":
            header.width = 1 + int.from_bytes(data[4:7], "little")
            header.height = 1 + int.from_bytes(data[7:10], "little")
        elif name == b"VP8 " and header.width is None:
            width, height = struct.unpack("<HH", data[6:10])
            header.width, header.height = width & 0x3FFF, height & 0x3FFF
        elif name == b"VP8L" and header.width is None:
            bits = int.from_bytes(data[1:5], "little")
            header.width, header.height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        elif name == b"EXIF":
            _read_tiff(data.removeprefix(b"Exif\0\0"), header, size=False)
        file.seek(max(length - len(data), 0) + length % 2, 1)


def _read_tiff(data: bytes, header: ImageHeader, *, size: bool) -> None:
    """The entries in `_NAMES` from the first directory and from its EXIF directory."""
    order = {b"II": "<", b"MM": ">"}[data[:2]] if data[:2] in (b"II", b"MM") else "<"
    (first,) = struct.unpack(order + "I", data[4:8])
    entries = dict(_entries(data, order, first))
    if isinstance(offset := entries.get(_EXIF_DIRECTORY), int):
        entries = {**dict(_entries(data, order, offset)), **entries}
    for tag, name in _NAMES.items():
        value = entries.get(tag)
        if value is None:
            continue
        if name in ("width", "height"):
            if size:
                setattr(header, name, value)
        elif name == "orientation":
            header.orientation = int(value) if value in range(1, 9) else 1
        elif name == "focal_35mm":
            if (focal := plausible_focal(value)) is not None:
                header.tags[name] = focal
        elif isinstance(value, str) and value:
            header.tags[name] = value


def _entries(data: bytes, order: str, offset: int) -> Iterator[tuple[int, int | str]]:
    """(tag, value) of the entries of one directory that hold a single number or a string."""
    (count,) = struct.unpack(order + "H", data[offset : offset + 2])
    for i in range(count):
        entry = data[offset + 2 + 12 * i : offset + 14 + 12 * i]
        tag, kind, number = struct.unpack(order + "HHI", entry[:8])
        if kind == _SHORT:
            yield tag, struct.unpack(order + "H", entry[8:10])[0]
        elif kind == _LONG:
            yield tag, struct.unpack(order + "I", entry[8:12])[0]
        elif kind == _ASCII:
            at = struct.unpack(order + "I", entry[8:12])[0]
            text = entry[8 : 8 + number] if number <= 4 else data[at : at + number]
            yield tag, text.split(b"\0")[0].decode("utf-8", "replace").strip()
