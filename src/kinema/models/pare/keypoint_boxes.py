"""Crop boxes from a person's 2D keypoints, as in PARE's demo with tracking by pose."""

from __future__ import annotations

import numpy as np

from kinema.temporal.gaps import fill_missing

VISIBLE = 0.3
"""Keypoints below this confidence are ignored."""

_REFERENCE = 150.0
_SMALLEST = 0.5


def boxes_from_keypoints(keypoints: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Square boxes around the visible keypoints of a track.

    keypoints (F,K,3): x, y pixels and confidence. Returns boxes (n,4) cx cy w h of the frames start..stop-1, and start
    and stop: a box is centred on the bounding box of the visible keypoints, its side is their diagonal. Frames in which
    nothing is visible are interpolated (centre, and the inverse of the side); those before the first and after the last
    visible one are left out.
    """
    keypoints = np.asarray(keypoints, dtype=np.float64)
    seen = np.greater(keypoints[..., 2:], VISIBLE)
    low = np.where(seen, keypoints[..., :2], np.inf).min(axis=1)
    high = np.where(seen, keypoints[..., :2], -np.inf).max(axis=1)
    some = seen.any(axis=(1, 2))
    span = np.where(some[:, None], high, 0.0) - np.where(some[:, None], low, 0.0)
    diagonal = np.hypot(*span.T)
    rows = np.flatnonzero(some & (diagonal >= _SMALLEST))
    if not len(rows):
        return np.zeros((0, 4)), 0, 0
    start, stop = int(rows[0]), int(rows[-1]) + 1
    known = np.column_stack([(low[rows] + high[rows]) / 2, _REFERENCE / diagonal[rows]])
    whole = np.full((stop - start, 3), np.nan)
    whole[rows - start] = known
    x, y, scale = fill_missing(whole, np.arange(start, stop)).T
    side = _REFERENCE / scale
    return np.column_stack([x, y, side, side]), start, stop
