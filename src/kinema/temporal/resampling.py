"""Bringing motion to a constant frame rate: formats that store one number for the rate need it."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

ON_GRID = 1e-4
"""Seconds: frames that lie nearer than this to the grid are taken as they are, not interpolated."""


def constant_rate_times(times: np.ndarray, rate: float) -> np.ndarray:
    """(M,) seconds from the first to the last of `times` (F,) at `rate` per second, both ends kept.

    The last moment may lie up to half a step beyond or before the last frame.
    """
    count = round((times[-1] - times[0]) * rate) + 1
    return times[0] + np.arange(count) / rate


def is_on_grid(times: np.ndarray, grid: np.ndarray) -> bool:
    """Whether the frames already are the grid's moments (so that nothing needs to be interpolated)."""
    return len(times) == len(grid) and bool(np.all(np.abs(times - grid) <= ON_GRID))


def resample_linear(values: np.ndarray, times: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(F, ...) at `times` -> (M, ...) at `grid`; the ends are held beyond them."""
    flat = np.asarray(values, dtype=np.float64).reshape(len(times), -1)
    columns = [np.interp(grid, times, column) for column in flat.T]
    return np.stack(columns, axis=1).reshape(len(grid), *np.shape(values)[1:])


def resample_axis_angle(pose: np.ndarray, times: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(F, 3 J) axis-angle at `times` -> (M, 3 J) at `grid`, along the shortest arc of each joint."""
    pose = np.array(pose, dtype=np.float64)  # scipy refuses the read-only arrays of a Motion
    if len(times) == 1:
        return np.repeat(pose, len(grid), axis=0)
    inside = np.clip(grid, times[0], times[-1])
    joints = pose.reshape(len(times), -1, 3)
    turned = [Slerp(times, Rotation.from_rotvec(joints[:, j]))(inside).as_rotvec() for j in range(joints.shape[1])]
    return np.stack(turned, axis=1).reshape(len(grid), -1)
