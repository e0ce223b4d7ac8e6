"""Sizes and times beyond which a source is refused or read at reduced size, so that no file can exhaust the machine."""

from __future__ import annotations

from kinema.errors import InputError

VIDEO_PIXELS = 40_000_000
"""Most pixels of a video's frame; 8K (7680x4320) has 33 million, DCI 8K 35 million."""

IMAGE_PIXELS = 128_000_000
"""Most pixels of an image: photographs of 100 megapixels are read, at half the size."""

LONGEST_SIDE = 65_535

LARGE_IMAGE = 40_000_000
"""Images of more pixels than this are decoded at 1/2, 1/4 or 1/8 of their size."""

OPENING_SECONDS = 15.0
READING_SECONDS = 15.0
"""Longest time that FFmpeg may read without a result: for a header, for one packet."""


def check_size(name: object, width: int, height: int, most: int, what: str) -> None:
    """Raise InputError if `width` x `height` pixels are more than `most`."""
    if width * height > most or max(width, height) > LONGEST_SIDE:
        raise InputError(
            f"{name} has {width}x{height} pixels; {what} of more than {most // 1_000_000} million pixels are not"
            " read, make it smaller first"
        )


def reduction(width: int, height: int) -> int:
    """1, 2, 4 or 8: the divisor of an image's sides that leaves at most `LARGE_IMAGE` pixels."""
    return next((n for n in (1, 2, 4) if -(-width // n) * -(-height // n) <= LARGE_IMAGE), 8)
