"""The sanity report as files: `motion_validation.json` for programs, `bad_frames.csv` for a spreadsheet."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

from kinema.files.atomic import atomic_path, write_json
from kinema.quality.sanity import Problem, SanityReport
from kinema.skeleton import SMPL24

COLUMNS = tuple(field.name for field in dataclasses.fields(Problem))


def report_to_dict(report: SanityReport) -> dict[str, Any]:
    """Plain values: verdict, people, problems, and the limits with the speed limit of each joint by name."""
    limits = dataclasses.asdict(report.limits)
    limits["joint_speeds"] = dict(zip(SMPL24.joints, report.limits.joint_speeds.tolist(), strict=True))
    return {
        "verdict": report.verdict,
        "people": list(report.people),
        "problems": [dataclasses.asdict(problem) for problem in report.problems],
        "limits": limits,
    }


def write_report(report: SanityReport, json_path: Path, csv_path: Path) -> None:
    """Write both files, each whole or not at all; the CSV has one line for each problem. Raises OutputError."""
    write_json(json_path, report_to_dict(report))
    with atomic_path(csv_path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for problem in report.problems:
            writer.writerow(["" if v is None else v for v in dataclasses.astuple(problem)])
