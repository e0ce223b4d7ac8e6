"""The vertical axis of a file of points, and the rotation that makes it y."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.metrics import nan_mean

VERTICALS = ("x", "y", "z", "-x", "-y", "-z")

_TO_Y_UP = {
    "x": [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
    "y": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "z": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
    "-x": [[0, 1, 0], [-1, 0, 0], [0, 0, 1]],
    "-y": [[-1, 0, 0], [0, -1, 0], [0, 0, 1]],
    "-z": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
}
_ABOVE = ("left_shoulder", "right_shoulder", "neck", "head", "head_top", "nose")
_BELOW = ("left_ankle", "right_ankle", "left_knee", "right_knee", "left_hip", "right_hip")

_CLEAR = 0.8
"""Cosine between an axis and the body, from feet to shoulders, above which the body clearly lies along the axis."""


def to_y_up(positions: np.ndarray, up: str) -> np.ndarray:
    """Positions (..., 3) of a world whose vertical axis is `up`, one of `VERTICALS`, in a y-up world."""
    return np.asarray(positions @ np.array(_TO_Y_UP[up], dtype=np.float64).T)


def body_axis(names: Sequence[str], positions: np.ndarray) -> str | None:
    """The axis, one of `VERTICALS`, along which a body of named joints (T, J, 3) extends from feet to head.

    The mean over the clip; None if no axis is clear, or the joints are missing.
    """
    above, below = ([i for i, name in enumerate(names) if name in group] for group in (_ABOVE, _BELOW))
    if not above or not below:
        return None
    along = nan_mean(nan_mean(positions[:, above], axis=1) - nan_mean(positions[:, below], axis=1), axis=0)
    length = float(np.linalg.norm(along))
    if not length > 0:
        return None
    axis = int(np.argmax(np.abs(along)))
    if abs(along[axis]) < _CLEAR * length:
        return None
    return ("" if along[axis] > 0 else "-") + "xyz"[axis]
