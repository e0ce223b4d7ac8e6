"""Judging one person: every measure against its limits, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import UsageError
from kinema.metrics import foot_sliding
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality import measures
from kinema.quality.limits import UNITS, Limits, Threshold
from kinema.quality.problems import CLEANUP, FAIL, PASS, Problem, worst
from kinema.quality.trajectory import Course, course_of
from kinema.skeleton import CONTACT_POINTS, SMPL24

if TYPE_CHECKING:
    from kinema.body import BodyModel

CALM = 10
"""Percent of a track's frames that count as its calmest: in them, a foot stands."""

COURSE_MEASURES: dict[str, Callable[[Course], np.ndarray | None]] = {
    "speed": measures.speed,
    "jump": measures.jump,
    "shake": measures.shake,
    "turn": measures.turn,
    "snap": measures.snap,
    "tremor": measures.tremor,
    "angle": measures.angle,
    "overstretch": measures.overstretch,
    "limb": measures.limb,
    "legs": partial(measures.swap, part="legs"),
    "arms": partial(measures.swap, part="arms"),
    "penetration": measures.penetration,
    "frozen": measures.frozen,
}
"""Measures of single frames that need a course alone."""


@dataclass(frozen=True, eq=False)
class Finding:
    """The frames of one person in which one measure is beyond its limit: n of them, the worst joint of each.

    rows (n,): rows of the person's arrays; joints: (n,) SMPL joints, or one name for all, or None; values, limits
    (n,); severe (n,) bool.
    """

    measure: str
    rows: np.ndarray
    joints: np.ndarray | str | None
    values: np.ndarray
    limits: np.ndarray
    severe: np.ndarray

    def joint_name(self, i: int) -> str | None:
        """The joint or part of the body of the i-th frame."""
        return SMPL24.joints[self.joints[i]] if isinstance(self.joints, np.ndarray) else self.joints

    def problems(self, person: Person, times: np.ndarray) -> Iterator[Problem]:
        """One problem for each frame."""
        for i, row in enumerate(self.rows.tolist()):
            joint = self.joint_name(i)
            frame = int(person.frames[row])
            yield Problem(
                person.id, "quality", self.measure, frame, round(float(times[frame]), 6), joint, float(self.values[i]),
                float(self.limits[i]), UNITS[self.measure], severe=bool(self.severe[i]),
            )  # fmt: skip


@dataclass(frozen=True, eq=False)
class PersonReport:
    """What was found on one person.

    verdicts: by check. frames: of the track. bad_rows: rows beyond a usual limit. findings: of single frames;
    problems: of the track as a whole. figures: what was measured, by measure: {"worst", "joint", "frame", "limit",
    "unit", "bad_frames"} and plain numbers for measures of the whole track.
    """

    person: Person
    verdicts: dict[str, str]
    bad_rows: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        return worst(self.verdicts.values())

    @property
    def bad_frames(self) -> int:
        return len(self.bad_rows)

    @property
    def bad_share(self) -> float:
        """Share of the track's frames that are bad."""
        return len(self.bad_rows) / len(self.person) if len(self.person) else 0.0

    def all_problems(self, times: np.ndarray) -> Iterator[Problem]:
        """Problems of the track, then those of its frames."""
        yield from self.problems
        for finding in self.findings:
            yield from finding.problems(self.person, times)


def judge_quality(
    motion: Motion, person: Person, limits: Limits, body: BodyModel | None = None, course: Course | None = None
) -> PersonReport:
    """Every measure of one person against its limits. course: where it is already known."""
    course = course_of(motion, person, body) if course is None else course
    findings, figures = [], {}
    for measure, threshold in limits.frames.items():
        values = measured(motion, person, course, measure)
        if values is None or not values.size:
            continue
        found, figure = _compare(course, measure, values, threshold)
        figures[measure] = figure
        if found is not None:
            findings.append(found)
    problems = [*_feet(course, limits, figures), *_gaps(course, limits, figures)]
    bad = np.unique(np.concatenate([f.rows for f in findings])) if findings else np.zeros(0, dtype=np.int64)
    share = len(bad) / max(1, len(person))
    severe = any(f.severe.any() for f in findings) or any(problem.severe for problem in problems)
    verdict = FAIL if share > limits.fail_share else CLEANUP if severe or share > limits.pass_share else PASS
    return PersonReport(person, {"quality": verdict}, bad, tuple(findings), tuple(problems), figures)


def measured(motion: Motion, person: Person, course: Course, measure: str) -> np.ndarray | None:
    """One measure, (F,) or (F,24), NaN where it cannot be told; None where the motion lacks what it needs."""
    if measure in COURSE_MEASURES:
        return COURSE_MEASURES[measure](course)
    return _PERSON_MEASURES[measure](motion, person, course)


def _sliding(motion: Motion, person: Person, course: Course) -> np.ndarray | None:
    """(F,) m/s along the ground of the fastest foot point that touches it now and touched it the frame before."""
    contacts = person.contacts
    if contacts is None or course.joints is None or not course.world or len(person) < 2:
        return None
    if motion.body_model == "free" and person.betas is not None and course.quaternions is not None:
        points = _soles(course, person.betas)
    else:
        points = course.joints[:, SMPL24.indices([_foot_joint(name) for name in CONTACT_POINTS])]
    speed = foot_sliding(points, contacts, course.times, frames=person.frames)
    return np.r_[np.nan, np.where(np.isnan(speed), 0.0, speed).max(axis=1)]


