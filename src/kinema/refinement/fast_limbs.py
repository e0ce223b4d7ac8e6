"""Fast limbs: where reliable keypoints show that the filter removed movement, a lighter filter's result is used.

One amount of smoothing cannot suit both a striking and a resting hand. The keypoints tell them apart: if heavy
smoothing moves a joint away from where it is clearly seen, movement rather than noise is lost, provided that the shift
lasts and exceeds the keypoints' jitter, or that they clearly accelerate (`kinema.refinement.sure_movement`), as in
strikes of a frame or two. There the pose is blended towards the lightly smoothed one, joint by joint.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from kinema.geometry.camera import NEAREST_DEPTH, Camera, project
from kinema.geometry.rotations import (
    axis_angle_to_matrix,
    continuous_axis_angle,
    matrix_to_axis_angle,
)
from kinema.person import Person
from kinema.refinement.sure_movement import half_at, seen_lately, sure_acceleration
from kinema.skeleton import LIMBS12, SMPL24, ancestry, joint_set
from kinema.temporal.gaps import uninterrupted

MOMENT = 0.03
"""Seconds: lost movement counts if it lasts about this long, and its neighbourhood of this length is spared, too."""

LOST = 0.015
"""Metres, at the person's depth: if the heavy filter is this much farther from the keypoint than the light one (or by
the keypoint's jitter, if that is larger), the result is halfway between the two."""

NEARBY = 0.1
"""Seconds around a strike within which half of `LOST` makes it count half."""

SEEN = (0.4, 0.7)
"""Confidences at which a keypoint begins to count, and at which it counts fully (`seen_lately`)."""

LIGHT = 0.15
"""Length of the light filter as a fraction of the full one's: 0.024 s by default, less than a frame at 30 Hz."""

SURELY_FAST = 20.0
"""Metres per s^2: acceleration at which a confident keypoint counts half as fast: twice gravity. In the 0.1 s that the
filter reaches by default, 2.5 cm are lost."""

TRUNK_ENDS = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
"""The joints whose speed is the trunk's."""


def limb_joints() -> np.ndarray:
    """(24,24) bool: [j, k] is True if joint k's movement depends on rotation j: for a limb, the joints from j outwards;
    for the trunk, its four ends."""
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

    Both need pose, transl, joints and keypoints of a set that has the twelve limb joints. The distance from the camera,
    which keypoints hardly determine, is the heavily smoothed one. times (F,) seconds. max_gap: seconds; nothing reaches
    across longer gaps.
    """
    share = _fast(light, heavy, camera, times, max_gap)
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


def _fast(light: Person, heavy: Person, camera: Camera, times: np.ndarray, max_gap: float) -> np.ndarray:
    """(F,24) in [0, 1]: the weight of the light filter in each rotation."""
    keypoints, confidence = light.require("keypoints", "keypoint_confidence")
    columns = joint_set(light.keypoint_set or "").indices(LIMBS12)
    path = keypoints[:, columns] * _metres(light, camera)[..., None]
    sure = np.where(np.isfinite(path).all(-1), confidence[:, columns], 0.0)
    lost, tremble = _lost(light, heavy, camera), _tremble(path)
    path = np.nan_to_num(path)
    share = np.zeros((len(times), len(SMPL24)))
    for piece in uninterrupted(times, light.frames, max_gap):
        if piece.stop - piece.start < 2:
            continue
        interval = np.median(np.diff(times[piece]))
        moment = MOMENT / interval  # frames
        lasting = np.maximum(gaussian_filter1d(lost[piece], moment, axis=0, mode="nearest"), 0.0)
        most = maximum_filter1d(lost[piece], 2 * round(NEARBY / interval) + 1, axis=0, mode="nearest")
        struck = _struck(times[piece], path[piece], sure[piece]) * half_at(LOST / 2, np.maximum(most, 0.0))
        counts = np.maximum(half_at(np.maximum(LOST, tremble), lasting), struck)
        spared = maximum_filter1d(counts, 2 * round(moment) + 1, axis=0, mode="nearest")
        share[piece, SMPL24.indices(LIMBS12)] = gaussian_filter1d(spared, moment, axis=0, mode="nearest")
    return np.asarray(np.max(np.where(_TELLS, share[:, None], 0.0), axis=-1))


def _struck(times: np.ndarray, path: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """(F,12) in [0, 1]: how certainly keypoints accelerate; path (F,12,2) metres, sure (F,12) their confidence."""
    fast = np.stack([sure_acceleration(times, path[:, k], sure[:, k]) for k in range(path.shape[1])], axis=1)
    clear = np.clip((seen_lately(times, sure) - SEEN[0]) / (SEEN[1] - SEEN[0]), 0.0, 1.0)
    return half_at(SURELY_FAST, clear * fast)


def _lost(light: Person, heavy: Person, camera: Camera) -> np.ndarray:
    """(F,12) metres by which the light filter's limb joints are closer to the keypoints, times the keypoints'
    confidence."""
    keypoints, confidence = light.require("keypoints", "keypoint_confidence")
    columns = joint_set(light.keypoint_set or "").indices(LIMBS12)
    near, far = (
        np.linalg.norm(_pixels(each.require("joints")[0], camera) - keypoints[:, columns], axis=-1)
        for each in (light, heavy)
    )
    lost = (far - near) * _metres(light, camera) * confidence[:, columns]
    return np.where(np.isfinite(lost), lost, 0.0)


def _metres(person: Person, camera: Camera) -> np.ndarray:
    """(F,1) metres per pixel at the person's depth."""
    (joints,) = person.require("joints")
    return np.asarray(np.maximum(joints[:, :1, 2], NEAREST_DEPTH) / camera.intrinsics[0, 0])


def _tremble(path: np.ndarray) -> np.ndarray:
    """(K,) standard deviation of white noise on the paths (F,K,2) of points, from their third differences, to which
    movement contributes little; 0 if there are too few."""
    third = np.linalg.norm(np.diff(path, 3, axis=0), axis=-1)
    third = np.where(np.isfinite(third), third, np.inf)
    if not len(third):
        return np.zeros(path.shape[1])
    middle = np.median(third, axis=0) / np.sqrt(20 * 2 * np.log(2))  # 1, 3, 3, 1 squared; the median of a Rayleigh
    return np.where(np.isfinite(middle), middle, 0.0)


def _pixels(joints: np.ndarray, camera: Camera) -> np.ndarray:
    """The twelve limb joints (F,12,2) of joints (F,24,3), in pixels."""
    return project(joints[:, SMPL24.indices(LIMBS12)], camera.intrinsics, camera.distortion)
