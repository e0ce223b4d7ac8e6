"""Image memory that is used again once nobody holds the image any more."""

from __future__ import annotations

import weakref
from math import prod

import numpy as np

# A reader's consumer holds one image, sometimes the one before too; more need not be kept warm.
_KEPT = 3


class ImagePool:
    """Hands out uint8 arrays of one shape.

    Fresh memory costs more than decoding into it: the system clears every page at its first touch. So
    the memory of an image comes back when the image and every view of it are gone, and is handed out again.
    An image that is kept stays as it is, for as long as it is kept.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._free: list[bytearray] = []

    def take(self) -> np.ndarray:
        """An array of the pool's shape with any content."""
        memory = self._free.pop() if self._free else bytearray(prod(self._shape))
        # Views of an array refer to the array that owns or borrows its memory: this flat one, not its reshaping.
        flat = np.frombuffer(memory, np.uint8)
        weakref.finalize(flat, _give_back, self._free, memory).atexit = False
        return flat.reshape(self._shape)


def _give_back(free: list[bytearray], memory: bytearray) -> None:
    if len(free) < _KEPT:
        free.append(memory)
