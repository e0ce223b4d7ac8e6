"""Inverse kinematics: fit a body's pose and translation to given joints, the last step of smoothing joints.

Smoothed joints no longer belong to a body: bone lengths have changed and rotations are unknown. Here every bone is
rotated by the smallest rotation that points it at its joint, from the pelvis outwards, so that the twist about a bone,
which joints do not determine, is preserved.
"""

from __future__ import annotations

import numpy as np

from kinema.body import BodyModel
from kinema.geometry.rotations import axis_angle_to_matrix, continuous_axis_angle, matrix_to_axis_angle


def fit_pose_to_joints(
    body: BodyModel, pose: np.ndarray, betas: np.ndarray, joints: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The pose (F,72) and transl (F,3) that bring the body's joints closest to `joints` (F,24,3) metres.

    pose (F,72): the initial pose, in the same frame; betas (F,10). A joint with several bones (pelvis, chest) is
    rotated by the best fit to all of them (Kabsch). Bones keep the body's length, so joints that are farther apart than
    its bones are pointed at, not reached.
    """
    local = axis_angle_to_matrix(np.asarray(pose).reshape(len(pose), 24, 3))
    rest = np.broadcast_to(body.rest_joints(betas), joints.shape)
    parents = body.parents
    children = [np.flatnonzero(parents == joint) for joint in range(len(parents))]
    rotation, place = np.empty_like(local), np.empty_like(rest)
    out = local.copy()
    for joint in range(len(parents)):
        parent = int(parents[joint])
        above = rotation[:, parent] if joint else np.broadcast_to(np.eye(3), local[:, 0].shape)
        place[:, joint] = (
            joints[:, 0] if joint == 0 else place[:, parent] + _turned(above, rest[:, joint] - rest[:, parent])
        )
        rotation[:, joint] = above @ local[:, joint]
        if len(children[joint]):
            bones = rest[:, children[joint]] - rest[:, joint, None]
            now = bones @ np.swapaxes(rotation[:, joint], 1, 2)
            wanted = joints[:, children[joint]] - place[:, joint, None]
            turn = shortest_turn(now[:, 0], wanted[:, 0]) if len(children[joint]) == 1 else best_turn(now, wanted)
            rotation[:, joint] = turn @ rotation[:, joint]
        out[:, joint] = np.swapaxes(above, 1, 2) @ rotation[:, joint]
    axis_angle = continuous_axis_angle(matrix_to_axis_angle(out))
    return axis_angle.reshape(len(pose), 72), joints[:, 0] - rest[:, 0]


def shortest_turn(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smallest rotations (F,3,3) that turn directions a (F,3) to b (F,3); none where one has no length."""
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    sure = lengths > 1e-12
    lengths = np.where(sure, lengths, 1.0)[:, None]
    axis = np.where(sure[:, None], np.cross(a, b) / lengths, 0.0)
    cosine = np.where(sure, np.sum(a * b, axis=-1) / lengths[:, 0], 1.0).clip(-1, 1)
    sine = np.linalg.norm(axis, axis=-1)
    opposite = (cosine < 0) & (sine < 1e-9)
    if opposite.any():  # half a turn about any axis across
        across = np.cross(a, np.eye(3)[np.abs(a).argmin(axis=-1)])
        axis = np.where(opposite[:, None], across, axis)
        sine = np.where(opposite, np.linalg.norm(across, axis=-1), sine)
    angle = np.where(opposite, np.pi, np.arctan2(np.where(opposite, 0.0, sine), cosine))
    unit = axis / np.where(sine > 1e-12, sine, 1.0)[:, None]
    return axis_angle_to_matrix(unit * angle[:, None])


def best_turn(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Rotations (F,3,3) that bring vectors a (F,K,3) nearest to b (F,K,3) (Kabsch), never mirrors."""
    u, _, vt = np.linalg.svd(np.swapaxes(b, 1, 2) @ a)
    signs = np.ones((len(a), 3))
    signs[:, 2] = np.sign(np.linalg.det(u @ vt))
    return (u * signs[:, None]) @ vt


def _turned(rotation: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return np.squeeze(rotation @ vectors[..., None], -1)
