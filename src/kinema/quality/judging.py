"""Judging one person: every measure against its limits, and the resulting verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.brief import Brief
from kinema.errors import UsageError
from kinema.metrics import foot_sliding
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality import measures
from kinema.quality.ends import Ends, foreign_ends
from kinema.quality.ground import penetration
from kinema.quality.limits import UNITS, Limits, Threshold
from kinema.quality.problems import CLEANUP, FAIL, Problem, verdicts_of, worst
from kinema.quality.seen import shown_steps
from kinema.quality.standstill import frozen, stuck
from kinema.quality.tracks import ends_problem, rounded, track_problems
from kinema.quality.trajectory import BodyTrajectory, trajectory_of
from kinema.quality.wholeness import wholeness_problems
from kinema.skeleton import CONTACT_POINTS, SMPL24

if TYPE_CHECKING:
    from kinema.body import BodyModel

FEW = 2
"""Number of frames beyond `usual` with which even a short track passes."""

TRAJECTORY_MEASURES: dict[str, Callable[[BodyTrajectory], np.ndarray | None]] = {
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
    "flip": measures.flip,
    "spin": measures.spin,
    "penetration": penetration,
    "frozen": frozen,
    "stuck": stuck,
}
"""Per-frame measures that need nothing but the trajectory."""


@dataclass(frozen=True, eq=False)
class Finding:
    """The n frames of one person in which one measure exceeds its limit, with the worst joint of each.

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
        """The joint or body part of the i-th frame."""
        return SMPL24.joints[self.joints[i]] if isinstance(self.joints, np.ndarray) else self.joints

    @property
    def worst(self) -> int:
        """The one of the n frames farthest beyond its limit."""
        return int(np.argmax(self.values / self.limits))

    def said(self, i: int) -> str:
        """The measure and the joint of the i-th frame in words."""
        joint = self.joint_name(i)
        return self.measure if joint in (None, self.measure) else f"{self.measure} of {str(joint).replace('_', ' ')}"

    def problems(self, person: Person, times: np.ndarray) -> Iterator[Problem]:
        """One problem for each frame."""
        for i, row in enumerate(self.rows.tolist()):
            joint = self.joint_name(i)
            frame = int(person.frames[row])
            yield Problem(
                person.id, "quality", self.measure, frame, round(float(times[frame]), 6), joint, float(self.values[i]),
                float(self.limits[i]), UNITS[self.measure], severe=bool(self.severe[i]),
            )  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class PersonReport(Brief):
    """The findings on one person.

    checks: that were made. problems: of the track as a whole; reasons: what the findings of single frames amount to.
    Verdicts follow from these two alone. bad_rows: rows beyond a usual limit. findings: of single frames. figures: the
    measured values, by measure: {"worst", "joint", "frame", "limit", "unit", "bad_frames"}, and plain numbers for
    measures of the whole track.
    """

    person: Person
    checks: tuple[str, ...]
    bad_rows: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    reasons: tuple[Problem, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def listed(self) -> tuple[Problem, ...]:
        """What reports list: problems and reasons."""
        return (*self.problems, *self.reasons)

    @property
    def verdicts(self) -> dict[str, str]:
        """By check."""
        return verdicts_of(self.checks, self.listed)

    @property
    def verdict(self) -> str:
        return worst(self.verdicts.values())

    @property
    def bad_frames(self) -> int:
        return len(self.bad_rows)

    @property
    def bad_share(self) -> float:
        """Fraction of the track's frames that are bad."""
        return len(self.bad_rows) / len(self.person) if len(self.person) else 0.0

    def all_problems(self, times: np.ndarray) -> Iterator[Problem]:
        """Problems of the track as a whole, then those of its frames."""
        yield from self.problems
        for finding in self.findings:
            yield from finding.problems(self.person, times)


def judge_quality(
    motion: Motion,
    person: Person,
    limits: Limits,
    body: BodyModel | None = None,
    trajectory: BodyTrajectory | None = None,
) -> PersonReport:
    """Every measure of one person against its limits. trajectory: the person's, where already computed.

    Frames at the ends that are not of the movement are a problem of their own, and left out of the measures.
    """
    trajectory = trajectory_of(motion, person, body) if trajectory is None else trajectory
    ends = foreign_ends(trajectory)
    if ends is None:
        return _judged(motion, person, trajectory, limits)
    inner = person.select(np.arange(len(person))[ends.rows])
    return _with_ends(person, trajectory, ends, _judged(motion, inner, trajectory.part(ends.rows), limits))


def _judged(motion: Motion, person: Person, trajectory: BodyTrajectory, limits: Limits) -> PersonReport:
    findings, figures = [], {}
    for measure, threshold in limits.frames.items():
        values = measure_person(motion, person, trajectory, measure)
        if values is None or not values.size:
            continue
        found, figure = _compare(trajectory, measure, values, threshold)
        figures[measure] = figure
        if found is not None:
            findings.append(found)
    problems = [*wholeness_problems(motion, person), *track_problems(trajectory, limits, figures)]
    bad = np.unique(np.concatenate([f.rows for f in findings])) if findings else np.zeros(0, dtype=np.int64)
    reasons = [*_beyond_all(person, findings), *_too_many(person, bad, findings, limits)]
    return PersonReport(person, ("quality",), bad, tuple(findings), tuple(problems), tuple(reasons), figures)


def _beyond_all(person: Person, findings: Sequence[Finding]) -> Iterator[Problem]:
    """One problem for each measure that is beyond `never` in some frames."""
    for finding in findings:
        rows = np.flatnonzero(finding.severe)
        if not len(rows):
            continue
        i = int(rows[np.argmax(finding.values[rows] / finding.limits[rows])])
        frames = (
            "one frame" if len(rows) == 1 else f"{len(rows)} frames, most in frame {person.frames[finding.rows[i]]}"
        )
        sentence = f"{finding.said(i)} in {frames}, more than was ever captured"
        yield Problem(
            person.id, "quality", finding.measure, joint=finding.joint_name(i), value=float(finding.values[i]),
            limit=float(finding.limits[i]), unit=UNITS[finding.measure], sentence=sentence, severe=True,
            verdict=CLEANUP,
        )  # fmt: skip


def _too_many(person: Person, bad: np.ndarray, findings: Sequence[Finding], limits: Limits) -> Iterator[Problem]:
    """A problem if more frames are bad than allowed. bad: rows."""
    share = len(bad) / max(1, len(person))
    if share <= limits.pass_share or len(bad) <= FEW:
        return
    limit, verdict = (limits.fail_share, FAIL) if share > limits.fail_share else (limits.pass_share, CLEANUP)
    most = sorted(findings, key=lambda finding: -len(finding.rows))[:3]
    what = ", ".join(f"{finding.said(finding.worst)} ({len(finding.rows)})" for finding in most)
    sentence = f"{len(bad)} of {len(person)} frames exceed a limit: {what}"
    yield Problem(
        person.id, "quality", "bad_frames", value=share, limit=limit, unit="of frames", sentence=sentence,
        verdict=verdict,
    )  # fmt: skip


def _with_ends(person: Person, trajectory: BodyTrajectory, ends: Ends, report: PersonReport) -> PersonReport:
    """The report on the movement, as one on the whole track: PASS_WITH_CLEANUP at best."""
    figures = dict(report.figures)
    problem = ends_problem(trajectory, ends, figures)
    beyond = np.r_[np.arange(ends.first), np.arange(ends.last, len(person))]
    return PersonReport(
        person,
        report.checks,
        np.sort(np.r_[beyond, report.bad_rows + ends.first]),
        tuple(dataclasses.replace(finding, rows=finding.rows + ends.first) for finding in report.findings),
        (problem, *report.problems),
        report.reasons,
        figures,
    )


def measure_person(motion: Motion, person: Person, trajectory: BodyTrajectory, measure: str) -> np.ndarray | None:
    """One measure, (F,) or (F,24), NaN where undefined; None where the motion lacks what it needs."""
    if measure in TRAJECTORY_MEASURES:
        values = TRAJECTORY_MEASURES[measure](trajectory)
        shown = shown_steps(motion, person, trajectory) if measure == "jump" and values is not None else None
        return values if values is None or shown is None else values * (1 - shown)
    return _PERSON_MEASURES[measure](motion, person, trajectory)


def _sliding(motion: Motion, person: Person, trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,) m/s along the ground of the fastest foot point in contact in this frame and the one before."""
    contacts = person.contacts
    if contacts is None or trajectory.joints is None or not trajectory.world or len(person) < 2:
        return None
    if motion.body_model == "free" and person.betas is not None and trajectory.quaternions is not None:
        points = _contact_points(trajectory, person.betas)
    else:
        points = trajectory.joints[:, SMPL24.indices([_foot_joint(name) for name in CONTACT_POINTS])]
    frames = person.frames if trajectory.shots is None else person.frames + trajectory.shots  # a gap at every cut
    speed = foot_sliding(points, contacts, trajectory.times, frames=frames)
    return np.asarray(np.r_[np.nan, np.where(np.isnan(speed), 0.0, speed).max(axis=1)])


def _contact_points(trajectory: BodyTrajectory, betas: np.ndarray) -> np.ndarray:
    """The free body's contact points (F,4,3) metres, from the joints and rotations of the trajectory."""
    from kinema.body import free_body

    if trajectory.joints is None or trajectory.quaternions is None:
        raise UsageError("contact points need joints and rotations")
    points = free_body().points("contacts")
    offsets = points.offset_template + np.einsum("kcb,fb->fkc", points.offset_shapedirs, betas)
    out = np.empty(offsets.shape)
    for k, joint in enumerate(points.joint.tolist()):
        chain, parents = [joint], SMPL24.parents or ()
        while parents[chain[-1]] >= 0:
            chain.append(parents[chain[-1]])
        offset = offsets[:, k]
        for link in chain:  # from the foot up to the root
            offset = _rotated(trajectory.quaternions[:, link], offset)
        out[:, k] = trajectory.joints[:, joint] + offset
    return out


def _rotated(quaternions: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Vectors (F,3) rotated by unit quaternions (F,4) x y z w, without building matrices."""
    axis, scalar = quaternions[:, :3], quaternions[:, 3:]
    twice = 2 * _cross(axis, vectors)
    return np.asarray(vectors + scalar * twice + _cross(axis, twice))


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    x, y, z = a.T
    u, v, w = b.T
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=1)


def _foot_joint(point: str) -> str:
    side, part = point.split("_")
    return f"{side}_{'ankle' if part == 'heel' else 'foot'}"


def _shape(motion: Motion, person: Person, trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,) largest absolute difference of a beta from its median over the track."""
    if person.betas is None or not len(person):
        return None
    return np.asarray(np.abs(person.betas - np.median(person.betas, axis=0)).max(axis=1))


def _reprojection(motion: Motion, person: Person, trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,) reprojection error as a fraction of the height of the person's box."""
    if person.reprojection_error is None or person.boxes is None:
        return None
    height = person.boxes[:, 3] - person.boxes[:, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(height > 0, person.reprojection_error / height, np.nan)


_PERSON_MEASURES: dict[str, Callable[[Motion, Person, BodyTrajectory], np.ndarray | None]] = {
    "sliding": _sliding,
    "shape": _shape,
    "reprojection": _reprojection,
}


def _compare(
    trajectory: BodyTrajectory, measure: str, values: np.ndarray, threshold: Threshold
) -> tuple[Finding | None, dict[str, Any]]:
    """The frames beyond the usual limit, and figures of the worst frame."""
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
        "worst": rounded(columns[top, column[top]]),
        "joint": SMPL24.joints[column[top]] if by_joint else None,
        "frame": int(trajectory.frames[top]),
        "limit": rounded(usual[column[top]]),
        "unit": UNITS[measure],
        "bad_frames": len(rows),
    }
    if not len(rows):
        return None, figure
    # In a frame with several joints beyond their limits, one beyond `never` takes precedence.
    beyond = np.nan_to_num(columns[rows] / never, nan=-np.inf)
    severe = beyond.max(axis=1) > 1
    joint = np.where(severe, beyond.argmax(axis=1), column[rows])
    found = columns[rows, joint]
    limits = np.where(severe, never[joint], usual[joint])
    name = measure if measure in measures.PARTS else None
    return Finding(measure, rows, joint if by_joint else name, found, limits, severe), figure
