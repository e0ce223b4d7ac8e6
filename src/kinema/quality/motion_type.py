"""What kind of way a person goes: STATIONARY, PROGRESSING, LOOPING, OSCILLATING or MIXED.

Judged along the ground and in metres, on a path from which sway and noise are smoothed, so that neither the frame
rate nor the camera's axes decide. (The video-to-PKL pipeline measures in all three axes, height included, frame by
frame, and calls a walk there and back again a loop if it is timed well: `kinema.quality.video2pkl`.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.quality.trajectory import Course
from kinema.temporal.filters import cutoff_for, whittaker

SMOOTHING = 0.6
"""Seconds over which the path is smoothed: a stride's sway goes, a turn stays."""

STATIONARY, PROGRESSING, LOOPING = "STATIONARY", "PROGRESSING", "LOOPING"
OSCILLATING, MIXED = "OSCILLATING", "MIXED"

ON_THE_SPOT = 0.35
"""Metres: who stays within a circle of this diameter is on the spot, whatever the limbs do."""

STRAIGHT = 0.5
"""Share of the way by which start and end must be apart for progress."""

ROOMY = 1.0
"""Metres that a way must be wide for going round; below, it is stepping about."""

ROUND = 0.85
"""Turns about its middle from which a way is a round; also the share of a turn that a lap may lack."""

THERE_AND_BACK = 0.3
"""Share of the way by which start and end may be apart for going to and fro."""

REVERSAL = 0.25
"""Metres that somebody must go back for it to be a change of direction."""


@dataclass(frozen=True)
class MotionType:
    """kind: one of the five. Lengths in metres along the ground: extent (largest distance of two points of the path
    along its main direction), path (its length), distance (start to end). turns: how often the path goes round its
    middle; reversals: how often it goes back along its main direction; seconds: of the track.
    """

    kind: str
    extent: float
    path: float
    distance: float
    turns: float
    reversals: int
    seconds: float


def motion_type(course: Course) -> MotionType | None:
    """The kind of way of one person; None where the root's place is not known."""
    if course.joints is None or not course.steady or not len(course.times):
        return None
    ground = course.joints[:, 0][:, [0, 2]]
    times = course.times
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
    elif abs(turns) >= ROUND and extent >= ROOMY:
        kind = LOOPING
    elif ratio > STRAIGHT:
        kind = PROGRESSING
    elif reversals and ratio < THERE_AND_BACK:
        kind = OSCILLATING
    else:
        kind = MIXED
    seconds = float(times[-1] - times[0])
    return MotionType(kind, extent, path, distance, turns, reversals, seconds)


def _main_direction(ground: np.ndarray) -> np.ndarray:
    """(F,) place along the direction in which the path (F,2) is longest."""
    centred = ground - ground.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return centred @ axes[0] if len(ground) > 1 else np.zeros(len(ground))


def _turns(ground: np.ndarray) -> float:
    """How often the path goes round its middle, signed; ways near the middle, where that means little, do not count."""
    middle = 0.5 * (ground.min(axis=0) + ground.max(axis=0))
    spoke = ground - middle
    far = np.linalg.norm(spoke, axis=1)
    width = np.ptp(ground, axis=0)
    # A line has no inside: whoever goes to and fro on it passes its middle on either side by chance.
    if len(ground) < 3 or width.min() < 0.2 * width.max() or _thin(ground):
        return 0.0
    outside = spoke[far > 0.25 * far.max()]
    angles = np.unwrap(np.arctan2(outside[:, 1], outside[:, 0]))
    return float((angles[-1] - angles[0]) / (2 * np.pi))


def _thin(ground: np.ndarray) -> bool:
    """Whether the path lies along a line, in whatever direction."""
    spread = np.linalg.svd(ground - ground.mean(axis=0), compute_uv=False)
    return bool(spread[1] < 0.15 * spread[0])


def _reversals(along: np.ndarray, least: float) -> int:
    """How often a coordinate (F,) turns back by more than `least` from where it got furthest."""
    count, direction, furthest = 0, 0, along[0]
    for value in along.tolist():
        if direction == 0:
            if abs(value - along[0]) > least:
                direction, furthest = (1 if value > along[0] else -1), value
        elif direction * (value - furthest) > 0:
            furthest = value
        elif direction * (furthest - value) > least:
            count, direction, furthest = count + 1, -direction, value
    return count
