"""Applying damage to every person of a motion: to the pose, with the joints posed again, or to the whole body."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from kinema.geometry.rotations import turned_root
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality.skeletons import Skeleton, skeleton_of

Repose = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Pose (F,24,3), transl (F,3) and times (F,) to the damaged pose and transl; may change its arguments."""

Place = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Pelvis (F,3) and times (F,) to a rotation (3,3) about the middle of the way on the ground, and a shift (F,3)."""


def reposed(motion: Motion, repose: Repose, grow: Callable[[Skeleton, int], Skeleton] | None = None) -> Motion:
    """Every person with another pose, the joints posed again, on their skeleton as changed by `grow`."""
    return motion.replace(people=tuple(_reposed(motion, person, repose, grow) for person in motion))


def placed(motion: Motion, place: Place) -> Motion:
    """Every person moved in the world as a whole: pose, translation and joints, as far as the motion has them."""
    return motion.replace(people=tuple(_placed(motion, person, place) for person in motion))


def _reposed(
    motion: Motion, person: Person, repose: Repose, grow: Callable[[Skeleton, int], Skeleton] | None
) -> Person:
    pose, transl = person.require("pose_world", "transl_world")
    skeleton = skeleton_of(motion, person)
    new_pose, new_transl = repose(pose.reshape(-1, 24, 3).copy(), transl.copy(), motion.times[person.frames])
    new_pose = new_pose.reshape(-1, 72)
    changed = person.replace(pose_world=new_pose, transl_world=new_transl)
    if person.joints_world is None and grow is None:  # without joints only the poses can be judged
        return changed
    skeleton = skeleton if grow is None else grow(skeleton, len(person))
    return changed.replace(joints_world=skeleton.joints(new_pose, new_transl))


def _placed(motion: Motion, person: Person, place: Place) -> Person:
    pose, transl, joints = person.pose_world, person.transl_world, person.joints_world
    # SMPL turns the body about the pelvis, which is not at `transl`.
    offset = skeleton_of(motion, person).bones[..., 0, :] if transl is not None else np.zeros(3)
    pelvis = person.require("transl_world")[0] + offset if joints is None else joints[:, 0]
    rotation, shift = place(pelvis.copy(), motion.times[person.frames])
    centre = pelvis.mean(axis=0) * [1, 0, 1]

    def moved(points: np.ndarray) -> np.ndarray:
        apart = shift if points.ndim == 2 else shift[:, None]
        return np.asarray((points - centre) @ rotation.T + centre + apart)

    changes = {}
    if joints is not None:
        changes["joints_world"] = moved(joints)
    if transl is not None:
        changes["transl_world"] = moved(transl + offset) - offset
    if pose is not None:
        changes["pose_world"] = turned_root(pose, rotation)
    return person.replace(**changes)


def intervals(times: np.ndarray, rng: np.random.Generator, count: int, low: float, high: float) -> Iterator[np.ndarray]:
    """Rows of `count` random intervals of low to high seconds, away from the ends."""
    for _ in range(count):
        length = min(rng.uniform(low, high), (times[-1] - times[0]) / 3)
        first = rng.uniform(times[0] + 0.1 * length, times[-1] - 1.1 * length)
        rows = np.flatnonzero((times >= first) & (times < first + length))
        yield rows if len(rows) else np.array([len(times) // 2])


def along_ground(rng: np.random.Generator) -> np.ndarray:
    """A unit vector (3,) along the ground."""
    heading = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(heading), 0.0, np.sin(heading)])


def wander(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(F,) smooth random curve from 0 to 1 that turns about every 1.5 seconds."""
    seconds = 1.5
    keys = np.arange(times[0], times[-1] + 2 * seconds, seconds)
    heights = rng.uniform(0, 1, len(keys))
    left = np.clip(np.searchsorted(keys, times, side="right") - 1, 0, len(keys) - 2)
    share = (times - keys[left]) / seconds
    share = share * share * (3 - 2 * share)
    return np.asarray(heights[left] * (1 - share) + heights[left + 1] * share)
