"""Euler angles that are continuous over time, and quaternions without sign flips."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.spatial.transform import Rotation

ORDERS = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
"""Rotation orders: ZXY means R = Rz Rx Ry, intrinsic rotations about z, x and y in turn."""


def euler_angles(pose: np.ndarray, order: str, previous: np.ndarray | None = None) -> np.ndarray:
    """(F, 3 J) axis-angle -> (F, J, 3) degrees in the order of `order`, continuous in time.

    Of all angles that represent a rotation, those closest to the previous frame's are chosen (`previous` (J,3): the
    angles before the first frame), so that interpolation between frames does not spin.
    """
    rotations = Rotation.from_rotvec(np.array(pose, dtype=np.float64).reshape(-1, 3))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Gimbal lock")  # the angles still represent the rotation
        first = rotations.as_euler(order, degrees=True).reshape(len(pose), -1, 3)
    second = first * [1, -1, 1] + 180.0
    for i in range(len(first)):
        if previous is not None:
            near, far = (each + 360.0 * np.round((previous - each) / 360.0) for each in (first[i], second[i]))
            nearer = np.abs(near - previous).sum(axis=-1) <= np.abs(far - previous).sum(axis=-1)
            first[i] = np.where(nearer[:, None], near, far)
        previous = first[i]
    return np.asarray(first)


def joint_quaternions(pose: np.ndarray, joint: int) -> np.ndarray:
    """(F,72) axis-angle -> (F,4) quaternions x, y, z, w of one joint, without sign flips."""
    return pose_quaternions(pose[:, 3 * joint : 3 * joint + 3])[:, 0]


def pose_quaternions(pose: np.ndarray, previous: np.ndarray | None = None) -> np.ndarray:
    """(F, 3 J) axis-angle -> (F, J, 4) quaternions x, y, z, w, without sign flips between consecutive frames.

    previous (J,4): the quaternions before the first frame.
    """
    rotations = Rotation.from_rotvec(np.array(pose, dtype=np.float64).reshape(-1, 3))
    quaternions = rotations.as_quat().reshape(len(pose), -1, 4)
    before = quaternions[:1] if previous is None else previous[None]
    chain = np.concatenate([before, quaternions])
    flipped = np.sum(chain[1:] * chain[:-1], axis=-1) < 0
    signs = np.where(np.cumsum(flipped, axis=0) % 2 == 1, -1.0, 1.0)
    return np.asarray(quaternions * signs[..., None])
