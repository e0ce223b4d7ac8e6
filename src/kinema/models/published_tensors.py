"""Checks of a checkpoint's tensors against those of a network: names, shapes, finite values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kinema.errors import InputError, quoted

Shapes = Mapping[str, tuple[int, ...]]

COUNTER = "num_batches_tracked"
"""End of the name of a batch norm's counter, which files of old versions of torch lack, and inference ignores."""


def require_shapes(shapes: Shapes, expected: Shapes, network: str, name: str) -> None:
    """Raise InputError unless the file `name` holds exactly the expected tensors, counters aside."""
    for key in sorted(expected.keys() | shapes.keys()):
        if not key.endswith(COUNTER) and shapes.get(key) != expected.get(key):
            found = f"has shape {shapes[key]}" if key in shapes else "is missing"
            wanted = f"expected {expected[key]}" if key in expected else f"which no {network} has"
            raise InputError(f"{name} is not a {network} checkpoint: {quoted(key)} {found}, {wanted}")


def require_finite(tensors: Mapping[str, np.ndarray], name: str) -> None:
    """Raise InputError for a weight that is not a number."""
    for key, value in tensors.items():
        if not np.isfinite(value).all():
            raise InputError(f"{name} holds a weight that is not finite in {quoted(key)}; it cannot be used")
