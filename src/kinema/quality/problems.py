"""Verdicts, and the problems that lead to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PASS, CLEANUP, FAIL = "PASS", "PASS_WITH_CLEANUP", "FAIL"
"""Usable as it is; usable once some frames are repaired; not usable."""

CHECKS = ("structure", "motion", "quality")
"""The three checks: is the file valid; does anything move; is the movement plausible."""


def worst(verdicts: Iterable[str]) -> str:
    """The worst of several verdicts; PASS for none."""
    found = set(verdicts)
    return next((verdict for verdict in (FAIL, CLEANUP) if verdict in found), PASS)


@dataclass(frozen=True)
class Problem:
    """One finding.

    person: its id, None where it concerns the file. check: one of `CHECKS`. measure: what was measured
    ("jump", "penetration"). frame, time: the clip's frame and its time in seconds, None where it concerns the whole
    track. joint: an SMPL joint or a body part. value and limit in `unit`. sentence: an explanation, where numbers
    are not enough. severe: beyond what can be real, whatever the rest is like. verdict: what the problem leads to on
    its own; PASS for a note, and for single frames, of which some are allowed.
    """

    person: int | None
    check: str
    measure: str
    frame: int | None = None
    time: float | None = None
    joint: str | None = None
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    sentence: str = ""
    severe: bool = False
    verdict: str = PASS


def verdicts_of(checks: Sequence[str], problems: Iterable[Problem]) -> dict[str, str]:
    """The verdict of each check: the worst that a problem leads to. There is none without a problem that says why."""
    found = list(problems)
    return {check: worst(problem.verdict for problem in found if problem.check == check) for check in checks}