def _soles(course: Course, betas: np.ndarray) -> np.ndarray:
    """The free body's contact points (F,4,3) metres, from the joints that the course has and the legs' rotations."""
    from kinema.body import free_body

    if course.joints is None or course.quaternions is None:
        raise UsageError("contact points need joints and rotations")
    points = free_body().points("contacts")
    offsets = points.offset_template + np.einsum("kcb,fb->fkc", points.offset_shapedirs, betas)
    out = np.empty(offsets.shape)
    for k, joint in enumerate(points.joint.tolist()):
        chain, parents = [joint], SMPL24.parents or ()
        while parents[chain[-1]] >= 0:
            chain.append(parents[chain[-1]])
        turned = offsets[:, k]
        for link in chain:  # from the foot up to the root: each turns what it carries
            turned = _rotated(course.quaternions[:, link], turned)
        out[:, k] = course.joints[:, joint] + turned
    return out


def _rotated(quaternions: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Vectors (F,3) turned by unit quaternions (F,4) x y z w, without making matrices: a few joints of many frames."""
    axis, scalar = quaternions[:, :3], quaternions[:, 3:]
    twice = 2 * _cross(axis, vectors)
    return vectors + scalar * twice + _cross(axis, twice)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    x, y, z = a.T
    u, v, w = b.T
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=1)


def _foot_joint(point: str) -> str:
    side, part = point.split("_")
    return f"{side}_{'ankle' if part == 'heel' else 'foot'}"


def _shape(motion: Motion, person: Person, course: Course) -> np.ndarray | None:
    """(F,) largest difference of a beta from its median over the track."""
    if person.betas is None or not len(person):
        return None
    return np.abs(person.betas - np.median(person.betas, axis=0)).max(axis=1)


def _reprojection(motion: Motion, person: Person, course: Course) -> np.ndarray | None:
    """(F,) distance of the body from the image's evidence as a share of the person's box height."""
    if person.reprojection_error is None or person.boxes is None:
        return None
    height = person.boxes[:, 3] - person.boxes[:, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(height > 0, person.reprojection_error / height, np.nan)


_PERSON_MEASURES: dict[str, Callable[[Motion, Person, Course], np.ndarray | None]] = {
    "sliding": _sliding,
    "shape": _shape,
    "reprojection": _reprojection,
}


def _compare(
    course: Course, measure: str, values: np.ndarray, threshold: Threshold
) -> tuple[Finding | None, dict[str, Any]]:
    """The frames beyond the usual limit, and the worst of all in numbers."""
    columns = values.reshape(len(values), -1)
    usual = np.broadcast_to(threshold.usual, columns.shape[1:])
    never = np.broadcast_to(threshold.never, columns.shape[1:])
    excess = np.nan_to_num(columns / usual, nan=-np.inf)
    column = excess.argmax(axis=1)
    every = np.arange(len(columns))
    rows = np.flatnonzero(excess[every, column] > 1)
    top = int(excess[every, column].argmax())
    by_joint = values.ndim == 2
    figure = {
        "worst": _rounded(columns[top, column[top]]),
        "joint": SMPL24.joints[column[top]] if by_joint else None,
        "frame": int(course.frames[top]),
        "limit": _rounded(usual[column[top]]),
        "unit": UNITS[measure],
        "bad_frames": len(rows),
    }
    if not len(rows):
        return None, figure
    # Where a frame has both, the joint that is beyond everything counts.
    beyond = np.nan_to_num(columns[rows] / never, nan=-np.inf)
    severe = beyond.max(axis=1) > 1
    joint = np.where(severe, beyond.argmax(axis=1), column[rows])
    found = columns[rows, joint]
    limits = np.where(severe, never[joint], usual[joint])
    name = measure if measure in measures.PARTS else None
    return Finding(measure, rows, joint if by_joint else name, found, limits, severe), figure


def _feet(course: Course, limits: Limits, figures: dict[str, Any]) -> list[Problem]:
    """Feet that never stand: a root that drifts, or glides while the legs walk."""
    speeds = measures.foot_speed(course)
    if speeds is None or not np.isfinite(speeds).any():
        return []
    value = float(np.nanpercentile(speeds, CALM))
    figures["foot_speed"] = _rounded(value)
    if value <= limits.foot_speed:
        return []
    sentence = "the feet never stand: the root drifts, or the body glides"
    return [
        Problem(course.person, "quality", "foot_speed", value=value, limit=limits.foot_speed, unit="m/s",
                sentence=sentence, severe=True)
    ]  # fmt: skip


def _gaps(course: Course, limits: Limits, figures: dict[str, Any]) -> list[Problem]:
    """Frames that are missing within the track."""
    if len(course.frames) < 2:
        return []
    steps = np.diff(course.frames)
    # Tracks sampled at every second frame have no gaps: what counts is the usual step.
    usual = int(np.median(steps))
    missing = int(np.sum(np.maximum(np.round(steps / usual) - 1, 0)))
    away = np.where(steps > usual, np.diff(course.times), 0.0)
    longest, where = float(away.max()), int(away.argmax())
    share = missing / (missing + len(course.frames))
    figures["gaps"] = {
        "count": int(np.sum(steps > usual)),
        "missing_frames": missing,
        "longest_seconds": _rounded(longest),
    }
    if longest <= limits.gap and share <= limits.missing:
        return []
    sentence = f"{missing} frames are missing in {int(np.sum(steps > usual))} gaps, the longest of {longest:.2f} s"
    value, limit, unit = (longest, limits.gap, "s") if longest > limits.gap else (share, limits.missing, "of frames")
    frame = int(course.frames[where])
    return [
        Problem(course.person, "quality", "gap", frame, float(course.times[where]), None, value, limit, unit,
                sentence, severe=True)
    ]  # fmt: skip


def _rounded(value: float) -> float | None:
    return float(f"{value:.5g}") if np.isfinite(value) else None
