"""Comparing a person's validation before and after a repair: did anything get worse, and where?"""

from __future__ import annotations

from typing import Any

import numpy as np

from kinema.quality.judging import PersonReport
from kinema.quality.problems import CLEANUP, PASS

_RANK = {PASS: 0, CLEANUP: 1}


def worse_measures(before: PersonReport, after: PersonReport) -> tuple[list[str], np.ndarray]:
    """The measures that got worse, and the affected rows: more frames beyond a limit, or further beyond it."""
    worse, rows = [], []
    old = {finding.measure: finding for finding in before.findings}
    for finding in after.findings:
        known = old.get(finding.measure)
        new = finding.rows if known is None else np.setdiff1d(finding.rows, known.rows)
        count, severe, worst = (0, 0, 0.0) if known is None else _extent(known)
        if len(finding.rows) > count or finding.severe.sum() > severe or _extent(finding)[2] > worst * (1 + 1e-6):
            worse.append(finding.measure)
            top = finding.rows[(finding.values / finding.limits) >= _extent(finding)[2] * (1 - 1e-9)]
            rows += [new, top, finding.rows[finding.severe] if finding.severe.sum() > severe else top]
    known_problems = {problem.measure: problem for problem in before.problems}
    for problem in after.problems:
        then = known_problems.get(problem.measure)
        # Statistics of the whole track change a little with any repair.
        if problem.severe and (then is None or (problem.value or 0.0) > (then.value or 0.0) * 1.01):
            worse.append(problem.measure)
    if len(after.bad_rows) > len(before.bad_rows):
        rows.append(np.setdiff1d(after.bad_rows, before.bad_rows))
        worse = worse or ["the number of bad frames"]
    if _RANK.get(after.verdict, 2) > _RANK.get(before.verdict, 2):
        worse = worse or ["the verdict"]
    return worse, np.unique(np.concatenate(rows)) if rows else np.zeros(0, dtype=np.int64)


def _extent(finding: Any) -> tuple[int, int, float]:
    """Frames, severe frames, and the worst value as a multiple of its limit."""
    return len(finding.rows), int(finding.severe.sum()), float((finding.values / finding.limits).max())
