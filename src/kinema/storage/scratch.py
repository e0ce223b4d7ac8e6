"""Arrays to work in: in memory, or in a temporary file where they would not fit well."""

from __future__ import annotations

import tempfile

import numpy as np

IN_MEMORY = 2**26
"""Numbers up to which an array lies in memory: 256 MB of float32."""


def scratch(shape: tuple[int, ...]) -> np.ndarray:
    """An array of float32 whose values are not set; a large one in a file that goes when nothing refers to it."""
    if np.prod(shape, dtype=float) <= IN_MEMORY:
        return np.empty(shape, np.float32)
    with tempfile.TemporaryFile(prefix="kinema-") as file:
        return np.memmap(file, np.float32, "w+", shape=shape)
