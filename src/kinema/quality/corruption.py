"""Corruptions of motions, like those from tracking and fitting, for measuring how many the validator detects.

Each function takes a motion whose people have pose_world, transl_world and joints_world, and a random generator, and
returns a corrupted copy, its joints recomputed on the person's own skeleton. The strengths, given at each function,
are at the lower end of what makes a motion unusable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality.skeletons import Skeleton, skeleton_of
from kinema.skeleton import SMPL24

Corruption = Callable[[Motion, np.random.Generator], Motion]


def jitter(motion: Motion, rng: np.random.Generator) -> Motion:
    """White noise on every frame: 3 degrees on each rotation axis, 10 mm on the root."""

    def corrupt(pose: np.ndarray, transl: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        noise = axis_angle_to_matrix(rng.normal(0, np.radians(3), pose.shape))
        return _rotated(pose, noise), transl + rng.normal(0, 0.01, transl.shape)

    return _corrupted(motion, corrupt)


def swap(motion: Motion, rng: np.random.Generator) -> Motion:
    """Left and right arms and legs swapped (mirrored) during three intervals of 0.2 to 0.6 seconds."""

    def corrupt(pose: np.ndarray, transl: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mirrored = pose[:, SMPL24.mirror] * [1, -1, -1]
        middle = SMPL24.mirror == np.arange(24)
        for rows in _intervals(times, rng, 3, 0.2, 0.6):
            pose[rows] = np.where(middle[:, None], pose[rows], mirrored[rows])
        return pose, transl

    return _corrupted(motion, corrupt)


def flip(motion: Motion, rng: np.random.Generator) -> Motion:
    """The whole body rotated by 180 degrees about the vertical during two intervals of 0.1 to 0.5 seconds."""

    def corrupt(pose: np.ndarray, transl: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        half_turn = axis_angle_to_matrix(np.array([0.0, np.pi, 0.0]))
        for rows in _intervals(times, rng, 2, 0.1, 0.5):
            pose[rows, 0] = matrix_to_axis_angle(half_turn @ axis_angle_to_matrix(pose[rows, 0]))
        return pose, transl

    return _corrupted(motion, corrupt)


def teleport(motion: Motion, rng: np.random.Generator) -> Motion:
    """The root jumps by 0.5 to 2 metres along the ground; with probability 1/2 it returns after 0.3 seconds."""

    def corrupt(pose: np.ndarray, transl: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        start = int(rng.integers(len(times) // 4, max(len(times) // 4 + 1, 3 * len(times) // 4)))
        back = times[start] + 0.3 if rng.uniform() < 0.5 else np.inf
        rows = (np.arange(len(times)) >= start) & (times < back)
        transl[rows] += rng.uniform(0.5, 2) * _along_ground(rng)
        return pose, transl

    return _corrupted(motion, corrupt)


def frozen_root(motion: Motion, rng: np.random.Generator) -> Motion:
    """The root stays in place while the limbs keep moving, from some frame in the first half to the end."""

    def corrupt(pose: np.ndarray, transl: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        start = int(rng.integers(0, len(times) // 2 + 1))
        transl[start:] = transl[start]
        return pose, transl

    return _corrupted(motion, corrupt)


def drift(motion: Motion, rng: np.random.Generator) -> Motion:
    """The root drifts along the ground at 0.6 to 1.2 metres per second on top of its own movement."""

    def corrupt(pose: np.ndarray, transl: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        velocity = rng.uniform(0.6, 1.2) * _along_ground(rng)
        return pose, transl + (times - times[0])[:, None] * velocity

    return _corrupted(motion, corrupt)


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

    return _corrupted(motion, lambda pose, transl, times: (pose, transl), grow)


CORRUPTIONS: dict[str, Corruption] = {
    "jitter": jitter,
    "swap": swap,
    "flip": flip,
    "teleport": teleport,
    "frozen root": frozen_root,
    "drift": drift,
    "limb length": limb_length,
}
"""Every kind of corruption by name."""


def _corrupted(
    motion: Motion,
    corrupt: Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    grow: Callable[[Skeleton, int], Skeleton] | None = None,
) -> Motion:
    """Every person after corrupt(pose (F,24,3), transl (F,3), times (F,)), with the joints recomputed."""
    return motion.replace(people=tuple(_corrupt_person(motion, person, corrupt, grow) for person in motion))


def _corrupt_person(
    motion: Motion,
    person: Person,
    corrupt: Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    grow: Callable[[Skeleton, int], Skeleton] | None,
) -> Person:
    pose, transl = person.require("pose_world", "transl_world")
    skeleton = skeleton_of(motion, person)
    times = motion.times[person.frames]
    new_pose, new_transl = corrupt(pose.reshape(-1, 24, 3).copy(), transl.copy(), times)
    new_pose = new_pose.reshape(-1, 72)
    skeleton = skeleton if grow is None else grow(skeleton, len(person))
    joints = skeleton.joints(new_pose, new_transl)
    return person.replace(pose_world=new_pose, transl_world=new_transl, joints_world=joints)


def _rotated(pose: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Axis-angles (F,24,3) composed with rotation matrices (F,24,3,3)."""
    return matrix_to_axis_angle(axis_angle_to_matrix(pose) @ rotation)


def _intervals(
    times: np.ndarray, rng: np.random.Generator, count: int, low: float, high: float
) -> Iterator[np.ndarray]:
    """Rows of `count` random intervals of low to high seconds, away from the ends."""
    for _ in range(count):
        length = min(rng.uniform(low, high), (times[-1] - times[0]) / 3)
        first = rng.uniform(times[0] + 0.1 * length, times[-1] - 1.1 * length)
        rows = np.flatnonzero((times >= first) & (times < first + length))
        yield rows if len(rows) else np.array([len(times) // 2])


def _along_ground(rng: np.random.Generator) -> np.ndarray:
    """A unit vector (3,) along the ground."""
    heading = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(heading), 0.0, np.sin(heading)])
