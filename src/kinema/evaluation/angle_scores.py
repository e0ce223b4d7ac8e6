"""Scoring the joint angles of a motion against those of OpenSim's inverse kinematics (`.mot`, `.sto`)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinema.brief import Brief
from kinema.errors import UsageError
from kinema.evaluation.clocks import Shift, find_shift, require_shift
from kinema.evaluation.moments import SAME, pair_times
from kinema.evaluation.opensim_angles import (
    ANGLES,
    PELVIS,
    SINGLES,
    TRIPLES,
    from_three_turns,
    nearest_turns,
    opensim_angles,
    opensim_rotations,
    three_turns,
)
from kinema.evaluation.sampling import longest_steps, sample
from kinema.evaluation.scoring import mean, without_nan
from kinema.evaluation.truth import AUTO
from kinema.formats.opensim_table import Coordinates, read_coordinates
from kinema.geometry.rotations import turn_about
from kinema.motion import Motion
from kinema.person import Person

MEASURES = {
    "mean_error_deg": "mean error",
    "rmse_deg": "RMSE",
    "offset_deg": "offset",
    "rmse_without_offset_deg": "RMSE without the offset",
    "correlation": "correlation",
}
"""Every measure of an angle: key in scores and JSON, and short name in tables. docs/evaluation.md defines them."""

SINGULAR = np.radians(10.0)
"""Radians: if the middle one of three turns is closer than this to 90 degrees, the other two are not defined."""

_BENT = np.radians(20.0)
"""Knees whose lowest and highest angle sum up to less than minus this bend in the negative direction."""

_MOVES = np.radians(0.1)
"""An angle of the truth that varies by less over the clip is locked: nothing was measured there."""


@dataclass(frozen=True, repr=False)
class AngleScores(Brief):
    """The result of a comparison of joint angles, in degrees.

    person: of the result (None: not found). frames: number of compared frames. angles: {name: {measure: value}} by the
    keys of `MEASURES`. total: their means over the angles; of the offset, the mean absolute value. not_compared: {name:
    why}.
    """

    truth_source: str
    person: int | None
    frames: int
    angles: dict[str, dict[str, float]]
    total: dict[str, float]
    truth_interpolated: bool
    not_compared: dict[str, str]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON values; a measure that is NaN becomes None."""
        result: dict[str, Any] = without_nan(dataclasses.asdict(self))
        return result


