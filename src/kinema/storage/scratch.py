"""Work arrays: in memory, or in a temporary file if large."""

from __future__ import annotations

import tempfile

import numpy as np

IN_MEMORY = 2**26
"""Most numbers of an array in memory: 256 MB of float32."""


def scratch(shape: tuple[int, ...]) -> np.ndarray:
    """An uninitialised float32 array; a large one is in a file that is removed when nothing refers to it."""
    if np.prod(shape, dtype=float) <= IN_MEMORY:
        return np.empty(shape, np.float32)
    with tempfile.TemporaryFile(prefix="kinema-") as file:
        return np.memmap(file, np.float32, "w+", shape=shape)
