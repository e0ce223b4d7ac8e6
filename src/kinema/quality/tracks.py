"""Problems of a track as a whole: feet that glide, a world that rises or tilts, a body that floats, missing frames."""

from __future__ import annotations

from typing import Any

import numpy as np

from kinema.quality.ends import Ends
from kinema.quality.ground import BELOW, ground_of
from kinema.quality.limits import Limits
from kinema.quality.measures import foot_speed
from kinema.quality.problems import CLEANUP, PASS, Problem
from kinema.quality.stance import drift, rise
from kinema.quality.trajectory import BodyTrajectory
from kinema.quality.upright import tilt

CALM_PERCENTILE = 10
"""Percentile of the foot speed over a track that represents its calmest frames: in them, a foot stands."""

HARDLY_STANDING = 0.2
"""Density of feet's velocities at zero, as a fraction of the highest one, below which the ground moves with them."""

NET = 0.05
"""Metres by which the ground must rise or sink in total, or up and down."""

HOVERING, HOVERING_SHARE = 0.045, 0.65
"""Metres above the ground from which a body that goes up and down rather hovers; the limit's fraction then."""

SIGMAS = 2.25
"""Standard errors that a tilt must exceed."""


def track_problems(trajectory: BodyTrajectory, limits: Limits, figures: dict[str, Any]) -> list[Problem]:
    """The problems of one track; `figures` gets the measured values."""
    return [
        *_feet(trajectory, limits, figures),
        *_ground(trajectory, figures),
        *_rise(trajectory, limits, figures),
        *_tilt(trajectory, limits, figures),
        *_gaps(trajectory, limits, figures),
    ]


def ends_problem(trajectory: BodyTrajectory, ends: Ends, figures: dict[str, Any]) -> Problem:
    """Frames that do not belong to the movement. trajectory: with them."""
    frames = np.r_[trajectory.frames[: ends.first], trajectory.frames[ends.last :]]
    figures["ends"] = {"frames": frames.tolist(), "jump": rounded(ends.size), "rest_pose": ends.rest}
    one = len(frames) == 1
    which = f"frame {frames[0]} is" if one else f"{len(frames)} frames at the ends are"
    what = "in the rest pose, not part of the movement" if ends.rest else "not part of the movement"
    sentence = f"{which} {what}: the body jumps; `kinema stabilize` removes {'it' if one else 'them'}"
    return Problem(
        trajectory.person, "quality", "ends", int(frames[0]), float(trajectory.times[0 if ends.first else ends.last]),
        value=ends.size, unit="m", sentence=sentence, severe=True, verdict=CLEANUP,
    )  # fmt: skip


def _problem(
    trajectory: BodyTrajectory, measure: str, value: float, limit: float | None, unit: str, sentence: str,
    *, severe: bool = True,
) -> Problem:  # fmt: skip
    return Problem(trajectory.person, "quality", measure, value=value, limit=limit, unit=unit, sentence=sentence,
                   severe=severe, verdict=CLEANUP if severe else PASS)  # fmt: skip


def _feet(trajectory: BodyTrajectory, limits: Limits, figures: dict[str, Any]) -> list[Problem]:
    """Feet that never stand: a root that drifts, or a body that glides while the legs walk."""
    found = drift(trajectory)
    if found is not None:
        figures["drift"] = rounded(found.speed)
        if found.speed > limits.drift and found.standing < HARDLY_STANDING:
            sentence = "planted feet slide: the body drifts along the ground"
            return [_problem(trajectory, "drift", found.speed, limits.drift, "m/s", sentence)]
    speeds = foot_speed(trajectory)
    if speeds is None or not np.isfinite(speeds).any():
        return []
    value = float(np.nanpercentile(speeds, CALM_PERCENTILE))
    figures["foot_speed"] = rounded(value)
    # A runner's foot stands for less than a tenth of a second.
    limit = limits.foot_speed * trajectory.coarseness
    if value <= limit:
        return []
    sentence = "the feet are never planted: the root drifts, or the body glides"
    return [_problem(trajectory, "foot_speed", value, limit, "m/s", sentence)]


