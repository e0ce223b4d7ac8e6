"""Fast limbs: where sure keypoints show that a limb is fast, a lighter filter's result is kept.

One amount of smoothing cannot suit a hand that strikes and one that rests. The keypoints tell them apart: where they
surely accelerate (`kinema.refinement.sure_movement`), it is movement that smoothing takes away, not noise. There the
pose turns towards the lightly smoothed one, joint by joint, and back where that ends.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from kinema.geometry.camera import NEAREST_DEPTH, Camera
from kinema.geometry.rotations import (
    axis_angle_to_matrix,
    continuous_axis_angle,
    matrix_to_axis_angle,
)
from kinema.person import Person
from kinema.refinement.sure_movement import seen_lately, sure_acceleration
from kinema.skeleton import LIMBS12, SMPL24, ancestry, joint_set
from kinema.temporal.gaps import uninterrupted

MOMENT = 0.03
"""Seconds: the neighbourhood of a burst that is spared, too, and over which the pose turns."""

SEEN = (0.4, 0.7)
"""Confidences at which a keypoint begins to count, and counts in full (`seen_lately`)."""

LIGHT = 0.15
"""How long the light filter is, as a share of the full one: 0.024 s by default, less than a frame at 30 a second."""

SURELY_FAST = 20.0
"""Metres per s^2 that a sure keypoint accelerates, half-way to a surely fast one: twice gravity. In the 0.1 s that the
filter reaches by default, 2.5 cm are lost."""

TRUNK_ENDS = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
"""The joints whose speed is the trunk's."""


def limb_joints() -> np.ndarray:
    """(24,24) bool: [j, k] where joint k's movement tells of rotation j: of a limb, from j on outwards; of the trunk,
    its four ends."""
    assert SMPL24.parents is not None
    tells = ancestry(SMPL24.parents).T
    ends = SMPL24.indices(TRUNK_ENDS)
    trunk = ~tells[ends].any(axis=0)
    tells[trunk] = False
    tells[np.ix_(trunk, ends)] = True
    return tells


_TELLS = limb_joints()


def keep_fast_limbs(
    light: Person, heavy: Person, camera: Camera, times: np.ndarray, max_gap: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pose (F,72) and transl (F,3) between those of a lightly and a heavily smoothed person, in the camera's frame.

    Both need pose, transl, joints and keypoints of a set that has the twelve limb joints. The distance from the
    camera, of which the keypoints say little, is the heavily smoothed one. times (F,) seconds. max_gap: seconds;
    nothing reaches across a longer one.
    """
    share = _fast(light, camera, times, max_gap)
    (quick, near), (slow, far, transl) = light.require("pose", "joints"), heavy.require("pose", "joints", "transl")
    start = axis_angle_to_matrix(slow.reshape(-1, 24, 3))
    turn = matrix_to_axis_angle(np.swapaxes(start, -1, -2) @ axis_angle_to_matrix(quick.reshape(-1, 24, 3)))
    local = start @ axis_angle_to_matrix(turn * share[..., None])
    pose = continuous_axis_angle(matrix_to_axis_angle(local)).reshape(len(times), -1)
    here, there = near[:, 0], far[:, 0]
    in_front = np.minimum(here[:, 2:], there[:, 2:]) > NEAREST_DEPTH
    beside = here * np.where(in_front, there[:, 2:] / np.where(in_front, here[:, 2:], 1.0), 1.0)
    return pose, transl + share[:, :1] * np.where(in_front, beside - there, 0.0)


def can_tell(person: Person) -> bool:
    """Whether the person's keypoints can tell which limbs are fast."""
    if person.keypoints is None or person.keypoint_confidence is None or person.keypoint_set is None:
        return False
    fields = (person.pose, person.transl, person.joints)
    return all(field is not None for field in fields) and all(
        name in joint_set(person.keypoint_set) for name in LIMBS12
    )


def _fast(light: Person, camera: Camera, times: np.ndarray, max_gap: float) -> np.ndarray:
    """(F,24) in [0, 1]: how much of each rotation is taken from the light filter."""
    joints, keypoints, confidence = light.require("joints", "keypoints", "keypoint_confidence")
    columns = joint_set(light.keypoint_set or "").indices(LIMBS12)
    metres = np.maximum(joints[:, 0, 2], NEAREST_DEPTH) / camera.intrinsics[0, 0]
    path, sure = keypoints[:, columns] * metres[:, None, None], confidence[:, columns]
    sure = np.where(np.isfinite(path).all(-1), sure, 0.0)
    path = np.nan_to_num(path)
    share = np.zeros((len(times), len(SMPL24)))
    for piece in uninterrupted(times, light.frames, max_gap):
        if piece.stop - piece.start < 2:
            continue
        moment = MOMENT / np.median(np.diff(times[piece]))  # frames
        fast = [sure_acceleration(times[piece], path[piece, k], sure[piece, k]) for k in range(len(LIMBS12))]
        clear = np.clip((seen_lately(times[piece], sure[piece]) - SEEN[0]) / (SEEN[1] - SEEN[0]), 0.0, 1.0)
        square = (clear * np.stack(fast, axis=1)) ** 2
        spared = maximum_filter1d(square / (square + SURELY_FAST**2), 2 * round(moment) + 1, axis=0, mode="nearest")
        share[piece, SMPL24.indices(LIMBS12)] = gaussian_filter1d(spared, moment, axis=0, mode="nearest")
    return np.asarray(np.max(np.where(_TELLS, share[:, None], 0.0), axis=-1))
