"""Image buffers that are reused when the image is no longer referenced."""

from __future__ import annotations

import weakref
from math import prod

import numpy as np

# A reader's consumer keeps one image, sometimes the previous one too; more buffers are not worth keeping.
_KEPT = 3


class ImagePool:
    """Hands out uint8 arrays of one shape.

    Fresh memory costs more than decoding into it: the system clears every page on first access. So
    the buffer of an image returns to the pool when the image and every view of it are gone, and is reused.
    An image that is still referenced is never overwritten.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._free: list[bytearray] = []

    def take(self) -> np.ndarray:
        """An array of the pool's shape with undefined content."""
        memory = self._free.pop() if self._free else bytearray(prod(self._shape))
        # A view's base is the array that owns or borrows the memory: this flat one, not its reshaped view.
        flat = np.frombuffer(memory, np.uint8)
        weakref.finalize(flat, _release, self._free, memory).atexit = False
        return flat.reshape(self._shape)


def _release(free: list[bytearray], memory: bytearray) -> None:
    if len(free) < _KEPT:
        free.append(memory)
