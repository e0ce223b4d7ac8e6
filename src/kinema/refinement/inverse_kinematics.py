"""Inverse kinematics: fit a body's pose and translation to given joints, the last step of smoothing joints.

Smoothed joints no longer form a body: bone lengths have changed and rotations are unknown. Here every bone is rotated
by the smallest rotation that points it at its joint, from the pelvis outwards. This preserves the twist about a bone,
which joints do not determine.
"""

from __future__ import annotations

import numpy as np

from kinema.body import BodyModel
from kinema.geometry.alignment import kabsch
from kinema.geometry.rotations import (
    axis_angle_to_matrix,
    continuous_axis_angle,
    matrix_to_axis_angle,
    shortest_rotation,
)


def fit_pose_to_joints(
    body: BodyModel, pose: np.ndarray, betas: np.ndarray, joints: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The pose (F,72) and transl (F,3) that bring the body's joints closest to `joints` (F,24,3) metres.

    pose (F,72): the initial pose, in the same frame; betas (F,10). A joint with several bones (pelvis, chest) is
    rotated by the best fit to all of them (Kabsch). Bones keep the body's length, so joints that are farther apart than
    its bones are pointed at, not reached.
    """
    # Not `forward_kinematics`: each joint is posed and then turned before its children are placed.
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
            alone = len(children[joint]) == 1
            turn = shortest_rotation(now[:, 0], wanted[:, 0]) if alone else kabsch(now, wanted)
            rotation[:, joint] = turn @ rotation[:, joint]
        out[:, joint] = np.swapaxes(above, 1, 2) @ rotation[:, joint]
    axis_angle = continuous_axis_angle(matrix_to_axis_angle(out))
    return axis_angle.reshape(len(pose), 72), joints[:, 0] - rest[:, 0]


def _turned(rotation: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return np.asarray(np.squeeze(rotation @ vectors[..., None], -1))
