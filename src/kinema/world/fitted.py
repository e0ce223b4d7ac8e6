"""One person's fitted track as the world stage processes it: a rig in motion."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kinema.body.kinematics import Rig

MEMORY = 0.7
"""Seconds over which the errors of neighbouring frames are correlated: one independent observation."""


@dataclass(frozen=True, eq=False)
class FittedTrack:
    """A rig in motion, over F frames.

    rig: its points are the four contact points, in the order of `kinema.skeleton.CONTACT_POINTS`. times (F,)
    seconds; local (F,24,3,3) rotations relative to the parent, joint 0 in the track's frame of reference (the
    camera's, or the world's); root (F,3) pelvis position, metres; feet_seen (F,) bool: the feet were in the image.
    """

    rig: Rig
    times: np.ndarray
    local: np.ndarray
    root: np.ndarray
    feet_seen: np.ndarray

    @cached_property
    def _posed(self) -> tuple[np.ndarray, np.ndarray]:
        """Joints and contact points; the rotations, by far the largest part, are discarded."""
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
        """A slice of its frames."""
        return FittedTrack(self.rig, self.times[rows], self.local[rows], self.root[rows], self.feet_seen[rows])

    @cached_property
    def durations(self) -> np.ndarray:
        """(F,) duration of each frame in seconds; frames next to a gap do not include it."""
        if len(self.times) < 2:
            return np.full(len(self.times), 1 / 30)
        steps = np.diff(self.times)
        steps = np.minimum(steps, 2 * np.median(steps))
        return np.asarray(0.5 * (np.r_[steps[0], steps] + np.r_[steps, steps[-1]]))