def evaluate_angles(
    result: Motion,
    truth: Coordinates | str | Path,
    *,
    person: int | None = None,
    offset: float | str | None = None,
) -> AngleScores:
    """Compare a result's joint angles with OpenSim's coordinates, or with the `.mot` or `.sto` file of them.

    person: the track to compare; by default the one that fits best. offset: seconds added to the truth's times, "auto"
    to estimate them; by default the truth begins with the clip. The pelvis is compared after one turn about the
    vertical for the whole clip, since headings are arbitrary. Angles are defined in `kinema.evaluation.opensim_angles`.
    Raises InputError, UsageError if the two cannot be compared.
    """
    source = "the truth" if isinstance(truth, Coordinates) else Path(truth).name
    if not isinstance(truth, Coordinates):
        truth = read_coordinates(truth)
    tracks = [each for each in (result.people if person is None else (result.person(person),)) if _pose(each)[0].size]
    if not tracks:
        raise UsageError("the result has no poses to take joint angles from; run the fit first")
    known, left_out, notes = _known_angles(truth)
    if not set(known) - set(left_out):
        raise UsageError(f"{source} has none of Kinema's angles, or none that changes: {', '.join(ANGLES)}")
    if isinstance(offset, str):
        if offset != AUTO:
            raise UsageError(f"`offset` must be a number of seconds or auto, found {offset!r}")
        shift = require_shift(_shift(result, tracks, known, truth.times), source)
        notes, seconds = [*notes, shift.note], shift.seconds
    else:
        seconds = -float(truth.times[0]) if offset is None else offset
    times = truth.times + seconds
    pairing = pair_times(result.times, times)
    names = list(known)
    values = np.stack([known[name] for name in names], axis=1)
    if pairing.truth_rows is None:
        longest = longest_steps(pairing.truth_times, np.zeros(0, dtype=int))
        values = sample(values[..., None], pairing.truth_times, pairing.times, longest, SAME)[..., 0]
    else:
        values = values[pairing.truth_rows]
    if not np.isfinite(values).any():
        raise UsageError(
            f"no frame of the result coincides with one of {source} (result {result.times[0]:.2f}-"
            f"{result.times[-1]:.2f} s, truth {times[0]:.2f}-{times[-1]:.2f} s); shift the truth with `offset`"
        )
    wanted = dict(zip(names, values.T, strict=True))
    scored = [(track, _errors(result, track, pairing.rows, wanted)) for track in tracks]
    track, errors = min(scored, key=lambda each: _cost(each[1]))
    if track.pose_world is None:
        left_out |= {name: "the result is not placed in a world" for name in PELVIS if name in known}
    angles = {name: _measures(*both) for name, both in errors.items() if name not in left_out}
    compared = {name: each for name, each in angles.items() if math.isfinite(each["rmse_deg"])}
    left_out |= {name: "not defined or not known in any frame" for name in angles if name not in compared}
    there = np.any([np.isfinite(ours) for ours, _ in errors.values()], axis=0) if errors else np.zeros(0, dtype=bool)
    return AngleScores(
        truth_source=source,
        person=track.id,
        frames=int(there.sum()),
        angles=compared,
        total={key: mean([abs(each[key]) for each in compared.values()]) for key in MEASURES},
        truth_interpolated=pairing.truth_rows is None,
        not_compared=left_out,
        notes=(*truth.notes, *notes),
    )


def _known_angles(truth: Coordinates) -> tuple[dict[str, np.ndarray], dict[str, str], list[str]]:
    """(radians by name, {name: why} for angles that are not compared, notes).

    The first also contains locked angles: they are part of the rotations of their joints.
    """
    known: dict[str, np.ndarray] = {}
    left_out: dict[str, str] = {}
    for place, name in enumerate(truth.names):
        column = truth.values[:, place]
        if truth.lengths[place]:
            left_out[name] = "a length, not an angle"
        elif name not in ANGLES:
            left_out[name] = "Kinema has no such angle"
        else:
            known[name] = column
            finite = column[np.isfinite(column)]
            if not len(finite) or np.ptp(finite) < _MOVES:
                left_out[name] = "it does not change in the truth"
    notes = []
    knees = [name for name in known if name.startswith("knee_angle") and name not in left_out]
    if knees and np.mean([np.nanmax(known[name]) + np.nanmin(known[name]) for name in knees]) < -_BENT:
        known |= {name: -known[name] for name in knees}
        notes.append("the truth counts knee flexion as negative, as gait2392 does; the sign was changed")
    return known, left_out, notes


def _pose(person: Person) -> tuple[np.ndarray, bool]:
    """(F, 72) the pose, in the world if it is known there, and whether it is; (0,) without a pose."""
    if person.pose_world is not None:
        return person.pose_world, True
    return (np.zeros(0), False) if person.pose is None else (person.pose, False)


