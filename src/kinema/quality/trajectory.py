"""The trajectory of one person's body, the input of the measures: joints, rotations, true times.

Frame rates differ, limits should not. Differences are therefore taken over `BASE` seconds, or over one frame where
frames are further apart: at 120 frames per second each frame is compared with the fourth before it. Noise then has the
same size as at 30 frames per second, and a limit per second means the same. Below 30, real movement changes more from
step to step; measures of change are divided by that growth (`coarseness`), so that real movement also passes at
10 frames per second, where it is harder to tell from noise.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.geometry.rotations import axis_angle_to_quaternion, continuous_quaternions
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality.skeletons import skeleton_of
from kinema.temporal.gaps import pauses, shot_of

if TYPE_CHECKING:
    from kinema.body import BodyModel

BASE = 1 / 30
"""Seconds over which differences are taken."""

GAP = 1.9
"""Multiple of the usual step above which a step is a gap in the track."""


_FLOORLESS = frozenset({"read.aistpp", "read.glamr", "read.wham", "read.gvhmr", "read.emdb", "read.3dpw"})
"""Readers of systems whose worlds have their origin at any height."""


@dataclass(frozen=True, eq=False)
class BodyTrajectory:
    """F frames of one person in one frame of reference.

    person: its id; frames (F,) and times (F,) seconds; joints (F,24,3) metres or None; quaternions (F,24,4)
    x y z w, each relative to its parent, signs continuous, or None; world: whether the frame of reference is the world
    (y up, ground at 0) or the camera; rooted: whether the root's position is known, rather than at the origin
    throughout; steady: whether the root's path is movement of the person: its position is known, and the frame of
    reference does not move (a moving camera's does). shots (F,): the number of each frame's shot, None if there is only
    one; there is no motion from one shot to the next.
    """

    person: int
    frames: np.ndarray
    times: np.ndarray
    joints: np.ndarray | None
    quaternions: np.ndarray | None
    world: bool
    rooted: bool
    steady: bool
    shots: np.ndarray | None = None
    own: bool = True
    floor: float | str | None = None

    def part(self, rows: slice) -> BodyTrajectory:
        """The same in some of its frames."""
        arrays: dict[str, Any] = {
            name: None if getattr(self, name) is None else getattr(self, name)[rows]
            for name in ("frames", "times", "joints", "quaternions", "shots")
        }
        return dataclasses.replace(self, **arrays)

    @cached_property
    def interval(self) -> float:
        """Median seconds between frames."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else BASE

    @cached_property
    def stride(self) -> int:
        """Number of frames in `BASE` seconds, at least one."""
        return max(1, round(BASE / self.interval)) if self.interval > 0 else 1

    @cached_property
    def coarseness(self) -> float:
        """The step as a multiple of `BASE`, at least 1: how much larger real steps are at low frame rates."""
        return min(max(1.0, self.stride * self.interval / BASE), 1e3)

    @cached_property
    def spans(self) -> np.ndarray:
        """(F - stride,) seconds between each frame and the one `stride` frames before it."""
        return np.asarray(self.times[self.stride :] - self.times[: -self.stride])

    @cached_property
    def relative(self) -> np.ndarray | None:
        """(F,24,3) joints relative to the pelvis; column 0 is the pelvis itself, in the frame of reference."""
        if self.joints is None:
            return None
        relative = self.joints - self.joints[:, :1]
        relative[:, 0] = self.joints[:, 0]
        return np.asarray(relative)

    @cached_property
    def one_shot(self) -> np.ndarray:
        """(F - stride,) bool: no cut lies between the frame and the one `stride` frames before it."""
        if self.shots is None:
            return np.ones(len(self.spans), dtype=bool)
        return np.asarray(self.shots[self.stride :] == self.shots[: -self.stride])

    @cached_property
    def paused(self) -> np.ndarray:
        """(F - 1,) int: how many frames are missing after each one because the recording paused, whatever their
        numbers."""
        missing = np.clip(np.round(np.diff(self.times) / max(self.interval, 1e-9)) - 1, 0, 1e12)
        return np.where(pauses(self.times), missing, 0).astype(np.int64)

    def steps(self, values: np.ndarray) -> np.ndarray:
        """Norm of the change of (F,J,D) over the stride, per second: (F - stride, J); NaN across a cut."""
        change = values[self.stride :] - values[: -self.stride]
        return self._within(np.sqrt(np.einsum("fjd,fjd->fj", change, change)) / self.spans[:, None])

    def _within(self, rates: np.ndarray) -> np.ndarray:
        """Rates (F - stride, J), NaN across a cut."""
        return rates if self.shots is None else np.where(self.one_shot[:, None], rates, np.nan)

    @cached_property
    def speeds(self) -> np.ndarray | None:
        """(F - stride, 24) m/s of each step: the pelvis (column 0), and the other joints relative to it."""
        return None if self.relative is None else self.steps(self.relative)

    @cached_property
    def turns(self) -> np.ndarray | None:
        """(F - stride, 24) degrees per second at which each joint rotates relative to its parent."""
        if self.quaternions is None:
            return None
        before, after = self.quaternions[: -self.stride], self.quaternions[self.stride :]
        half = np.einsum("fjc,fjc->fj", before, after)
        apart = after - before * np.sign(half + 1e-300)[..., None]
        # The chord is accurate for small angles, the cosine is not.
        chord = np.sqrt(np.einsum("fjc,fjc->fj", apart, apart)).clip(max=2**0.5)
        return self._within(np.degrees(4 * np.arcsin(chord / 2)) / self.spans[:, None])

    def excess(self, rates: np.ndarray) -> np.ndarray:
        """By how much rates (F - stride, J) exceed what the two steps before and after lead to expect: twice their
        median."""
        rates = np.where(self.unbroken[:, None], rates, np.nan)
        if not len(rates):
            return rates
        near = np.stack([_shifted(rates, self.stride * offset) for offset in (-2, -1, 1, 2)])
        return np.asarray((rates - 2 * _median_of_four(near)) / self.coarseness)

    @cached_property
    def excess_turns(self) -> np.ndarray | None:
        """(F - stride, 24) degrees per second: the excess of `turns`."""
        return None if self.turns is None else self.excess(self.turns)

    @cached_property
    def unbroken(self) -> np.ndarray:
        """(F - stride,) bool: neither a gap nor a cut lies between the frame and the one `stride` frames before it."""
        return np.asarray((self.spans < GAP * self.stride * self.interval) & self.one_shot)


def trajectory_of(
    motion: Motion, person: Person, body: BodyModel | None = None, floor: float | str | None = None
) -> BodyTrajectory:
    """The person's trajectory in the world where the motion has one, else in the camera's frame.

    body: the model that the poses belong to, where available. Joints are the motion's own; where it has none, they are
    posed on `body`, or on the free body as a stand-in.
    """
    world = person.joints_world is not None or (person.pose_world is not None and person.transl_world is not None)
    pose, transl = (person.pose_world, person.transl_world) if world else (person.pose, person.transl)
    joints = person.joints_world if world else person.joints
    rooted = transl is not None or joints is not None
    own = joints is not None
    if joints is None and pose is not None:
        skeleton = skeleton_of(motion, person, body)
        own, joints = skeleton.own, skeleton.joints(pose, transl)
    quaternions = None
    if pose is not None:
        quaternions = continuous_quaternions(axis_angle_to_quaternion(pose.reshape(len(person), 24, 3)))
    moving = motion.camera is not None and motion.camera.moving is True
    return BodyTrajectory(
        person=person.id,
        frames=person.frames,
        times=motion.times[person.frames],
        joints=joints,
        quaternions=quaternions,
        world=world,
        rooted=rooted,
        steady=rooted and (world or not moving),
        shots=shot_of(person.frames, motion.cuts) if len(motion.cuts) else None,
        own=own,
        floor="auto" if floor is None and not _FLOORLESS.isdisjoint(each.name for each in motion.provenance) else floor,
    )


def _shifted(values: np.ndarray, offset: int) -> np.ndarray:
    """values[i + offset] at i; NaN beyond the ends."""
    out = np.full(values.shape, np.nan)
    if abs(offset) < len(values):
        if offset >= 0:
            out[: len(values) - offset] = values[offset:]
        else:
            out[-offset:] = values[:offset]
    return out


def _median_of_four(near: np.ndarray) -> np.ndarray:
    """Median along the first axis of (4,F,J), ignoring NaN; 0 where all are NaN."""
    # The middle two are what remains without the smallest and the largest.
    a, b = np.minimum(near[0], near[1]), np.maximum(near[0], near[1])
    c, d = np.minimum(near[2], near[3]), np.maximum(near[2], near[3])
    out = 0.5 * (np.maximum(a, c) + np.minimum(b, d))
    holes = np.flatnonzero(np.isnan(out).any(axis=1))  # at the ends and next to gaps
    order = np.sort(near[:, holes], axis=0)  # NaN last
    known = np.isfinite(order).sum(axis=0)
    low = np.take_along_axis(order, np.maximum((known - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(order, np.maximum(known // 2, 0).clip(max=3)[None], axis=0)[0]
    out[holes] = np.where(known > 0, 0.5 * (low + high), 0.0)
    return np.asarray(out)
