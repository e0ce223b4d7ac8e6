"""How far two results of one clip are apart: people and frames matched, joints compared; neither is the truth."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema import metrics
from kinema.body.loading import other_version
from kinema.brief import Brief
from kinema.errors import InputError
from kinema.evaluation.feet import foot_scores
from kinema.evaluation.joints import with_joints
from kinema.evaluation.matching import check_size, choose_frame
from kinema.evaluation.moments import Moments, match_times
from kinema.evaluation.motion import evaluate_motion
from kinema.evaluation.options import FRAMES
from kinema.evaluation.scoring import Comparison, PersonScores, without_nan
from kinema.evaluation.truth import truth_from_motion
from kinema.motion import Motion
from kinema.options import require
from kinema.person import Person
from kinema.skeleton import SMPL24

if TYPE_CHECKING:
    from kinema.body import BodyModel

SIDES = {
    "jitter_m_s3": "jitter (jerk), m/s3",
    "foot_sliding_mm_s": "sliding in contact, mm/s",
    "contact_share": "share of frames in contact",
    "distance_m": "distance travelled, m",
}
"""Measures of each side alone: key in JSON, and short name in tables."""

APART = {
    "mpjpe_mm": "MPJPE between them, mm",
    "pa_mpjpe_mm": "PA-MPJPE between them, mm",
    "root_mm": "pelvis apart, mm",
    "rotation_deg": "joint rotations apart, deg",
    "orientation_deg": "root rotation apart, deg",
    "acceleration_m_s2": "acceleration apart, m/s2",
}
"""Measures between the sides; joints are aligned at the middle of the hips."""


@dataclass(frozen=True, eq=False, repr=False)
class Pair(Brief):
    """One person in both results.

    first, second: ids. frames: compared. times (N,) seconds, and by frame, millimetres: error and aligned (N,), the
    mean distance of the joints with the hips' middles in one place, and after the best similarity; root (N,), of the
    hips' middles. apart: by the keys of `APART`; sides: two dicts by those of `SIDES`, NaN where unknown; joints: by
    name, {"mpjpe_mm", "pa_mpjpe_mm", "acceleration_error_m_s2"}.
    """

    first: int
    second: int
    frames: int
    times: np.ndarray
    error: np.ndarray
    aligned: np.ndarray
    root: np.ndarray
    apart: dict[str, float]
    sides: tuple[dict[str, float], dict[str, float]]
    joints: dict[str, dict[str, float]]


@dataclass(frozen=True, eq=False, repr=False)
class Agreement(Brief):
    """Two results of one clip. names: of the results; frame: "camera" or "world"; alone: ids of those whom only the
    first, or only the second has; frames: that each has, and that are compared."""

    names: tuple[str, str]
    frame: str
    pairs: tuple[Pair, ...]
    alone: tuple[tuple[int, ...], tuple[int, ...]]
    frames: tuple[int, int, int]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON values; what is NaN becomes None."""
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "pairs"}
        pairs = []
        for pair in self.pairs:
            own = {field.name: getattr(pair, field.name) for field in dataclasses.fields(pair)}
            pairs.append({name: value.tolist() if hasattr(value, "tolist") else value for name, value in own.items()})
        result: dict[str, Any] = without_nan({**plain, "pairs": pairs})
        return result


def compare_motions(
    first: Motion,
    second: Motion,
    *,
    names: tuple[str, str] = ("A", "B"),
    frame: str | None = None,
    people: tuple[int, int] | None = None,
    body: BodyModel | None = None,
) -> Agreement:
    """Compare two results of one clip, at the times of the frames of the one with fewer of them.

    frame: "camera" or "world"; by default the camera's if both are known in it. people: the id in each that are to be
    compared; by default whoever moves alike in the same place. body: poses results that hold rotations alone. Raises
    InputError where nobody or no moment is in both, UsageError for an unknown frame or id.
    """
    require(frame in (None, *FRAMES), "frame", f"be one of {', '.join(FRAMES)}", repr(frame))
    for motion, name in zip((first, second), names, strict=True):
        if not motion.people:
            raise InputError(f"{name} holds nobody to compare")
    if people is not None:
        first, second = (motion.select(id) for motion, id in zip((first, second), people, strict=True))
    first, of_first = with_joints(first, body, names[0])
    second, of_second = with_joints(second, body, names[1])
    _require_overlap(first, second, names)
    turned = second.num_frames < first.num_frames
    one, other = (second, first) if turned else (first, second)
    labels = names[::-1] if turned else names
    truth = truth_from_motion(other, labels[1])
    frame = choose_frame(one, truth, "body") if frame is None else frame
    if not any(_joints(person, frame) is not None for person in one):
        raise InputError(f"{labels[0]} has no joints in the {frame}'s frame, in which {labels[1]} has them")
    for motion, name in zip((first, second), names, strict=True):
        for person in motion:
            joints = _joints(person, frame)
            if joints is not None:
                check_size(joints, SMPL24.joints, f"person {person.id} of {name}")
    only = None if people is None else one.people[0].id
    scores = evaluate_motion(one, truth, joints="shared", frame=frame, person=only)
    moments = scores.moments
    assert moments is not None
    pairs = []
    for scored, points in zip(scores.people, scores.comparisons, strict=True):
        if scored.result is None or points is None or not scored.frames:
            continue
        mine, theirs = one.person(scored.result), other.person(int(scored.truth))
        alone_in = (_alone(one, mine, frame, body), _alone(other, theirs, frame, body))
        pair = _pair(mine.id, theirs.id, scored, alone_in, _by_frame(points, moments))
        pairs.append(_turned(pair) if turned else pair)
    if not pairs:
        who = [f"{name} has {', '.join(str(p.id) for p in m)}" for m, name in zip((first, second), names, strict=True)]
        raise InputError(
            f"nobody is in both results ({'; '.join(who)}): those of one are elsewhere or at other times than those of"
            " the other; say which person is which with `people`"
        )
    pairs.sort(key=lambda pair: pair.first)
    alone = tuple(
        tuple(person.id for person in motion if person.id not in {getattr(pair, side) for pair in pairs})
        for motion, side in ((first, "first"), (second, "second"))
    )
    notes = (*of_first, *of_second, *_notes(first, second, names, moments))
    frames = (first.num_frames, second.num_frames, len(moments))
    return Agreement(names, frame, tuple(pairs), (alone[0], alone[1]), frames, notes)


