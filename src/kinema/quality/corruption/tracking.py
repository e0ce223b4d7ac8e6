"""Damage as tracking and fitting leave it: noise, swapped sides, turned bodies, limbs that grow, a first T-pose."""

from __future__ import annotations

import numpy as np

from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.motion import Motion
from kinema.quality.corruption.applying import intervals, reposed
from kinema.quality.skeletons import Skeleton
from kinema.skeleton import SMPL24


def jitter(motion: Motion, rng: np.random.Generator) -> Motion:
    """White noise on every frame: 3 degrees on each rotation axis, 10 mm on the root."""

    def repose(pose: np.ndarray, transl: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        noise = axis_angle_to_matrix(rng.normal(0, np.radians(3), pose.shape))
        return matrix_to_axis_angle(axis_angle_to_matrix(pose) @ noise), transl + rng.normal(0, 0.01, transl.shape)

    return reposed(motion, repose)


def swap(motion: Motion, rng: np.random.Generator) -> Motion:
    """Left and right arms and legs swapped (mirrored) during three intervals of 0.2 to 0.6 seconds."""

    def repose(pose: np.ndarray, transl: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mirrored = mirrored_limbs(pose)
        for rows in intervals(times, rng, 3, 0.2, 0.6):
            pose[rows] = mirrored[rows]
        return pose, transl

    return reposed(motion, repose)


def mirrored_limbs(pose: np.ndarray) -> np.ndarray:
    """Pose (F,24,3) with left and right limbs mirrored, the trunk unchanged."""
    middle = SMPL24.mirror == np.arange(24)
    return np.where(middle[:, None], pose, pose[:, SMPL24.mirror] * [1, -1, -1])


def flip(motion: Motion, rng: np.random.Generator) -> Motion:
    """The whole body rotated by 180 degrees about the vertical during two intervals of 0.1 to 0.5 seconds."""

    def repose(pose: np.ndarray, transl: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        half_turn = axis_angle_to_matrix(np.array([0.0, np.pi, 0.0]))
        for rows in intervals(times, rng, 2, 0.1, 0.5):
            pose[rows, 0] = matrix_to_axis_angle(half_turn @ axis_angle_to_matrix(pose[rows, 0]))
        return pose, transl

    return reposed(motion, repose)


def limb_length(motion: Motion, rng: np.random.Generator) -> Motion:
    """One arm or leg, or the whole body, grows and shrinks by 10 to 20 percent over the clip."""
    part = rng.choice(["left_arm", "right_arm", "left_leg", "right_leg", "all"])
    side, _, kind = str(part).partition("_")
    names = {"arm": ("elbow", "wrist"), "leg": ("knee", "ankle")}.get(kind)
    joints = slice(1, 24) if names is None else SMPL24.indices([f"{side}_{name}" for name in names])
    size, phase = rng.uniform(0.1, 0.2), rng.uniform(0, 2 * np.pi)

    def grow(skeleton: Skeleton, count: int) -> Skeleton:
        wave = 1 + size * np.sin(2 * np.pi * np.arange(count) / count + phase)
        bones = np.repeat(np.broadcast_to(skeleton.bones, (count, 24, 3)).copy()[:1], count, axis=0)
        bones[:, joints] *= wave[:, None, None]
        return Skeleton(bones, own=True)

    return reposed(motion, lambda pose, transl, times: (pose, transl), grow)


def first_t_pose(motion: Motion, rng: np.random.Generator) -> Motion:
    """The first frame is a T-pose that faces +z above the world's origin, as many tools put one before the motion."""

    def repose(pose: np.ndarray, transl: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pose[0] = 0.0
        transl[0, [0, 2]] = 0.0
        return pose, transl

    return reposed(motion, repose)
