"""One still image: its displayed size, known before it is decoded, and its pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kinema.errors import InputError
from kinema.video.exif import ImageHeader, read_header
from kinema.video.limits import IMAGE_PIXELS, check_size, reduction
from kinema.video.orientation import EXIF_ORIENTATIONS, UPRIGHT, Orientation

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_TEXTS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
_WEBP_TEXTS = (b"EXIF", b"XMP ")
_LONG_TEXTS = 1 << 16
_MOST_CHUNKS = 100_000
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


@dataclass(frozen=True)
class ImageFile:
    """An image file whose header was read. stored: width and height in the file. reduction: divisor of its sides when
    it is decoded. orientation: the rotation applied afterwards. tags: as in `ImageHeader`."""

    file: Path
    stored: tuple[int, int]
    reduction: int
    orientation: Orientation
    tags: dict[str, Any]

    @classmethod
    def open(cls, file: Path, rotation: Orientation = UPRIGHT) -> ImageFile:
        """Read the header. rotation: after the image's own. Raises InputError if there is none, or if it declares more
        pixels than are allowed."""
        header = header_of(file)
        if not header.width or not header.height or min(header.width, header.height) < 1:
            raise InputError(
                f"{file} is not an image whose size can be read; remove it or save it again as PNG or JPEG"
            )
        check_size(file, header.width, header.height, IMAGE_PIXELS, "images")
        if header.tile is not None:
            check_size(f"a tile of {file}", *header.tile, IMAGE_PIXELS, "images")
        return cls(
            file=file,
            stored=(header.width, header.height),
            reduction=reduction(header.width, header.height),
            orientation=EXIF_ORIENTATIONS[header.orientation].then(rotation),
            tags=header.tags,
        )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as displayed."""
        return self.orientation.size(*self._decoded)

    @property
    def _decoded(self) -> tuple[int, int]:
        width, height = self.stored
        return -(-width // self.reduction), -(-height // self.reduction)

    def pixels(self) -> np.ndarray | None:
        """(H, W, 3) uint8 RGB as displayed; 16 bits become 8, gray and CMYK become RGB, alpha is dropped. None if the
        image is corrupt."""
        image = self._decode()
        if image is None or abs(image.shape[1] - self._decoded[0]) > 1 or abs(image.shape[0] - self._decoded[1]) > 1:
            return None
        if (image.shape[1], image.shape[0]) != self._decoded:  # decoders round halves up or down
            image = cv2.resize(image, self._decoded, interpolation=cv2.INTER_AREA)
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)
        if self.orientation == UPRIGHT:
            return image
        return self.orientation.apply(image, np.empty((self.size[1], self.size[0], 3), np.uint8))

    def _decode(self) -> np.ndarray | None:
        try:
            data = without_texts(np.fromfile(self.file, np.uint8))
            return cv2.imdecode(data, _REDUCED[self.reduction] | cv2.IMREAD_IGNORE_ORIENTATION) if data.size else None
        except (cv2.error, ValueError):
            return None
        except OSError as error:
            raise _unreadable(self.file, error) from None


def header_of(file: Path) -> ImageHeader:
    """The header of an image. Raises InputError if the file cannot be read."""
    try:
        return read_header(file)
    except OSError as error:
        raise _unreadable(file, error) from None


def without_texts(data: np.ndarray) -> np.ndarray:
    """A PNG or WebP file (bytes, (N,) uint8) without its EXIF and texts if they are long; other files as they are.

    OpenCV reads EXIF even if its orientation is ignored, which takes minutes if the file declares endless lists. Raises
    ValueError for a file with more chunks than an image can have.
    """
    head = data[:12].tobytes()
    dropped: tuple[bytes, ...]
    if head[:8] == _PNG:
        order, start, rest, tail, dropped = ">I4s", 8, 4, 1, _PNG_TEXTS
    elif head[:4] == b"RIFF" and head[8:] == b"WEBP":
        order, start, rest, tail, dropped = "<4sI", 12, 0, 2, _WEBP_TEXTS
    else:
        return data
    kept, long, at = [(0, start)], 0, start
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            break
        first, second = struct.unpack(order, data[at : at + 8].tobytes())
        length, name = (first, second) if order[0] == ">" else (second, first)
        end = at + 8 + length + rest
        end += end % tail
        if name in dropped:
            long += length
        else:
            kept.append((at, end))
        at = end
    else:
        raise ValueError("too many chunks")
    if long <= _LONG_TEXTS:
        return data
    short: np.ndarray = np.concatenate([data[begin:end] for begin, end in kept])
    if head[:4] == b"RIFF":
        short[4:8] = np.frombuffer(struct.pack("<I", len(short) - 8), np.uint8)
    return short


def _unreadable(file: Path, error: OSError) -> InputError:
    return InputError(f"{file} cannot be read ({error.strerror}); change its permissions or copy it")
