"""Scoring a motion against the truth: `evaluate_motion` and the scores that it returns."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kinema.errors import UsageError
from kinema.evaluation.matching import (
    JointPair,
    assign_people,
    choose_frame,
    match_times,
    pair_joints,
    person_cost,
    point_names,
    points_of,
    root_of,
    sideways_distance,
    sight_lines,
)
from kinema.evaluation.options import ALIGNMENTS
from kinema.evaluation.scoring import (
    Comparison,
    PersonScores,
    absent,
    rotation_scores,
    score,
    total,
    trajectory_scores,
)
from kinema.evaluation.truth import Truth, truth_from_motion
from kinema.motion import Motion
from kinema.options import require
from kinema.person import Person
from kinema.skeleton import LIMBS12


@dataclass(frozen=True)
class MotionScores:
    """The outcome of a comparison, with what one must know to repeat it.

    source, frame, align: as in `evaluate_motion`. pairs: the joints compared. people: one entry for each person
    of the truth. total: their measures averaged, each weighted by its frames (coverage by the truth's frames).
    largest_time_difference: seconds between two frames taken for the same moment. notes: sentences.
    """

    source: str
    truth_source: str
    frame: str
    align: str
    pairs: tuple[JointPair, ...]
    people: tuple[PersonScores, ...]
    total: dict[str, float]
    largest_time_difference: float
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON values; a measure that is NaN becomes None."""
        return _without_nan(dataclasses.asdict(self))


def evaluate_motion(
    result: Motion,
    truth: Truth | Motion,
    *,
    source: str = "body",
    joints: str | Sequence[str] = "limbs12",
    align: str = "mid_hip",
    frame: str | None = None,
    person: int | None = None,
    also_require: Sequence[str] = (),
) -> MotionScores:
    """Compare a result with the truth.

    source: "body", the 24 SMPL joints of the fitted body, or "keypoints3d", the keypoint network's own 3D points.
    joints: "limbs12", "shared" or names; compared are points of the same name on both sides. align: "mid_hip"
    moves the middles of the hips onto each other in every frame, "none" compares places. frame: "camera" or
    "world"; by default the camera's where both sides are known in it. In the world the result is first turned
    about the vertical axis, once for the whole clip, since neither side knows where north is. person: the track
    to compare with the truth's first person; by default each person of the truth gets the one that fits it best.
    also_require: other sources that must be known in a frame too, to compare two sources on the same frames.

    Frames are matched by time (`matching.match_times`). Raises UsageError where the two cannot be compared.
    """
    require(align in ALIGNMENTS, "align", f"be one of {', '.join(ALIGNMENTS)}", repr(align))
    if align == "none" and source == "keypoints3d":
        raise UsageError("keypoints3d are relative to the hips and have no place; align them at mid_hip")
    if isinstance(truth, Motion):
        truth = truth_from_motion(truth)
    names = point_names(result, source)
    frame = choose_frame(result, truth, source) if frame is None else _known_frame(frame, truth)
    rows, truth_rows = match_times(result.times, truth.times)
    if not len(rows):
        raise UsageError(
            f"no frame of the result lies at a time of the truth (result {_span(result.times)}, truth"
            f" {_span(truth.times)}); shift the truth with `offset`"
        )
    tracks = list(_tracks(result, person, source, frame, also_require))
    wanted = truth.people if person is None else truth.people[:1]
    pairs_of = [pair_joints(names, each.names, joints) for each in wanted]
    compared: list[list[Comparison]] = []
    present: list[np.ndarray] = []
    costs = np.zeros((len(wanted), len(tracks)))
    for row, (each, pairs) in enumerate(zip(wanted, pairs_of, strict=True)):
        true_points = each.in_frame(frame)[truth_rows]
        present.append(_seen(true_points))
        own = [
            Comparison(pairs, names, points[rows], each.names, true_points, align=align, frame=frame)
            for _, points in tracks
        ]
        compared.append(own)
        for column, (track, _) in enumerate(tracks):
            apart = None
            if frame == "camera":
                lines = sight_lines(result, track, truth)
                apart = None if lines is None else sideways_distance(lines[rows], root_of(true_points, each.names))
            costs[row, column] = person_cost(own[column].cost, apart, present[row])
    chosen = assign_people(costs) if person is None else [0] * len(wanted)
    scores = []
    for each, own, seen, choice in zip(wanted, compared, present, chosen, strict=True):
        if choice is None:
            scores.append(absent(each.label, seen))
            continue
        track = tracks[choice][0]
        scored = score(own[choice], truth.times[truth_rows], seen, each.label, track)
        if source == "body" and scored.result is not None:
            matched = (track, each, result.num_frames, rows, truth_rows)
            scored.measures.update(rotation_scores(*matched, frame, own[choice].turn))
            scored.measures.update(trajectory_scores(*matched))
        scores.append(scored)
    return MotionScores(
        source=source,
        truth_source=truth.source,
        frame=frame,
        align=align,
        pairs=pairs_of[0],
        people=tuple(scores),
        total=total(scores),
        largest_time_difference=float(np.max(np.abs(result.times[rows] - truth.times[truth_rows]))),
        notes=_notes(pairs_of[0], joints, source, result, rows, truth, truth_rows),
    )


def _tracks(
    result: Motion, person: int | None, source: str, frame: str, also_require: Sequence[str]
) -> list[tuple[Person, np.ndarray]]:
    """(person, (T, K, 3) points) of every track that can be compared, NaN where a required source is missing."""
    tracks = []
    for track in result.people if person is None else (result.person(person),):
        points = points_of(result, track, source, frame)
        if points is None:
            continue
        for other in also_require:
            there = points_of(result, track, other, frame)
            known = np.zeros(len(points), dtype=bool)
            if there is not None:
                known = _seen(there)
            points = np.where(known[:, None, None], points, np.nan)
        tracks.append((track, points))
    if person is not None and not tracks:
        raise UsageError(f"person {person} has no points of the source {source!r} in the {frame}'s frame")
    return tracks


def _seen(points: np.ndarray) -> np.ndarray:
    """(F,) bool: frames in which any of the points (F, K, 3) is known."""
    return np.asarray(np.isfinite(points).all(axis=-1).any(axis=-1))


def _known_frame(frame: str, truth: Truth) -> str:
    if frame not in ("camera", "world"):
        raise UsageError(f"unknown frame {frame!r}; known: camera, world")
    if any((p.joints if frame == "camera" else p.joints_world) is None for p in truth.people):
        hint = "; give `calibration` and `camera`" if frame == "camera" else ""
        raise UsageError(f"the truth {truth.source} is not known in the {frame}'s frame{hint}")
    return frame


def _notes(
    pairs: Sequence[JointPair],
    joints: str | Sequence[str],
    source: str,
    result: Motion,
    rows: np.ndarray,
    truth: Truth,
    truth_rows: np.ndarray,
) -> tuple[str, ...]:
    notes = []
    if joints == "limbs12" and len(pairs) < len(LIMBS12):
        missing = sorted(set(LIMBS12) - {pair.name for pair in pairs})
        notes.append(f"compared without {', '.join(missing)}, which one side lacks")
    what = "SMPL joint centres of the fitted body" if source == "body" else "the keypoint network's 3D points"
    notes.append(
        f"compared are {what} with the truth's points of the same name; two definitions of one joint may lie"
        " centimetres apart (hips most)"
    )
    if len(rows) < len(result.times) and len(rows) < len(truth.times):
        notes.append(
            f"{len(rows)} moments are in both: the result has {len(result.times)} frames, the truth {len(truth.times)}"
        )
    late = float(np.max(np.abs(result.times[rows] - truth.times[truth_rows])))
    if late > 0.002:
        notes.append(f"frames taken for the same moment lie up to {1000 * late:.1f} ms apart")
    return tuple(notes)


def _span(times: np.ndarray) -> str:
    return f"{times[0]:.2f}-{times[-1]:.2f} s" if len(times) else "has no frames"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