def _ground(trajectory: BodyTrajectory, figures: dict[str, Any]) -> list[Problem]:
    """A body that floats, or a note on a ground that is not at 0."""
    ground = ground_of(trajectory)
    if ground is None:
        return []
    figures["ground"], figures["floating"] = rounded(ground.level), rounded(ground.rest - ground.level)
    above = f"y = {ground.level:.3g}"
    if ground.floating:
        height = ground.rest - ground.level
        sentence = (
            f"the body never comes down to the ground: it floats {height:.2g} m above {above}"
            " (if that is where the floor is, set --floor auto or --floor HEIGHT)"
        )
        return [_problem(trajectory, "floating", height, ground.clearance, "m", sentence)]
    if abs(ground.level) <= BELOW or trajectory.floor not in (None, "auto"):
        return []
    sentence = f"the ground is assumed to be at {above} m, where the body rests"
    return [_problem(trajectory, "ground", ground.level, None, "m", sentence, severe=False)]


def _rise(trajectory: BodyTrajectory, limits: Limits, figures: dict[str, Any]) -> list[Problem]:
    """A ground that rises, sinks or bobs under standing feet."""
    found = rise(trajectory)
    if found is None:
        return []
    figures["rise"] = rounded(found.speed)
    ground = ground_of(trajectory)
    hovers = ground is not None and ground.rest - ground.level > HOVERING
    limit = limits.rise * (HOVERING_SHARE if hovers else 1.0)
    if found.speed <= limit or found.change <= NET:
        return []
    if abs(found.net) > 0.7 * found.change:
        sentence = f"the body {'rises' if found.net > 0 else 'sinks'} although the feet are planted"
    else:
        sentence = "the body goes up and down although the feet are planted"
    return [_problem(trajectory, "rise", found.speed, limit, "m/s", sentence)]


def _tilt(trajectory: BodyTrajectory, limits: Limits, figures: dict[str, Any]) -> list[Problem]:
    """A world in which people would fall over."""
    found = tilt(trajectory)
    if found is None:
        return []
    figures["tilt"] = rounded(found.degrees)
    if found.degrees <= max(limits.tilt, SIGMAS * found.sigma):
        return []
    sentence = "the world is tilted: the body would fall over"
    return [_problem(trajectory, "tilt", found.degrees, limits.tilt, "deg", sentence)]


def _gaps(trajectory: BodyTrajectory, limits: Limits, figures: dict[str, Any]) -> list[Problem]:
    """Frames missing within the track: numbers that are left out, or seconds without a frame."""
    if len(trajectory.frames) < 2:
        return []
    steps, seconds = np.diff(trajectory.frames), np.diff(trajectory.times)
    # A track of every second frame has no gaps: steps are compared with the usual one.
    usual = int(np.median(steps))
    numbers = np.maximum(np.round(steps / usual) - 1, 0)
    gap = (steps > usual) | (trajectory.paused > 0)
    if trajectory.shots is not None:
        gap &= np.diff(trajectory.shots) == 0  # somebody who is not in a shot is not missing
    missing = int(np.where(gap, np.maximum(numbers, trajectory.paused), 0).sum())
    away = np.where(gap, seconds, 0.0)
    longest, where = float(away.max()), int(away.argmax())
    share = missing / (missing + len(trajectory.frames))
    figures["gaps"] = {
        "count": int(gap.sum()),
        "missing_frames": missing,
        "longest_seconds": rounded(longest),
    }
    if longest <= limits.gap and share <= limits.missing:
        return []
    gaps = int(gap.sum())
    sentence = f"{missing} frames are missing in {gaps} gap{'' if gaps == 1 else 's'}, the longest of {longest:.2f} s"
    value, limit, unit = (longest, limits.gap, "s") if longest > limits.gap else (share, limits.missing, "of frames")
    frame = int(trajectory.frames[where])
    return [
        Problem(trajectory.person, "quality", "gap", frame, float(trajectory.times[where]), None, value, limit, unit,
                sentence, severe=True, verdict=CLEANUP)
    ]  # fmt: skip


def rounded(value: float) -> float | None:
    """Five digits; None where it is not finite."""
    return float(f"{value:.5g}") if np.isfinite(value) else None