def on_frames_of(motion: Motion, other: Motion) -> Motion:
    """`other` at the frames of `motion`: those of its frames that are nearest in time, under the same numbers.

    For drawing both at once. Raises InputError if no frame of one is at the time of one of the other.
    """
    _require_overlap(motion, other, ("the first", "the second"))
    rows, theirs = match_times(motion.times, other.times)
    number = np.full(other.num_frames, -1)
    number[theirs] = rows
    people = []
    for person in other:
        part = person.select(number[person.frames] >= 0)
        if len(part):
            people.append(part.replace(frames=number[part.frames]))
    camera = other.camera
    if camera is not None and camera.rotation is not None and camera.rotation.ndim == 3:
        camera = camera.replace(rotation=None, translation=None)
    return other.replace(times=motion.times, people=tuple(people), camera=camera, cuts=motion.cuts, data={})


def _require_overlap(first: Motion, second: Motion, names: tuple[str, str]) -> None:
    if len(match_times(first.times, second.times)[0]):
        return
    spans = [
        f"{name} lasts from {motion.times[0]:.2f} to {motion.times[-1]:.2f} s"
        if len(motion.times)
        else f"{name} is empty"
        for motion, name in zip((first, second), names, strict=True)
    ]
    raise InputError(f"the results have no moment in common: {', '.join(spans)}; are they of the same clip?")


def _pair(
    first: int,
    second: int,
    scored: PersonScores,
    alone: tuple[dict[str, float], dict[str, float]],
    series: dict[str, np.ndarray],
) -> Pair:
    """Two people of these ids, by the scores of the first where the second is the truth, the measures of each alone,
    and their distances by frame."""
    measured = scored.measures
    apart = {
        "mpjpe_mm": measured["mpjpe_mm"],
        "pa_mpjpe_mm": measured["pa_mpjpe_mm"],
        "rotation_deg": measured["rotation_error_deg"],
        "orientation_deg": measured["orientation_error_deg"],
        "acceleration_m_s2": measured["acceleration_error_m_s2"],
        "root_mm": float(metrics.nan_mean(series["root"])),
    }
    sides = (
        {"jitter_m_s3": measured["jitter_m_s3"], **alone[0]},
        {"jitter_m_s3": measured["jitter_truth_m_s3"], **alone[1]},
    )
    return Pair(first, second, scored.frames, **series, apart=apart, sides=sides, joints=scored.joints)


def _turned(pair: Pair) -> Pair:
    """The pair with first and second exchanged."""
    return dataclasses.replace(pair, first=pair.second, second=pair.first, sides=pair.sides[::-1])


def _joints(person: Person, frame: str) -> np.ndarray | None:
    """The joints (F,24,3) of a person in the frame "camera" or "world"."""
    return person.joints if frame == "camera" else person.joints_world


def _by_frame(sides: Comparison, moments: Moments) -> dict[str, np.ndarray]:
    """Times, and the distances in each frame in which both are there, millimetres."""
    both = np.isfinite(sides.result).all(axis=(1, 2)) & np.isfinite(sides.truth).all(axis=(1, 2))
    return {
        "times": moments.times[both],
        "error": 1000 * metrics.mpjpe(sides.result[both], sides.truth[both]),
        "aligned": 1000 * metrics.pa_mpjpe(sides.result[both], sides.truth[both]),
        "root": 1000 * np.linalg.norm(sides.roots - sides.truth_roots, axis=-1)[both],
    }


def _alone(motion: Motion, person: Person, frame: str, body: BodyModel | None) -> dict[str, float]:
    """The measures of one side alone."""
    from kinema.body.loading import body_of

    joints = _joints(person, frame)
    found = {"foot_sliding_mm_s": math.nan, "contact_share": math.nan, "distance_m": math.nan}
    if joints is not None:
        found["distance_m"] = metrics.path_length(joints[:, 0])
    own = body_of(motion, body)
    world = (person.pose_world, person.betas, person.transl_world, person.contacts)
    if own is not None and all(each is not None for each in world):
        feet = foot_scores(motion, person, own)
        found |= {name: feet[name] for name in ("foot_sliding_mm_s", "contact_share")}
    return found


def _notes(first: Motion, second: Motion, names: tuple[str, str], moments: Moments) -> list[str]:
    notes = []
    if first.num_frames != second.num_frames or moments.interpolated:
        how = ", the one with more of them interpolated there" if moments.interpolated else ""
        notes.append(
            f"{names[0]} has {first.num_frames} frames, {names[1]} {second.num_frames}; {len(moments)} moments are"
            f" compared{how}"
        )
    for motion, name in zip((first, second), names, strict=True):
        older = other_version(motion)
        if older is not None:
            notes.append(f"{name}: {older}")
    if first.body_model != second.body_model:
        notes.append(
            f"the bodies differ ({names[0]}: {first.body_model or 'unknown'}, {names[1]}:"
            f" {second.body_model or 'unknown'}), and with them where exactly a joint is"
        )
    return notes
