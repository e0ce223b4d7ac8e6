"""Verdicts, and the problems that lead to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PASS, CLEANUP, FAIL = "PASS", "PASS_WITH_CLEANUP", "FAIL"
"""Usable as it is; usable once single frames are repaired; not usable."""

CHECKS = ("structure", "motion", "quality")
"""The three checks: is the file what it should be; does anything move; can the movement be believed."""


def worst(verdicts: Iterable[str]) -> str:
    """The worst of several verdicts; PASS for none."""
    found = set(verdicts)
    return next((verdict for verdict in (FAIL, CLEANUP) if verdict in found), PASS)


@dataclass(frozen=True)
class Problem:
    """One finding.

    person: its id, None where it concerns the file. check: one of `CHECKS`. measure: what was measured
    ("jump", "penetration"). frame, time: the clip's frame and its seconds, None where it concerns the whole
    track. joint: a SMPL joint or a part of the body. value and limit in `unit`. sentence: for people, where
    numbers do not tell it. severe: beyond what single bad frames may do.
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
