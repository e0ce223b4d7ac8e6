"""`kinema validate`: check the structure, presence and quality of the motion in a file."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.commands._options import add_file, add_profile, add_reading
from kinema.errors import plural
from kinema.options import in_flags
from kinema.terminal import print_lines

if TYPE_CHECKING:
    from kinema.quality import Validation
    from kinema.quality.judging import PersonReport

DESCRIPTION = """\
Check a motion file of any format that Kinema reads. Nothing in the file is executed.

structure   keys, shapes, lengths, finite numbers, frame ids, rotations
motion      the root is not constant
quality     jumps, jitter, flips, impossible speeds and joint angles, limb lengths, left-right swaps, foot sliding
            and penetration, floating, rising, drifting or tilted bodies, stuck poses, gaps

Every person gets a verdict: PASS, PASS_WITH_CLEANUP (`kinema stabilize` may help) or FAIL. The exit code is 1 for
FAIL, else 0. Details go to motion_validation.json and bad_frames.csv, with the file's name in front of theirs if it is
not a run's; docs/validation.md explains the measures.
"""

EXAMPLES = """\
  kinema validate smpl_output.pkl
  kinema validate wham_output.pkl --fps 25 --check structure --check motion
  kinema validate smpl_output.pkl --profile video2pkl --out reports
"""

REPORTS = ("motion_validation.json", "bad_frames.csv")


def configure(parser: argparse.ArgumentParser) -> None:
    add_file(parser)
    parser.add_argument(
        "--check", action="append", choices=("structure", "motion", "quality"),
        help="run only this check; repeatable (default: all three)",
    )  # fmt: skip
    parser.add_argument(
        "--floor", metavar="HEIGHT", type=floor, default=None,
        help="height of the floor in metres, or auto: wherever the body comes down to (default: 0, or lower where the"
        " body is below that for most of the time)",
    )  # fmt: skip
    add_profile(parser, "limits and verdicts")
    add_reading(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, help="folder for the reports (default: next to the file)")
    parser.add_argument("--no-files", action="store_true", help="write no reports")


def floor(text: str) -> float | str:
    """A height, or "auto"."""
    from kinema.quality.ground import AUTO

    if text == AUTO:
        return AUTO
    try:
        height = float(text)
    except ValueError:
        height = math.nan
    if not math.isfinite(height):
        raise argparse.ArgumentTypeError(f"must be a height in metres or {AUTO}, found {text!r}")
    return height


def only_prints(args: argparse.Namespace) -> bool:
    return bool(args.no_files)


def run(args: argparse.Namespace) -> int:
    from kinema.formats import motion_file
    from kinema.quality import FAIL, validate_file, write_report
    from kinema.quality.problems import CHECKS

    file = motion_file(args.file)
    validation = validate_file(
        file, checks=args.check or CHECKS, profile=args.profile, format=args.format, fps=args.fps,
        floor=args.floor,
    )  # fmt: skip
    print_lines([in_flags(line, args.flags) for line in lines(validation)])
    if not args.no_files:
        paths = reports_of(file, args.out)
        write_report(validation, *paths)
        print(f"reports: {paths[0]}, {paths[1]}")
    return 1 if validation.verdict == FAIL else 0


def reports_of(file: Path, folder: Path | None) -> tuple[Path, Path]:
    """The reports on a file, in the folder or next to it. Those of a run's file are the run's own; others have the
    file's name, since one folder may hold the results of many clips."""
    from kinema.formats.containers import RUN_MOTION

    before = "" if file.name == RUN_MOTION else f"{file.stem}_"
    first, second = ((file.parent if folder is None else folder) / f"{before}{name}" for name in REPORTS)
    return first, second


def lines(validation: Validation) -> list[str]:
    """The validation as lines for a terminal, verdict first."""
    parts = ", ".join(f"{check} {verdict}" for check, verdict in validation.verdicts.items())
    out = [f"{validation.verdict}  ({parts})"]
    said = {}  # one sentence may be the answer of several checks
    for problem in validation.problems:
        who = "" if problem.person is None else f"person {problem.person}: "
        said[f"  {who}{problem.sentence}"] = True
    out += said
    for report in validation.people:
        out += _person(report)
    return out


def _person(report: PersonReport) -> list[str]:
    from kinema.quality.limits import UNITS

    share = f"{report.bad_frames} of {len(report.person)} frames exceed a limit"
    out = [f"person {report.person.id}: {report.verdict}, {share}"]
    for problem in report.listed:
        numbers = ""
        if problem.value is not None and problem.limit is not None:
            numbers = f" ({problem.value:.3g} {problem.unit}, limit {problem.limit:.3g})"
        out.append(f"  {problem.sentence}{numbers}")
    for finding in report.findings:
        if not len(finding.rows):
            continue
        i = finding.worst
        joint = finding.joint_name(i)
        of = f" of {joint.replace('_', ' ')}" if joint else ""
        out.append(
            f"  {finding.measure:<13} {plural(len(finding.rows), 'frame'):>13}, worst{of} in frame"
            f" {report.person.frames[finding.rows[i]]}: {finding.values[i]:.3g} {UNITS[finding.measure]}"
            f" (limit {finding.limits[i]:.3g})"
        )
    return out
