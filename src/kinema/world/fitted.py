"""One person's fitted track as the world stage processes it: a rig in motion."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kinema.body.kinematics import Rig
from kinema.body.mass import centre_of_mass
from kinema.metrics import bend_angles
from kinema.skeleton import SMPL24
from kinema.world.surface import Surface

MEMORY = 0.7
"""Seconds over which the errors of neighbouring frames are correlated: one independent observation."""


LIFTED_UP = "lifted_up"
"""Key in a person's data of the vertical (F,3) that the pose lifter infers from the movement: unit vectors in the
camera's axes."""


@dataclass(frozen=True, eq=False)
class FittedTrack:
    """A rig in motion, over F frames.

    rig: its first points are the four contact points, in the order of `kinema.skeleton.CONTACT_POINTS`. times (F,)
    seconds; local (F,24,3,3) rotations relative to the parent, joint 0 in the track's frame of reference (the
    camera's, or the world's); root (F,3) pelvis position, metres; feet_seen (F,) bool: the feet were in the image.
    surface: of the body; without it, nothing but feet is known. seen (F,) bool: the body was in the image (None:
    wherever the feet were). off_feet (F,) bool: something other than the feet carries the body (None: nowhere; see
    `kinema.world.posture`); limbs (K-4,) bool: which of the rig's other points belong to limbs. lifted_up (3,): the
    vertical that the pose lifter infers, of unit length (None: no lifter saw the person). eye (F,3): where the camera
    was (None: always at the origin).
    """

    rig: Rig
    times: np.ndarray
    local: np.ndarray
    root: np.ndarray
    feet_seen: np.ndarray
    surface: Surface | None = None
    seen: np.ndarray | None = None
    off_feet: np.ndarray | None = None
    limbs: np.ndarray | None = None
    lifted_up: np.ndarray | None = None
    eye: np.ndarray | None = None

    @cached_property
    def _posed(self) -> tuple[np.ndarray, np.ndarray]:
        """Joints and contact points; the rotations, by far the largest part, are discarded."""
        return self.rig.forward(self.local, self.root)[1:]

    @property
    def joints(self) -> np.ndarray:
        """(F,24,3) metres."""
        return self._posed[0]

    @cached_property
    def mass(self) -> np.ndarray:
        """(F,3) centre of mass, metres."""
        return centre_of_mass(self.joints)

    @cached_property
    def mass_speed(self) -> np.ndarray:
        """(F,) metres per second."""
        if len(self.times) < 2:
            return np.zeros(len(self.times))
        return np.asarray(np.linalg.norm(np.gradient(self.mass, self.times, axis=0), axis=-1))

    @cached_property
    def knee_flexion(self) -> np.ndarray:
        """(F,2) of the left and the right knee, radians."""
        angles = bend_angles(self.joints, SMPL24.joints)
        return np.pi - np.stack([angles["left_knee"], angles["right_knee"]], axis=1)

    @property
    def feet(self) -> np.ndarray:
        """(F,4,3) contact points, metres."""
        return self._posed[1][:, :4]

    @property
    def points(self) -> np.ndarray:
        """(F,K,3) all points of the rig, the contact points first, metres."""
        return self._posed[1]

    @property
    def on_other_parts(self) -> np.ndarray:
        """(F,) bool: frames in which something other than the feet carries the body."""
        return np.zeros(len(self.times), dtype=bool) if self.off_feet is None else self.off_feet

    @property
    def eyes(self) -> np.ndarray:
        """(F,3) the camera's position in each frame."""
        return np.zeros_like(self.root) if self.eye is None else self.eye

    def moved(self, *, local: np.ndarray | None = None, root: np.ndarray | None = None) -> FittedTrack:
        """A copy with other rotations or another root."""
        return replace(self, local=self.local if local is None else local, root=self.root if root is None else root)

    def part(self, rows: slice | np.ndarray) -> FittedTrack:
        """Some of its frames."""
        return replace(
            self,
            times=self.times[rows],
            local=self.local[rows],
            root=self.root[rows],
            feet_seen=self.feet_seen[rows],
            seen=None if self.seen is None else self.seen[rows],
            off_feet=None if self.off_feet is None else self.off_feet[rows],
            eye=None if self.eye is None else self.eye[rows],
        )

    @cached_property
    def durations(self) -> np.ndarray:
        """(F,) duration of each frame in seconds; frames next to a gap do not include it."""
        if len(self.times) < 2:
            return np.full(len(self.times), 1 / 30)
        steps = np.diff(self.times)
        steps = np.minimum(steps, 2 * np.median(steps))
        return np.asarray(0.5 * (np.r_[steps[0], steps] + np.r_[steps, steps[-1]]))
