"""Validating a motion or a file: structure, presence of motion, quality; a verdict per person and overall."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.brief import Brief
from kinema.errors import UsageError
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality import video2pkl
from kinema.quality.ground import AUTO
from kinema.quality.judging import PersonReport, judge_quality
from kinema.quality.limits import Limits, default_limits
from kinema.quality.problems import CHECKS, CLEANUP, FAIL, PASS, Problem, verdicts_of, worst
from kinema.quality.profiles import PROFILES, canonical_profile
from kinema.quality.structure import check_file, check_people
from kinema.quality.trajectory import BodyTrajectory, trajectory_of

if TYPE_CHECKING:
    from kinema.body import BodyModel


@dataclass(frozen=True, eq=False, repr=False)
class Validation(Brief):
    """The result of a validation.

    motion: None where the file could not be read. checks: that were made. people: one report each. problems: of the
    file as a whole. profile: one of `kinema.quality.profiles.PROFILES`. limits: plain values. Verdicts follow from the
    problems that are listed, of the file and of people.
    """

    motion: Motion | None
    checks: tuple[str, ...]
    people: tuple[PersonReport, ...]
    problems: tuple[Problem, ...]
    profile: str
    limits: dict[str, Any]

    @property
    def verdicts(self) -> dict[str, str]:
        """By check."""
        return verdicts_of(self.checks, self.listed())

    def listed(self) -> Iterator[Problem]:
        """What reports list: every problem but those of single frames, and what these amount to."""
        yield from self.problems
        for person in self.people:
            yield from person.listed

    def reasons(self) -> list[str]:
        """Why the verdict is not PASS, one sentence for each problem that rules it out, the gravest first."""
        grave = sorted((p for p in self.listed() if p.verdict != PASS), key=lambda p: p.verdict != FAIL)
        return [p.sentence if p.person is None else f"person {p.person}: {p.sentence}" for p in grave]

    @property
    def verdict(self) -> str:
        return worst(self.verdicts.values())

    def all_problems(self) -> Iterator[Problem]:
        """Every problem: those of the file, then person by person."""
        yield from self.problems
        times = np.zeros(0) if self.motion is None else self.motion.times
        for person in self.people:
            yield from person.all_problems(times)


def validate_file(
    path: str | Path,
    *,
    checks: Iterable[str] = CHECKS,
    profile: str = "default",
    limits: Limits | None = None,
    format: str | None = None,
    fps: float | None = None,
    floor: float | str | None = None,
) -> Validation:
    """Check a motion file of any format that Kinema reads. Nothing in it is executed.

    profile: "default", or "video2pkl" (alias "fork") for video2pkl's rules. A file that cannot be read gets a FAIL for
    its structure. Raises InputError where there is no file, UsageError for an unknown check, profile or format.
    """
    checks, profile = _known(checks, profile)
    with np.errstate(all="ignore"):  # huge numbers become infinities, which exceed every limit
        motion, problems = check_file(Path(path), format=format, fps=fps)
    if motion is None:
        return Validation(None, ("structure",), (), tuple(problems), profile, {})
    return _validate(motion, checks, profile, limits, problems, None, floor)


def validate_motion(
    motion: Motion,
    *,
    checks: Iterable[str] = CHECKS,
    profile: str = "default",
    limits: Limits | None = None,
    body: BodyModel | None = None,
    floor: float | str | None = None,
) -> Validation:
    """Check every person of a motion, in the world where it has one. A motion without people gets a FAIL.

    limits: those of the default profile. body: the model that the poses belong to, to compute joints that the motion
    lacks. floor: height of the ground in metres, or "auto" for wherever the body comes down to; by default 0, or lower
    where the body is below that for most of the time.
    """
    checks, profile = _known(checks, profile)
    return _validate(motion, checks, profile, limits, check_people(motion), body, floor)


def _known(checks: Iterable[str], profile: str) -> tuple[tuple[str, ...], str]:
    """The checks, each once, and the profile under its own name. Raises UsageError for unknown ones."""
    checks = tuple(dict.fromkeys(checks))
    unknown = [check for check in checks if check not in CHECKS]
    if unknown or not checks:
        raise UsageError(f"unknown check {', '.join(unknown) or '(none)'}; known: {', '.join(CHECKS)}")
    profile = canonical_profile(profile)
    if profile not in PROFILES:
        raise UsageError(f"unknown profile {profile!r}; known: {', '.join(PROFILES)}")
    return checks, profile


def _validate(
    motion: Motion,
    checks: tuple[str, ...],
    profile: str,
    limits: Limits | None,
    problems: list[Problem],
    body: BodyModel | None,
    floor: float | str | None,
) -> Validation:
    if isinstance(floor, str) and floor != AUTO:
        raise UsageError(f"the floor must be a height in metres or {AUTO!r}, found {floor!r}")
    limits = limits or default_limits()
    by_person: dict[int, list[Problem]] = {person.id: [] for person in motion}
    general: list[Problem] = []
    for problem in problems if "structure" in checks else ():
        by_person.get(-1 if problem.person is None else problem.person, general).append(problem)
    with np.errstate(all="ignore"):
        reports = [
            _judge(motion, person, checks, profile, limits, by_person[person.id], body, floor) for person in motion
        ]
    if not reports:
        general += [nothing_to_judge(None, check, "there is nobody in it") for check in checks if check != "structure"]
    plain = video2pkl.THRESHOLDS if profile == "video2pkl" else limits.to_dict()
    return Validation(motion, checks, tuple(reports), tuple(general), profile, dict(plain))


def _judge(
    motion: Motion,
    person: Person,
    checks: tuple[str, ...],
    profile: str,
    limits: Limits,
    structure: list[Problem],
    body: BodyModel | None,
    floor: float | str | None,
) -> PersonReport:
    empty = not len(person) or all(
        getattr(person, name) is None for name in ("pose", "pose_world", "joints", "joints_world")
    )
    if empty:
        sentence = "there is neither a pose nor joints" if len(person) else "the track has no frames"
        nothing = [nothing_to_judge(person.id, check, sentence) for check in checks if check != "structure"]
        return PersonReport(person, checks, problems=(*structure, *nothing))
    if profile == "video2pkl":
        return video2pkl.judge_person(motion, person, checks, structure)
    trajectory = trajectory_of(motion, person, body, floor)
    problems = list(structure)
    if "motion" in checks:
        problems += check_presence(trajectory, limits)
    if "quality" not in checks:
        return PersonReport(person, checks, problems=tuple(problems))
    report = judge_quality(motion, person, limits, body, trajectory)
    return PersonReport(
        person,
        checks,
        report.bad_rows,
        report.findings,
        (*problems, *report.problems),
        report.reasons,
        report.figures,
    )


def check_presence(trajectory: BodyTrajectory, limits: Limits) -> list[Problem]:
    """Whether the root moves: standing people sway by several millimetres, a locked root does not.

    A track of one frame is not judged.
    """
    if len(trajectory.times) < 2:
        return []
    if trajectory.joints is None or not trajectory.rooted:
        sentence = "there is no root translation to judge"
        return [Problem(trajectory.person, "motion", "still", sentence=sentence, verdict=CLEANUP)]
    extent = float(np.ptp(trajectory.joints[:, 0], axis=0).max())
    if extent >= limits.still:
        return []
    everything = float(np.ptp(trajectory.joints, axis=0).max())
    what = "the root stays in one place while the limbs move" if everything >= limits.still else "nothing moves at all"
    return [
        Problem(
            trajectory.person, "motion", "still", value=extent, limit=limits.still, unit="m", sentence=what,
            severe=True, verdict=FAIL,
        )
    ]  # fmt: skip


def nothing_to_judge(person: int | None, check: str, sentence: str) -> Problem:
    """A check that could not be made."""
    return Problem(person, check, "nothing", sentence=sentence, severe=True, verdict=FAIL)
