"""Scoring a motion against the truth: `evaluate_motion` and the scores that it returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema import metrics
from kinema.brief import Brief
from kinema.errors import InputError, UsageError
from kinema.evaluation.clocks import Shift, find_shift, require_shift
from kinema.evaluation.joints import redefined, with_joints
from kinema.evaluation.matching import (
    JointPair,
    assign_people,
    check_size,
    choose_frame,
    hip_rays,
    lateral_distance,
    pair_joints,
    person_cost,
    point_names,
    points_of,
    root_of,
)
from kinema.evaluation.moments import Moments, common_moments
from kinema.evaluation.options import ALIGNMENTS
from kinema.evaluation.scoring import (
    Comparison,
    PersonScores,
    absent,
    rotation_scores,
    score,
    total,
    trajectory_scores,
    without_nan,
)
from kinema.evaluation.truth import Truth, TruthPerson, truth_from_motion
from kinema.evaluation.world_scores import world_scores
from kinema.motion import Motion
from kinema.options import require
from kinema.person import Person
from kinema.skeleton import LIMBS12
from kinema.temporal.rate import frame_rate

if TYPE_CHECKING:
    from kinema.body import BodyModel


@dataclass(frozen=True, repr=False)
class MotionScores(Brief):
    """The result of a comparison, with everything needed to repeat it.

    source, frame, align, definition: as in `evaluate_motion`. pairs: the joints compared. people: one entry for each
    person of the truth. total: their measures averaged, each weighted by its frames (coverage by the truth's frames).
    truth_interpolated: whether the truth was interpolated at the times of the result's frames; largest_time_difference:
    seconds between a frame and the row of truth that it is compared with. notes: sentences. comparisons: each person's
    points at the `moments`, None for people without a match in the result.
    """

    source: str
    truth_source: str
    frame: str
    align: str
    pairs: tuple[JointPair, ...]
    people: tuple[PersonScores, ...]
    total: dict[str, float]
    truth_interpolated: bool
    largest_time_difference: float
    notes: tuple[str, ...] = ()
    definition: str = "smpl"
    comparisons: tuple[Comparison | None, ...] = dataclasses.field(default=(), repr=False, compare=False)
    moments: Moments | None = dataclasses.field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """JSON values, without values by frame; a measure that is NaN becomes None."""
        values = dataclasses.asdict(dataclasses.replace(self, comparisons=(), moments=None))
        result: dict[str, Any] = without_nan({k: v for k, v in values.items() if k not in ("comparisons", "moments")})
        return result


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
    body: BodyModel | None = None,
    definition: str = "smpl",
) -> MotionScores:
    """Compare a result with the truth.

    source: "body", the 24 SMPL joints of the fitted body, or "keypoints3d", the keypoint network's own 3D points.
    joints: "limbs12", "shared" or names; points of the same name on both sides are compared. align: "mid_hip"
    aligns the midpoints of the hips in every frame, "none" compares positions. frame: "camera" or
    "world"; by default the camera's if both sides are known in it. In the world the result is first rotated about the
    vertical axis, once for the whole clip, because headings are arbitrary. person: the track
    to compare with the truth's first person; by default each person of the truth gets the best match.
    also_require: other sources that a frame must have as well, to compare two sources on the same frames. body: poses
    a result that holds rotations and no joints (`kinema.evaluation.joints`). definition: the joint definition for the
    fitted body (`kinema.body.definitions`); choose the truth's if it is among them.

    The truth is taken at the times of the result's frames (`kinema.evaluation.moments`). Raises UsageError if the two
    cannot be compared.
    """
    require(align in ALIGNMENTS, "align", f"be one of {', '.join(ALIGNMENTS)}", repr(align))
    if align == "none" and source == "keypoints3d":
        raise UsageError("keypoints3d are relative to the hips and have no position; set `align` to mid_hip")
    if isinstance(truth, Motion):
        truth = truth_from_motion(truth, body=body)
    result, notes = with_joints(result, body, "the result")
    if source == "body":
        result = redefined(result, definition, body)
    notes = (*truth.notes, *notes)
    names = point_names(result, source)
    frame = choose_frame(result, truth, source) if frame is None else _known_frame(frame, truth)
    moments, more = _moments(result, truth, source, frame)
    notes = (*notes, *more)
    matched = _Matched(result, moments, source, frame)
    tracks = list(_tracks(result, person, source, frame, also_require))
    wanted = moments.truth.people if person is None else moments.truth.people[:1]
    pairs_of = [pair_joints(names, each.names, joints) for each in wanted]
    compared: list[list[Comparison]] = []
    present: list[np.ndarray] = []
    costs = np.zeros((len(wanted), len(tracks)))
    for row, (each, pairs) in enumerate(zip(wanted, pairs_of, strict=True)):
        true_points = each.in_frame(frame)
        check_size(true_points, each.names, f"the truth {truth.source}")
        present.append(_seen(true_points))
        compared.append(
            [
                Comparison(pairs, names, points[moments.rows], each.names, true_points, align=align, frame=frame)
                for _, points in tracks
            ]
        )
        costs[row] = matched.costs(compared[row], tracks, root_of(true_points, each.names), present[row])
    chosen = assign_people(costs) if person is None else [0] * len(wanted)
    scores = [
        absent(each.label, seen) if choice is None else matched.score(own[choice], tracks[choice][0], each, seen)
        for each, own, seen, choice in zip(wanted, compared, present, chosen, strict=True)
    ]
    used = [None if choice is None else own[choice] for own, choice in zip(compared, chosen, strict=True)]
    return MotionScores(
        source=source,
        truth_source=truth.source,
        frame=frame,
        align=align,
        pairs=pairs_of[0],
        people=tuple(scores),
        total=total(scores),
        truth_interpolated=moments.interpolated,
        largest_time_difference=moments.largest_difference,
        notes=(*notes, *_notes(matched, truth, pairs_of[0], joints, definition)),
        definition=definition,
        comparisons=tuple(used),
        moments=moments,
    )


def _moments(result: Motion, truth: Truth, source: str, frame: str) -> tuple[Moments, tuple[str, ...]]:
    """The moments to compare, with the truth on the clip's clock, and notes. Raises InputError, UsageError for none."""
    if not len(truth.times):
        raise InputError(f"the truth {truth.source} has no rows; there is nothing to compare with")
    if not any(each.present.any() for each in truth.people):
        raise InputError(f"none of the joints of the truth {truth.source} is known in any row")
    notes: tuple[str, ...] = ()
    shift = _shift(result, truth, source, frame)
    if not truth.clock_known:
        shift = require_shift(shift, truth.source)
        truth = dataclasses.replace(truth, times=truth.times + shift.seconds, clock_known=True)
        notes = (shift.note,)
    elif shift is not None and shift.warning is not None:
        notes = (shift.warning,)
    moments = common_moments(result, truth)
    if not len(moments):
        raise UsageError(
            f"no frame of the result coincides with one of the truth (result {_span(result.times)}, truth"
            f" {_span(truth.times)}); shift the truth with `offset`"
        )
    return moments, notes


@dataclass(frozen=True, eq=False)
class _Matched:
    """A result, and the moments at which it is compared with the truth."""

    result: Motion
    moments: Moments
    source: str
    frame: str

    def lateral_distance(self, track: Person, true_roots: np.ndarray) -> np.ndarray | None:
        """(N,) metres between a track and true roots (N, 3) across the viewing direction; None if unknown."""
        rays = hip_rays(self.result, track, self.moments.truth) if self.frame == "camera" else None
        return None if rays is None else lateral_distance(rays[self.moments.rows], true_roots)

    def costs(
        self,
        compared: Sequence[Comparison],
        tracks: Sequence[tuple[Person, np.ndarray]],
        true_roots: np.ndarray,
        present: np.ndarray,
    ) -> list[float]:
        """What it costs to take each track for one person of the truth, with roots (N, 3), `present` (N,) in some
        frames; compared: the tracks with that person."""
        return [
            person_cost(own.cost, self.lateral_distance(track, true_roots), present)
            for own, (track, _) in zip(compared, tracks, strict=True)
        ]

    def score(self, comparison: Comparison, track: Person, person: TruthPerson, present: np.ndarray) -> PersonScores:
        """The scores of a track against a person of the truth, who is `present` (N,) in some frames."""
        scored = score(comparison, self.moments, present, person.label, track)
        if self.source == "body" and scored.result is not None:
            both = (track, person, self.result.num_frames, self.moments.rows)
            scored.measures.update(rotation_scores(*both, self.frame, comparison.yaw))
            scored.measures.update(trajectory_scores(*both))
            scored.measures.update(world_scores(self.result, track, person, self.moments, comparison.pairs))
        return scored


def _shift(result: Motion, truth: Truth, source: str, frame: str) -> Shift | None:
    """The clearest shift of the truth's clock at which the limbs of a person on either side move alike."""
    names = point_names(result, source)
    found = []
    for track in result.people:
        points = points_of(result, track, source, frame)
        if points is None:
            continue
        ours = metrics.bend_angles(points, names)
        for person in truth.people:
            theirs = metrics.bend_angles(person.in_frame(frame), person.names)
            both = [joint for joint in ours if joint in theirs]
            if both:
                sides = (np.stack([side[joint] for joint in both], axis=1) for side in (ours, theirs))
                found.append(find_shift(next(sides), result.times, next(sides), truth.times))
    return max((each for each in found if each is not None), key=lambda each: each.correlation, default=None)


def _tracks(
    result: Motion, person: int | None, source: str, frame: str, also_require: Sequence[str]
) -> list[tuple[Person, np.ndarray]]:
    """(person, points (T, K, 3)) of every track that can be compared, NaN where a required source is missing."""
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
    matched: _Matched, truth: Truth, pairs: Sequence[JointPair], joints: str | Sequence[str], definition: str
) -> tuple[str, ...]:
    notes = []
    if joints == "limbs12" and len(pairs) < len(LIMBS12):
        missing = sorted(set(LIMBS12) - {pair.name for pair in pairs})
        notes.append(f"compared without {', '.join(missing)}, missing on one side")
    body = matched.source == "body"
    what = _WHAT[definition] if body else "the keypoint network's 3D points"
    hint = "; `definition` compares those of another" if body else ""
    notes.append(
        f"{what} are compared with the truth's points of the same name; two definitions of a joint may differ by"
        f" centimetres{hint}"
    )
    moments = matched.moments
    frames, rows = matched.result.num_frames, len(truth.times)
    if moments.interpolated:
        notes.append(
            f"the truth's rows ({frame_rate(truth.times):.4g} a second) do not lie on the result's frames"
            f" ({frame_rate(matched.result.times):.4g} a second), so it is interpolated at their times"
        )
    if len(moments) < (frames if moments.interpolated else min(frames, rows)):
        notes.append(f"{len(moments)} frames are compared: the result has {frames} frames, the truth {rows} rows")
    if moments.largest_difference > 0.002:
        notes.append(
            f"frames and rows of the truth are compared that are up to {1000 * moments.largest_difference:.1f} ms apart"
        )
    return tuple(notes)


_WHAT = {
    "smpl": "SMPL joint centres of the fitted body",
    "opensim": "joint centres of the fitted body as OpenSim's models define them",
    "h36m": "Human3.6M's joints on the fitted body",
    "coco": "COCO's keypoints on the fitted body",
    "halpe": "Halpe's keypoints on the fitted body",
}
"""What a definition compares."""


def _span(times: np.ndarray) -> str:
    return f"{times[0]:.2f}-{times[-1]:.2f} s" if len(times) else "has no frames"
