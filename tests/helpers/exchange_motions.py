"""Variants of motions that exporters must handle: cut, without a world, at a variable frame rate."""

from __future__ import annotations

import numpy as np

from kinema.motion import Motion
from kinema.person import Person


def cut(motion: Motion, rows: range) -> Motion:
    """Some frames of a motion whose people are present throughout; times start again at 0."""
    times = motion.times[list(rows)]
    people = tuple(p.select(np.array(rows)).replace(frames=np.arange(len(rows))) for p in motion)
    return motion.replace(times=times - times[0], people=people)


def camera_only(motion: Motion) -> Motion:
    """The motion without the fields of the world stage."""
    hidden = dict.fromkeys(("pose_world", "transl_world", "joints_world", "contacts"))
    return motion.replace(people=tuple(p.replace(**hidden) for p in motion))


def uneven(motion: Motion, seed: int = 0) -> Motion:
    """The motion at a variable frame rate: one in three frames is missing, the others keep their times."""
    rng = np.random.default_rng(seed)
    missing = np.arange(1, motion.num_frames - 3, 3) + rng.integers(0, 2, size=len(range(1, motion.num_frames - 3, 3)))
    keep = np.delete(np.arange(motion.num_frames), missing)
    people: list[Person] = []
    for person in motion:
        own = person.select(np.isin(person.frames, keep))
        people.append(own.replace(frames=np.searchsorted(keep, own.frames)))
    return motion.replace(times=motion.times[keep], people=tuple(people))
