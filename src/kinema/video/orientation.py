"""Rotates frames upright: QuickTime display matrices and EXIF orientations, the eight symmetries of a rectangle."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Orientation:
    """First swap x and y (`transpose`), then mirror along x (`flip_x`) and y (`flip_y`)."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def degrees(self) -> int:
        """Clockwise rotation: 0, 90, 180 or 270 (if mirrored: the rotation after mirroring along x)."""
        if self.transpose:
            return 90 if self.flip_x else 270
        return 180 if self.flip_y else 0

    @property
    def mirrored(self) -> bool:
        return self.transpose ^ self.flip_x ^ self.flip_y

    def then(self, next: Orientation) -> Orientation:
        """The orientation that is this one followed by another."""
        flip_x, flip_y = (self.flip_y, self.flip_x) if next.transpose else (self.flip_x, self.flip_y)
        return Orientation(self.transpose ^ next.transpose, flip_x ^ next.flip_x, flip_y ^ next.flip_y)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height after rotation."""
        return (height, width) if self.transpose else (width, height)

    def apply(self, image: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Write `image` (H, W, C), rotated upright, into `out` of the rotated size, and return `out`."""
        code = {
            (True, True, False): cv2.ROTATE_90_CLOCKWISE,
            (False, True, True): cv2.ROTATE_180,
            (True, False, True): cv2.ROTATE_90_COUNTERCLOCKWISE,
        }.get((self.transpose, self.flip_x, self.flip_y))
        if code is not None:
            cv2.rotate(image, code, dst=out)
        elif self.transpose:
            # What remains: the plain transpose and, with both flips, the transpose about the other diagonal.
            cv2.transpose(cv2.rotate(image, cv2.ROTATE_180) if self.flip_x else image, dst=out)
        elif self.flip_x or self.flip_y:
            cv2.flip(image, int(self.flip_x), dst=out)
        else:
            np.copyto(out, image)
        return out


UPRIGHT = Orientation()


def from_display_matrix(data: bytes) -> Orientation:
    """The orientation nearest to a display matrix: nine int32, row-major, for row vectors (ISO 14496-12, 6.2.2).

    A point (x, y), y down, maps to (a x + c y, b x + d y). Angles that are not multiples of 90 degrees are rounded
    to the nearest multiple.
    """
    if len(data) < 36:
        return UPRIGHT
    a, b, _, c, d = struct.unpack("=5i", data[:20])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)


def from_rotation(degrees: float) -> Orientation:
    """The orientation that rotates by the multiple of 90 degrees nearest to `degrees` counter-clockwise."""
    return (UPRIGHT, EXIF_ORIENTATIONS[8], EXIF_ORIENTATIONS[3], EXIF_ORIENTATIONS[6])[round(degrees / 90) % 4]


def clockwise(degrees: int) -> Orientation:
    """The orientation that rotates by a multiple of 90 degrees clockwise."""
    return from_rotation(-degrees)


EXIF_ORIENTATIONS = {
    1: UPRIGHT,
    2: Orientation(False, True, False),
    3: Orientation(False, True, True),
    4: Orientation(False, False, True),
    5: Orientation(True, False, False),
    6: Orientation(True, True, False),
    7: Orientation(True, True, True),
    8: Orientation(True, False, True),
}
"""EXIF tag 0x0112 -> the orientation that rotates the stored image upright."""
