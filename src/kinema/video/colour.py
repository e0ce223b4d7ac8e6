"""Converts decoded frames to 8-bit RGB: colour matrix, range, bit depth, HDR, square pixels."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

# AVColorSpace numbers that are also libswscale's numbers for its coefficient tables.
_KNOWN_MATRICES = frozenset({1, 4, 5, 6, 7, 9, 10})
_RGB_MATRIX = 0
PQ_TRANSFER = 16
_TRANSFERS = {1: "bt709", 6: "smpte170m", 13: "srgb", 14: "bt2020-10", 16: "pq", 18: "hlg"}


class RgbConverter:
    """Turns decoded frames into (height, width, 3) uint8 RGB of one fixed size.

    The size is the coded one with square pixels, reached by stretching (never shrinking) one side. The frame's own
    colour matrix and range are used; if the file does not give them, the usual default: BT.709 for high definition,
    BT.601 below that and for full-range frames. PQ (HDR10) is tone-mapped; HLG is backward-compatible and needs no tone
    mapping.
    """

    def __init__(self, width: int, height: int, aspect: Fraction | None = None, transfer: int | None = None) -> None:
        """width, height: coded pixels. aspect: width of a pixel over its height. transfer: AVColorTransfer."""
        self.width, self.height = square_pixels(width, height, aspect)
        self.ignored_aspect = bool(aspect) and not _plausible(aspect)
        self._reformatter = VideoReformatter()
        self._curve = _pq_to_sdr() if transfer == PQ_TRANSFER else None

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """(height, width, 3) uint8; rows may be padded in memory."""
        full = full_range(frame)
        source = yuv_matrix(frame)
        same_size = (frame.width, frame.height) == (self.width, self.height)
        rgb = self._reformatter.reformat(
            frame,
            width=self.width,
            height=self.height,
            format="rgb24",
            src_colorspace=source,
            # RGB output has no matrix, but libswscale only sets its tables when the two differ.
            dst_colorspace=None if source is None else Colorspace.ITU601 if source == 1 else Colorspace.ITU709,
            src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
            interpolation=Interpolation.BILINEAR if same_size else Interpolation.BICUBIC,
        )
        plane = rgb.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(self.height, plane.line_size)
        image = np.lib.stride_tricks.as_strided(
            rows, (self.height, self.width, 3), (plane.line_size, 3, 1), writeable=False
        )
        return image if self._curve is None else cv2.LUT(image, self._curve)


def transfer_name(transfer: int | None) -> str | None:
    """The name of the file's transfer function ("pq", "hlg", "bt709", ...), None if it does not give one."""
    return None if transfer is None else _TRANSFERS.get(transfer)


def square_pixels(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """The size at which pixels of this aspect ratio become square, by stretching one side.

    An implausible aspect ratio (beyond 1:4 and 4:1) is an error in the file and is ignored.
    """
    if not aspect or aspect == 1 or not _plausible(aspect):
        return width, height
    if aspect > 1:
        return max(round(width * aspect), 1), height
    return width, max(round(height / aspect), 1)


def _plausible(aspect: Fraction | None) -> bool:
    return bool(aspect) and Fraction(1, 4) <= Fraction(aspect or 1) <= 4


def full_range(frame: av.VideoFrame) -> bool:
    """Whether the frame's luma uses all of 0 to 255, not only 16 to 235."""
    return bool(frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj"))


def yuv_matrix(frame: av.VideoFrame) -> int | None:
    """AVColorSpace of the frame, with BT.601 as 5; None for RGB and gray."""
    if frame.colorspace == _RGB_MATRIX or frame.format.is_rgb or len(frame.format.components) < 3:
        return None
    if frame.colorspace in _KNOWN_MATRICES:
        return 5 if frame.colorspace == 6 else int(frame.colorspace)
    high_definition = frame.width >= 1280 or frame.height > 576
    return 1 if high_definition and not full_range(frame) else 5


def _pq_to_sdr() -> np.ndarray:
    """(256,) uint8: a PQ-coded channel (SMPTE ST 2084) -> sRGB, highlights rolled off.

    Diffuse white at 203 cd/m2 (ITU-R BT.2408); extended Reinhard with the white point at 1000 cd/m2.
    """
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    code = (np.arange(256) / 255) ** (1 / m2)
    light = 10000 * (np.maximum(code - c1, 0) / (c2 - c3 * code)) ** (1 / m1) / 203
    mapped = np.clip(light * (1 + light / (1000 / 203) ** 2) / (1 + light), 0, 1)
    encoded = np.where(mapped <= 0.0031308, 12.92 * mapped, 1.055 * mapped ** (1 / 2.4) - 0.055)
    return np.round(255 * encoded).astype(np.uint8)
