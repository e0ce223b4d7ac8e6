"""A SmoothNet whose weights are known: it replaces a window by its mean."""

from __future__ import annotations

import numpy as np


def averaging_tensors(window: int) -> dict[str, np.ndarray]:
    """The tensors of the network for windows of so many frames."""
    # Two hidden values, x and -x of the mean; leaky(a) - leaky(-a) = 1.1 a.
    mean = np.full((1, window), 1 / window)
    return {
        "encoder.0.weight": np.concatenate([mean, -mean]).astype(np.float32),
        "encoder.0.bias": np.zeros(2, np.float32),
        "decoder.weight": np.tile(np.array([[1, -1]]) / 1.1, (window, 1)).astype(np.float32),
        "decoder.bias": np.zeros(window, np.float32),
    }
