"""Resampling motion: linear interpolation of values, slerp of rotations, and grids of constant rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

ON_GRID = 1e-4
"""Seconds: frames closer than this to the grid are used as they are, not interpolated."""


def constant_rate_times(times: np.ndarray, rate: float) -> np.ndarray:
    """(M,) seconds from the first to the last of `times` (F,) at `rate` per second, both ends kept.

    The last grid time may lie up to half a step after or before the last frame.
    """
    count = round((times[-1] - times[0]) * rate) + 1
    return np.asarray(times[0] + np.arange(count) / rate)


def is_on_grid(times: np.ndarray, grid: np.ndarray) -> bool:
    """Whether the frames already lie on the grid, so that nothing needs to be interpolated."""
    return len(times) == len(grid) and bool(np.all(np.abs(times - grid) <= ON_GRID))


def resample_linear(values: np.ndarray, times: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(F, ...) at `times` -> (M, ...) at `grid`; held constant beyond the ends."""
    values = np.asarray(values, dtype=np.float64)
    if len(times) == 1:
        return np.repeat(values, len(grid), axis=0)
    after = np.clip(np.searchsorted(times, grid), 1, len(times) - 1)
    share = np.clip((grid - times[after - 1]) / (times[after] - times[after - 1]), 0, 1)
    share = share.reshape(-1, *(1,) * (values.ndim - 1))
    return np.asarray(values[after - 1] * (1 - share) + values[after] * share)


def resample_axis_angle(pose: np.ndarray, times: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(F, 3 J) axis-angle at `times` -> (M, 3 J) at `grid`, along the shortest arc of each joint."""
    pose = np.array(pose, dtype=np.float64)  # scipy does not accept the read-only arrays of a Motion
    if len(times) == 1:
        return np.repeat(pose, len(grid), axis=0)
    joints = pose.reshape(len(times), -1, 3)
    turned = _slerp([Rotation.from_rotvec(joints[:, j]) for j in range(joints.shape[1])], times, grid)
    return np.stack([joint.as_rotvec() for joint in turned], axis=1).reshape(len(grid), -1)


def resample_rotations(rotations: np.ndarray, times: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(F, J, 3, 3) at `times` -> (M, J, 3, 3) at `grid`, along the shortest arc of each joint."""
    rotations = np.array(rotations, dtype=np.float64)
    if len(times) == 1:
        return np.repeat(rotations, len(grid), axis=0)
    turned = _slerp([Rotation.from_matrix(rotations[:, j]) for j in range(rotations.shape[1])], times, grid)
    return np.stack([joint.as_matrix() for joint in turned], axis=1)


def resample_quaternions(quaternions: np.ndarray, times: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(F, 4), x y z w, at `times` -> (M, 4) at `grid`, along the shortest arc; F > 1. Signs may jump."""
    quaternions = np.array(quaternions, dtype=np.float64)
    return np.asarray(_slerp([Rotation.from_quat(quaternions)], times, grid)[0].as_quat())


def _slerp(joints: Sequence[Rotation], times: np.ndarray, grid: np.ndarray) -> list[Rotation]:
    """Each joint's rotations at `times` (F,), F > 1, at the times of `grid`; held constant beyond the ends."""
    inside = np.clip(grid, times[0], times[-1])
    return [Slerp(times, joint)(inside) for joint in joints]
