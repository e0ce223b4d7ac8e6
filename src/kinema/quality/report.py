"""The validation as files: `motion_validation.json` for programs, `bad_frames.csv` for a spreadsheet."""

from __future__ import annotations

import csv
import dataclasses
import math
from pathlib import Path
from typing import Any

from kinema.quality.judging import PersonReport
from kinema.quality.problems import Problem
from kinema.quality.validation import Validation
from kinema.storage.atomic import atomic_path, write_json

COLUMNS = ("frame", "time", "person", "joint", "measure", "value", "limit", "unit", "severe")
"""Columns of `bad_frames.csv`: one row per frame, person and measure beyond its limit, with the worst joint."""


def to_dict(validation: Validation) -> dict[str, Any]:
    """Plain values, for JSON: verdicts, people, problems other than those of single frames, and the limits."""
    motion = validation.motion
    return {
        "verdict": validation.verdict,
        "verdicts": validation.verdicts,
        "profile": validation.profile,
        "source": None if motion is None else motion.source,
        "frames": None if motion is None else motion.num_frames,
        "fps": None if motion is None else round(motion.fps, 4),
        "people": [_person(report) for report in validation.people],
        "problems": [_problem(problem) for problem in validation.problems],
        "limits": validation.limits,
    }


def _person(report: PersonReport) -> dict[str, Any]:
    return {
        "id": report.person.id,
        "verdict": report.verdict,
        "verdicts": report.verdicts,
        "frames": len(report.person),
        "bad_frames": report.bad_frames,
        "bad_share": round(report.bad_share, 5),
        "problems": [_problem(problem) for problem in report.listed],
        "measures": report.figures,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    plain = dataclasses.asdict(problem)
    return {key: value for key, value in plain.items() if value not in (None, "")}


def write_report(validation: Validation, json_path: Path, csv_path: Path) -> None:
    """Write both files, each atomically. Raises OutputError."""
    write_json(json_path, to_dict(validation))
    with atomic_path(csv_path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for problem in validation.all_problems():
            if problem.frame is not None:
                writer.writerow(_row(problem))


def _row(problem: Problem) -> list[Any]:
    time = "" if problem.time is None else f"{problem.time:.4f}"
    return [
        problem.frame, time, "" if problem.person is None else problem.person, problem.joint or "", problem.measure,
        _number(problem.value), _number(problem.limit), problem.unit, int(problem.severe),
    ]  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.5g}"
