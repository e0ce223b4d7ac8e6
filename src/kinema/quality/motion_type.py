"""The type of path a person moves along: STATIONARY, PROGRESSING, LOOPING, OSCILLATING or MIXED.

Judged along the ground, in metres, on a path smoothed to remove sway and noise, so that the result depends neither on
the frame rate nor on the camera's axes. (video2pkl measures along all three axes, height included, from frame to frame,
and can take a walk there and back for a loop, depending on its timing: `kinema.quality.video2pkl`.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.quality.trajectory import BodyTrajectory
from kinema.temporal.filters import cutoff_for, whittaker

SMOOTHING = 0.6
"""Seconds over which the path is smoothed: removes the sway of a stride, keeps turns."""

STATIONARY, PROGRESSING, LOOPING = "STATIONARY", "PROGRESSING", "LOOPING"
OSCILLATING, MIXED = "OSCILLATING", "MIXED"

ON_THE_SPOT = 0.35
"""Metres: a path of smaller extent is on the spot, whatever the limbs do."""

PROGRESS = 0.5
"""Smallest ratio of start-to-end distance to path length of a progressing path."""

LOOP_EXTENT = 1.0
"""Metres: smallest extent of a loop; below, it is stepping about."""

LOOP_TURNS = 0.85
"""Smallest number of turns about its centre of a looping path: a lap may be 15 % short of a full turn."""

OSCILLATION = 0.3
"""Largest ratio of start-to-end distance to path length of an oscillating path."""

REVERSAL = 0.25
"""Metres of movement back along the main direction that count as a reversal."""


@dataclass(frozen=True)
class MotionType:
    """The type of motion of one person, and the figures it follows from.

    kind: one of the five. Lengths in metres along the ground: extent (of the path along its main direction), path (its
    length), distance (start to end). turns: signed number of turns about its centre; reversals: changes of direction
    along its main direction; seconds: duration of the track.
    """

    kind: str
    extent: float
    path: float
    distance: float
    turns: float
    reversals: int
    seconds: float


def motion_type(trajectory: BodyTrajectory) -> MotionType | None:
    """The type of motion of one person; None where the root's position is unknown or the frame of reference moves."""
    if trajectory.joints is None or not trajectory.steady or not len(trajectory.times):
        return None
    rows = np.ones(len(trajectory.times), dtype=bool)
    if trajectory.shots is not None:  # each shot has a frame of reference of its own: the longest is described
        rows = trajectory.shots == np.bincount(trajectory.shots).argmax()
    ground = trajectory.joints[rows, 0][:, [0, 2]]
    times = trajectory.times[rows]
    if len(times) > 3:
        ground = whittaker(ground, times, cutoff=cutoff_for(SMOOTHING, 2))
    steps = np.linalg.norm(np.diff(ground, axis=0), axis=1)
    path = float(steps.sum())
    distance = float(np.linalg.norm(ground[-1] - ground[0]))
    along = _main_direction(ground)
    extent = float(np.ptp(along))
    turns, reversals = _turns(ground), _reversals(along, min(REVERSAL, 0.5 * extent))
    ratio = distance / path if path > 0 else 0.0
    if extent < ON_THE_SPOT:
        kind = STATIONARY
    elif abs(turns) >= LOOP_TURNS and extent >= LOOP_EXTENT:
        kind = LOOPING
    elif ratio > PROGRESS:
        kind = PROGRESSING
    elif reversals and ratio < OSCILLATION:
        kind = OSCILLATING
    else:
        kind = MIXED
    seconds = float(times[-1] - times[0])
    return MotionType(kind, extent, path, distance, turns, reversals, seconds)


def _main_direction(ground: np.ndarray) -> np.ndarray:
    """(F,) coordinate of the path (F,2) along its principal axis."""
    centred = ground - ground.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return centred @ axes[0] if len(ground) > 1 else np.zeros(len(ground))


def _turns(ground: np.ndarray) -> float:
    """Signed number of turns of the path about its centre, leaving out points near it, where angles mean little."""
    centre = 0.5 * (ground.min(axis=0) + ground.max(axis=0))
    radius = ground - centre
    distances = np.linalg.norm(radius, axis=1)
    width = np.ptp(ground, axis=0)
    # A line encloses nothing: a path back and forth on it passes its centre on either side by chance.
    if len(ground) < 3 or not width.any() or width.min() < 0.2 * width.max() or _is_linear(ground):
        return 0.0
    outside = radius[distances > 0.25 * distances.max()]
    angles = np.unwrap(np.arctan2(outside[:, 1], outside[:, 0]))
    return float((angles[-1] - angles[0]) / (2 * np.pi))


def _is_linear(ground: np.ndarray) -> bool:
    """Whether the path lies along a line, in whatever direction."""
    spread = np.linalg.svd(ground - ground.mean(axis=0), compute_uv=False)
    return bool(spread[1] < 0.15 * spread[0])


def _reversals(along: np.ndarray, least: float) -> int:
    """How often a coordinate (F,) reverses, by more than `least` from its latest extreme."""
    count, direction, extreme = 0, 0, along[0]
    for value in along.tolist():
        if direction == 0:
            if abs(value - along[0]) > least:
                direction, extreme = (1 if value > along[0] else -1), value
        elif direction * (value - extreme) > 0:
            extreme = value
        elif direction * (extreme - value) > least:
            count, direction, extreme = count + 1, -direction, value
    return count
