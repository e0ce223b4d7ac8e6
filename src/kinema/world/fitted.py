"""One person's fitted track as the world stage works on it: a rig that moves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kinema.body.kinematics import Rig

MEMORY = 0.7
"""Seconds over which errors of neighbouring frames repeat each other: that much time is one observation."""


@dataclass(frozen=True, eq=False)
class FittedTrack:
    """A rig that moves. F frames.

    rig: its points are the four contact points, in the order of `kinema.skeleton.CONTACT_POINTS`. times
    (F,) seconds; local (F,24,3,3) rotations relative to the parent, joint 0 in the frame that the track is
    given in (the camera's, or the world's); root (F,3) pelvis position, metres; feet_seen (F,) bool: the
    feet were in the picture.
    """

    rig: Rig
    times: np.ndarray
    local: np.ndarray
    root: np.ndarray
    feet_seen: np.ndarray

    @cached_property
    def _posed(self) -> tuple[np.ndarray, np.ndarray]:
        """Joints and contact points; the rotations, by far the largest part, are not kept."""
        return self.rig.forward(self.local, self.root)[1:]

    @property
    def joints(self) -> np.ndarray:
        """(F,24,3) metres."""
        return self._posed[0]

    @property
    def feet(self) -> np.ndarray:
        """(F,4,3) contact points, metres."""
        return self._posed[1]

    def moved(self, *, local: np.ndarray | None = None, root: np.ndarray | None = None) -> FittedTrack:
        """A copy with other rotations or another root."""
        local, root = self.local if local is None else local, self.root if root is None else root
        return FittedTrack(self.rig, self.times, local, root, self.feet_seen)

    def part(self, rows: slice) -> FittedTrack:
        """Some consecutive frames of it."""
        return FittedTrack(self.rig, self.times[rows], self.local[rows], self.root[rows], self.feet_seen[rows])

    @cached_property
    def durations(self) -> np.ndarray:
        """(F,) seconds that each frame stands for; frames beside a gap do not stand for the gap."""
        if len(self.times) < 2:
            return np.full(len(self.times), 1 / 30)
        steps = np.diff(self.times)
        steps = np.minimum(steps, 2 * np.median(steps))
        return 0.5 * (np.r_[steps[0], steps] + np.r_[steps, steps[-1]])
