"""Where the ground is, and whether the body floats above it.

Kinema's own files have it at y = 0. Other files may have it anywhere: if the body is below 0 for most of the time, the
ground is the lowest level that it reaches. A body that never comes near 0 floats, unless its floor is given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.quality.stance import FEET
from kinema.quality.trajectory import BodyTrajectory
from kinema.skeleton import SMPL24

BELOW = 0.015
"""Metres below y = 0 from which, for most of a track, the ground is taken to be lower: half of the usual limit of
`penetration`, which a body that is always a little too low would otherwise exceed in one file and not in the next."""

CLEARANCE, UNSURE_CLEARANCE, BODY_CLEARANCE = 0.08, 0.15, 0.2
"""Largest height above the ground, metres, of the lowest joint of a resting body: toes; ankles of a skeleton without
toes, or a stand-in's, whose legs may be shorter than the person's; any other joint, inside the hand or the hip."""

REST = 5
"""Percentile of the height of the lowest joint at which the body rests on the ground."""

_FEET = SMPL24.indices(FEET)

AUTO = "auto"
"""The floor at the lowest level that the body reaches."""


@dataclass(frozen=True)
class Ground:
    """level: metres, height of the ground. rest: of the lowest joint where the body comes down to. clearance: how far
    that may be above the ground."""

    level: float
    rest: float
    clearance: float

    @property
    def floating(self) -> bool:
        """Whether the body never comes down to the ground."""
        return self.rest - self.level > self.clearance


def ground_of(trajectory: BodyTrajectory) -> Ground | None:
    """The ground under one person; None where there is no world."""
    joints = trajectory.joints
    if joints is None or not trajectory.world or not len(trajectory.times):
        return None
    lowest = joints[..., 1].min(axis=1)
    rest = float(np.percentile(lowest, REST))
    toes = float(np.median(np.linalg.norm(joints[:, [10, 11]] - joints[:, [7, 8]], axis=-1))) > 0.05
    down = joints[lowest <= rest]
    on_feet = np.mean(np.isin(down[..., 1].argmin(axis=1), _FEET)) > 0.5
    clearance = (CLEARANCE if toes and trajectory.own else UNSURE_CLEARANCE) if on_feet else BODY_CLEARANCE
    if trajectory.floor is None:
        level = rest if np.median(lowest) < -BELOW else 0.0
    else:
        level = rest if trajectory.floor == AUTO else float(trajectory.floor)
    return Ground(level, rest, clearance)


def ground_level(trajectory: BodyTrajectory) -> float:
    """Height in metres of the ground under one person; 0 where there is no world."""
    ground = ground_of(trajectory)
    return 0.0 if ground is None else ground.level


def penetration(trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,24) metres by which each joint's centre lies below the ground; None where there is no world."""
    if trajectory.joints is None or not trajectory.world:
        return None
    return ground_level(trajectory) - trajectory.joints[..., 1]
