"""Damage of the pose: one that is stuck, legs that are pulled up, rotations that flip as exporters make them."""

from __future__ import annotations

import numpy as np

from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.motion import Motion
from kinema.quality.corruption.applying import intervals, reposed
from kinema.skeleton import SMPL24

STUCK = 1.5
"""Shortest duration in seconds of a stuck pose."""

# A joint, the one below it, and the direction of the bone between them in the rest pose.
_BONES = {
    "hip": ("knee", (0.0, 1.0, 0.0)),
    "knee": ("ankle", (0.0, 1.0, 0.0)),
    "shoulder": ("elbow", (1.0, 0.0, 0.0)),
    "elbow": ("wrist", (1.0, 0.0, 0.0)),
}
_FLIPPING = SMPL24.indices(
    [f"{side}_{name}" for side in ("left", "right") for name in ("hip", "knee", "shoulder", "elbow", "collar")]
    + ["spine1", "spine2", "spine3", "neck"]
)


def stuck_pose(motion: Motion, rng: np.random.Generator, *, to_the_end: bool) -> Motion:
    """The pose stays as it is while the root moves on, over the part of `STUCK` seconds with the longest way, or from
    there to the end."""

    def repose(pose: np.ndarray, transl: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        first, last = longest_way(transl, times)
        pose[first : None if to_the_end else last + 1, 1:] = pose[first, 1:]
        return pose, transl

    return reposed(motion, repose)


def longest_way(transl: np.ndarray, times: np.ndarray) -> tuple[int, int]:
    """First and last row of the `STUCK` seconds over which the root (F,3) gets farthest along the ground."""
    last = np.minimum(np.searchsorted(times, times + STUCK), len(times) - 1)
    whole = times[last] - times >= 0.95 * STUCK
    way = np.linalg.norm((transl[last] - transl)[:, [0, 2]], axis=1)
    first = int(np.where(whole, way, -1.0).argmax())
    return first, int(last[first])


def legs_up(motion: Motion, rng: np.random.Generator) -> Motion:
    """Both legs are pulled up, as if sitting in the air: thighs by 50 and knees by 90 degrees, in every frame."""

    def repose(pose: np.ndarray, transl: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        for joint, degrees in (("hip", -50.0), ("knee", 90.0)):
            bend = axis_angle_to_matrix(np.radians([degrees, 0.0, 0.0]))
            for index in SMPL24.indices([f"left_{joint}", f"right_{joint}"]):
                pose[:, index] = _after(pose[:, index], bend)
        return pose, transl

    return reposed(motion, repose)


def joint_flip(motion: Motion, rng: np.random.Generator) -> Motion:
    """One joint rotated by 180 degrees about one of its axes during two intervals of 0.1 to 0.5 seconds."""

    def repose(pose: np.ndarray, transl: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        joint = int(rng.choice(_FLIPPING))
        turn = axis_angle_to_matrix(np.pi * np.eye(3)[rng.integers(3)])
        for rows in intervals(times, rng, 2, 0.1, 0.5):
            pose[rows, joint] = _after(pose[rows, joint], turn)
        return pose, transl

    return reposed(motion, repose)


def euler_wrap(motion: Motion, rng: np.random.Generator) -> Motion:
    """One joint's angle about one of its axes goes from -180 to 180 degrees the long way, in 0.1 to 0.3 seconds, twice:
    angles that were interpolated across their wrap."""

    def repose(pose: np.ndarray, transl: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        joint, axis = int(rng.choice(_FLIPPING)), np.eye(3)[rng.integers(3)]
        for rows in intervals(times, rng, 2, 0.1, 0.3):
            share = np.arange(1, len(rows) + 1) / (len(rows) + 1)
            pose[rows, joint] = _after(pose[rows, joint], axis_angle_to_matrix(2 * np.pi * share[:, None] * axis))
        return pose, transl

    return reposed(motion, repose)


def twist_flip(motion: Motion, rng: np.random.Generator) -> Motion:
    """One limb's bone twisted by 180 degrees about its length, undone at the joint below, so that no joint moves,
    during two intervals of 0.1 to 0.5 seconds."""

    def repose(pose: np.ndarray, transl: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        name, side = str(rng.choice(list(_BONES))), str(rng.choice(["left", "right"]))
        below, axis = _BONES[name]
        upper, lower = SMPL24.index(f"{side}_{name}"), SMPL24.index(f"{side}_{below}")
        twist = axis_angle_to_matrix(np.pi * np.array(axis))
        for rows in intervals(times, rng, 2, 0.1, 0.5):
            pose[rows, upper] = _after(pose[rows, upper], twist)
            pose[rows, lower] = matrix_to_axis_angle(twist.T @ axis_angle_to_matrix(pose[rows, lower]))
        return pose, transl

    return reposed(motion, repose)


def _after(pose: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Axis-angles (..., 3) composed with rotation matrices on their right."""
    return np.asarray(matrix_to_axis_angle(axis_angle_to_matrix(pose) @ rotation))
