"""Validating a motion or a file: structure, presence of motion, quality; a verdict for each person and for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import UsageError
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality import video2pkl as fork
from kinema.quality.judging import PersonReport, judge_quality
from kinema.quality.limits import Limits, default_limits
from kinema.quality.problems import CHECKS, CLEANUP, FAIL, PASS, Problem, worst
from kinema.quality.structure import check_file, check_people
from kinema.quality.trajectory import Course, course_of

if TYPE_CHECKING:
    from kinema.body import BodyModel

PROFILES = ("default", "fork")


@dataclass(frozen=True, eq=False)
class Validation:
    """What was found.

    motion: None where the file could not be read. verdicts: by check that was made. people: a report for each.
    problems: of the file as a whole. profile: one of `PROFILES`. limits: plain values.
    """

    motion: Motion | None
    verdicts: dict[str, str]
    people: tuple[PersonReport, ...]
    problems: tuple[Problem, ...]
    profile: str
    limits: dict[str, Any]

    @property
    def verdict(self) -> str:
        return worst(self.verdicts.values())

    def all_problems(self) -> Iterator[Problem]:
        """Every problem: of the file, then person by person."""
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
) -> Validation:
    """Check a motion file of any format that Kinema reads. Nothing in it is executed.

    A file that cannot be read is a FAIL of its structure. Raises InputError where there is no file, UsageError for
    an unknown check, profile or format.
    """
    checks = _known(checks, profile)
    with np.errstate(all="ignore"):  # numbers as large as they come give infinities, which are beyond every limit
        motion, problems = check_file(Path(path), format=format, fps=fps)
    if motion is None:
        return Validation(None, {"structure": FAIL}, (), tuple(problems), profile, {})
    return _validate(motion, checks, profile, limits, problems, body=None)


def validate_motion(
    motion: Motion,
    *,
    checks: Iterable[str] = CHECKS,
    profile: str = "default",
    limits: Limits | None = None,
    body: BodyModel | None = None,
) -> Validation:
    """Check every person of a motion, in the world where it has one. Nobody in it is a FAIL.

    limits: of the default profile. body: the model that the poses belong to, for joints that the motion lacks.
    """
    return _validate(motion, _known(checks, profile), profile, limits, check_people(motion), body)


def _known(checks: Iterable[str], profile: str) -> tuple[str, ...]:
    checks = tuple(dict.fromkeys(checks))
    unknown = [check for check in checks if check not in CHECKS]
    if unknown or not checks:
        raise UsageError(f"unknown check {', '.join(unknown) or '(none)'}; known: {', '.join(CHECKS)}")
    if profile not in PROFILES:
        raise UsageError(f"unknown profile {profile!r}; known: {', '.join(PROFILES)}")
    return checks


def _validate(
    motion: Motion,
    checks: tuple[str, ...],
    profile: str,
    limits: Limits | None,
    problems: list[Problem],
    body: BodyModel | None,
) -> Validation:
    limits = limits or default_limits()
    by_person: dict[int, list[Problem]] = {person.id: [] for person in motion}
    general: list[Problem] = []
    for problem in problems if "structure" in checks else ():
        by_person.get(-1 if problem.person is None else problem.person, general).append(problem)
    with np.errstate(all="ignore"):
        reports = [_judge(motion, person, checks, profile, limits, by_person[person.id], body) for person in motion]
    verdicts = {check: FAIL if not reports else worst(r.verdicts[check] for r in reports) for check in checks}
    if "structure" in checks and general:
        verdicts["structure"] = worst([verdicts["structure"], _structure_verdict(general)])
    plain = fork.THRESHOLDS if profile == "fork" else limits.to_dict()
    return Validation(motion, verdicts, tuple(reports), tuple(general), profile, dict(plain))


def _judge(
    motion: Motion,
    person: Person,
    checks: tuple[str, ...],
    profile: str,
    limits: Limits,
    structure: list[Problem],
    body: BodyModel | None,
) -> PersonReport:
    verdicts: dict[str, str] = {}
    if "structure" in checks:
        verdicts["structure"] = _structure_verdict(structure)
    empty = not len(person) or all(
        getattr(person, name) is None for name in ("pose", "pose_world", "joints", "joints_world")
    )
    if empty:
        return PersonReport(person, verdicts | {check: FAIL for check in checks if check != "structure"},
                            problems=tuple(structure))  # fmt: skip
    if profile == "fork":
        return fork.judge_person(motion, person, checks, verdicts, structure)
    course = course_of(motion, person, body)
    problems = list(structure)
    if "motion" in checks:
        found = check_presence(course, limits)
        problems += found
        verdicts["motion"] = FAIL if any(p.severe for p in found) else CLEANUP if found else PASS
    if "quality" not in checks:
        return PersonReport(person, verdicts, problems=tuple(problems))
    report = judge_quality(motion, person, limits, body, course)
    return PersonReport(
        person,
        {check: (verdicts | report.verdicts)[check] for check in checks},
        report.bad_rows,
        report.findings,
        (*problems, *report.problems),
        report.figures,
    )


def check_presence(course: Course, limits: Limits) -> list[Problem]:
    """Whether the root goes anywhere: standing people sway by some millimetres, a locked root does not.

    One frame cannot tell, and a moving camera's frame gives no answer.
    """
    if len(course.times) < 2:
        return []
    if course.joints is None or not course.rooted:
        return [Problem(course.person, "motion", "still", sentence="there is no root translation to judge")]
    extent = float(np.ptp(course.joints[:, 0], axis=0).max())
    if extent >= limits.still:
        return []
    everything = float(np.ptp(course.joints, axis=0).max())
    what = "the root stays on one spot while the limbs move" if everything >= limits.still else "nothing moves at all"
    return [
        Problem(
            course.person, "motion", "still", value=extent, limit=limits.still, unit="m", sentence=what, severe=True
        )
    ]


def _structure_verdict(problems: list[Problem]) -> str:
    return FAIL if any(problem.severe for problem in problems) else CLEANUP if problems else PASS
