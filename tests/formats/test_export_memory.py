"""Exports of long motions: memory on top of the motion itself does not grow with it."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from kinema.formats import save_motion
from kinema.motion import Motion
from kinema.person import Person

SHORT, LONG = 1536, 4096


def long_motion(walk, frames) -> Motion:
    person, rows = walk.people[0], np.arange(frames) % 60
    long = Person(
        id=1, frames=np.arange(frames), pose_world=person.pose_world[rows], betas=person.betas[rows],
        transl_world=person.transl_world[rows],
    )  # fmt: skip
    return Motion(times=np.arange(frames) / 30, width=1, height=1, people=(long,), body_model="free")


def peak(motion, path) -> int:
    """Peak memory of writing in bytes, on top of what was in use before."""
    tracemalloc.start()
    try:
        save_motion(motion, path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["bvh", "glb", "usda", "c3d"])
def test_memory_is_bounded(walk, tmp_path, suffix):
    short, long = (long_motion(walk, frames) for frames in (SHORT, LONG))
    size = {id(m): sum(getattr(m.people[0], name).nbytes for name in m.people[0].filled) for m in (short, long)}
    first = peak(short, tmp_path / f"a.{suffix}")
    growth = peak(long, tmp_path / f"b.{suffix}") - first
    # Root path, betas and one joint's rotations may be copied whole; the pose, 85 % of a motion, never is.
    assert growth < 0.7 * (size[id(long)] - size[id(short)])
