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
    start = first[0] if previous is None else previous
    # (F,2,J,3): a rotation has two triples of angles, up to whole turns.
    both = np.stack([first, first * [1, -1, 1] + 180.0], axis=1)
    before = np.concatenate([np.broadcast_to(start, both[:1].shape), both[:-1]])
    # (F,2,2,J,3), from either triple of a frame to either of the next: the turns that bring them closest.
    apart = before[:, :, None] - both[:, None]
    turns = np.round(apart / 360.0)
    change = np.abs(apart - 360.0 * turns).sum(axis=-1)
    follows = (change[:, :, 0] > change[:, :, 1]).astype(int)
    joints = np.arange(first.shape[1])
    chosen = np.zeros((len(first) + 1, len(joints)), dtype=int)
    for i, following in enumerate(follows):
        chosen[i + 1] = following[chosen[i], joints]
    frames = np.arange(len(first))[:, None]
    turned = turns[frames, chosen[:-1], chosen[1:], joints].cumsum(axis=0)
    return np.asarray(both[frames, chosen[1:], joints] + 360.0 * turned)


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