def _errors(
    result: Motion, track: Person, rows: np.ndarray, wanted: Mapping[str, np.ndarray]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{name: (the track's angle, the truth's)} (N,) radians at `rows` (N,) of the clip, NaN where either is unknown."""
    pose, in_world = _pose(track)
    row_of = np.full(result.num_frames, -1)
    row_of[track.frames] = np.arange(len(track))
    there = np.flatnonzero(row_of[rows] >= 0)
    at = pose[row_of[rows[there]]]
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def add(name: str, ours: np.ndarray) -> None:
        every = np.full(len(rows), np.nan)
        every[there] = ours
        found[name] = (np.where(np.isfinite(wanted[name]), every, np.nan), wanted[name])

    if not len(there):
        return {name: (np.full(len(rows), np.nan), true) for name, true in wanted.items()}
    rotations, singles = opensim_rotations(at), opensim_angles(at)
    for joint, names in TRIPLES.items():
        if not any(name in wanted for name in names) or (joint == "pelvis" and not in_world):
            continue
        side = joint[-2:]
        # A turn that the truth's model lacks is zero.
        true = np.stack([wanted[name][there] if name in wanted else np.zeros(len(there)) for name in names], axis=1)
        rotation = rotations[joint]
        if joint == "pelvis":
            rotation = _same_heading(rotation, true)
        turns = nearest_turns(three_turns(rotation, side), true)
        undefined = np.abs(np.cos(turns[:, 1])) < np.sin(SINGULAR)
        turns[np.ix_(undefined, [0, 2])] = np.nan
        for name, ours in zip(names, turns.T, strict=True):
            if name in wanted:
                add(name, ours)
    for name in SINGLES:
        if name in wanted:
            turns = 2 * np.pi * np.round((wanted[name][there] - singles[name]) / (2 * np.pi))
            add(name, singles[name] + np.nan_to_num(turns))
    return found


def _same_heading(rotations: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Rotations (F, 3, 3) turned once for all frames about the vertical, to agree best with the `turns` (F, 3)."""
    known = np.isfinite(turns).all(axis=1)
    true = from_three_turns(turns[known], "")
    summed = np.einsum("fij,fkj->ik", rotations[known], true)
    angle = np.arctan2(summed[2, 0] - summed[0, 2], summed[0, 0] + summed[2, 2])
    return np.asarray(turn_about("y", float(angle)) @ rotations)


def _cost(errors: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> float:
    """Radians: mean error without each angle's offset; a frame without the track counts as a right angle."""
    costs = []
    for ours, true in errors.values():
        difference = ours - true
        known = np.isfinite(difference)
        if known.any():
            difference = np.abs(difference - np.mean(difference[known]))
        costs.append(np.mean(np.where(known, np.minimum(difference, np.pi / 2), np.pi / 2)))
    return float(np.mean(costs)) if costs else math.inf


def _measures(ours: np.ndarray, true: np.ndarray) -> dict[str, float]:
    difference = np.degrees(ours - true)
    known = np.isfinite(difference)
    if not known.any():
        return dict.fromkeys(MEASURES, math.nan)
    difference = difference[known]
    offset = float(np.mean(difference))
    a, b = ours[known] - ours[known].mean(), true[known] - true[known].mean()
    power = float(np.sqrt((a @ a) * (b @ b)))
    return {
        "mean_error_deg": float(np.mean(np.abs(difference))),
        "rmse_deg": float(np.sqrt(np.mean(difference**2))),
        "offset_deg": offset,
        "rmse_without_offset_deg": float(np.std(difference)),
        "correlation": float(a @ b) / power if power > 0 else math.nan,
    }


def _shift(result: Motion, tracks: list[Person], known: Mapping[str, np.ndarray], times: np.ndarray) -> Shift | None:
    """The shift of the truth's clock at which the single angles of a track and hips and trunk move alike."""
    names = [name for name in known if name not in PELVIS and not name.startswith(("arm_", "pro_sup"))]
    if not names:
        return None
    theirs = np.stack([known[name] for name in names], axis=1)
    found = []
    for track in tracks:
        angles = opensim_angles(_pose(track)[0])
        every = np.full((result.num_frames, len(names)), np.nan)
        every[track.frames] = np.stack([angles[name] for name in names], axis=1)
        found.append(find_shift(every, result.times, theirs, times))
    return max((each for each in found if each is not None), key=lambda each: each.correlation, default=None)
