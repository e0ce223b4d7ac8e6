"""`kinema evaluate`: evaluate results against ground truth."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.commands import (
    _evaluate_angles,
    _evaluate_camera,
    _evaluate_keypoints,
    _evaluate_lifter,
    _evaluate_pare,
    _evaluate_refiner,
)
from kinema.commands._options import add_body, add_debug, add_file, add_json, add_settings, add_subcommand, given
from kinema.commands._tables import number
from kinema.options import in_flags
from kinema.terminal import console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from kinema.evaluation.motion import MotionScores

DESCRIPTION = "Evaluate results against ground truth: errors of joints, angles, acceleration and path."

EXAMPLES = """\
  kinema evaluate motion smpl_output.pkl --truth markers.trc --calibration cameras.toml --camera cam_01
  kinema evaluate motion smpl_output.pkl --truth truth.npz --json scores.json
  kinema evaluate motion smpl_output.pkl --truth ik.mot --offset auto
  kinema evaluate motion smpl_output.pkl --truth truth.pkl --source body --source keypoints3d
"""

MOTION_DESCRIPTION = """\
Compare a motion with ground truth. The --truth FILE may be
  .trc    named points (y up); with --calibration and --camera they are compared in that camera's frame
  .c3d    the same; the file says which axis is up, or --up does
  .mot    joint angles of OpenSim (or .sto), compared with those of the result
  .npz    joints (T,J,3) metres, joint_names (J,), fps or times (T,) seconds, frame "camera" or "world"
  .pkl    (or .npz) any motion file that Kinema reads, with all its people
Points are compared by name, at the times of the result's frames. docs/evaluation.md defines the measures.
"""


ANGLE_FILES = (".mot", ".sto")
"""Files of joint angles."""

ALIKE = 1.25
"""Up to this multiple, and down to its inverse, a result jitters like the truth."""


def configure(parser: argparse.ArgumentParser) -> None:
    from kinema.evaluation.options import SOURCES, MotionOptions, TruthOptions

    subparsers = parser.add_subparsers(dest="evaluation", metavar="WHAT", required=True)
    motion = subparsers.add_parser(
        "motion",
        help="a motion file against joints, markers or another motion",
        description=MOTION_DESCRIPTION,
        epilog=f"examples:\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_file(motion, "result", "the motion to evaluate: a motion file, or a run's folder")
    motion.add_argument("--truth", metavar="FILE", type=Path, required=True, help="the ground truth")
    add_settings(motion, TruthOptions)
    motion.add_argument(
        "--source", action="append", choices=SOURCES,
        help="what to evaluate: the fitted body (default) or the keypoint network's 3D; repeatable, to compare both on"
        " the same frames",
    )  # fmt: skip
    motion.add_argument(
        "--joints", default="limbs12", metavar="NAMES", help="limbs12 (default), shared, or comma-separated names"
    )
    add_settings(motion, MotionOptions)
    add_body(motion, "an SMPL file (.pkl or .npz): the body of motions that hold rotations and no joints")
    add_json(motion, "everything", file=True)
    add_debug(motion)
    for name, text, command in (
        ("camera", "the path of a moving camera against the true one", _evaluate_camera),
        ("keypoints", "2D keypoints against COCO's annotations", _evaluate_keypoints),
        ("refiner", "filters and refinement networks on a data set", _evaluate_refiner),
        ("lifter", "a lifter on Human3.6M, MPI-INF-3DHP or HumanEva-I, by its authors' protocols", _evaluate_lifter),
        ("pare", "PARE on 3DPW or 3DOH, by its own protocol", _evaluate_pare),
    ):
        command.configure(add_subcommand(subparsers, name, text, command))


def only_prints(args: argparse.Namespace) -> bool:
    return args.json is None


def run(args: argparse.Namespace) -> int:
    others = {
        "camera": _evaluate_camera.run,
        "keypoints": _evaluate_keypoints.run,
        "refiner": _evaluate_refiner.run,
        "lifter": _evaluate_lifter.run,
        "pare": _evaluate_pare.run,
    }
    return others.get(args.evaluation, _evaluate_motion)(args)


def _evaluate_motion(args: argparse.Namespace) -> int:
    if args.truth.suffix.lower() in ANGLE_FILES:
        return _evaluate_angles.run(args)
    from kinema.body import load_body
    from kinema.evaluation.motion import evaluate_motion
    from kinema.evaluation.options import MotionOptions, TruthOptions
    from kinema.evaluation.truth import load_truth
    from kinema.formats import load_motion
    from kinema.storage.atomic import write_json

    result = load_motion(args.result)
    body = None if args.body_model is None else load_body(args.body_model)
    truth = load_truth(args.truth, body=body, **given(args, TruthOptions))
    sources = list(dict.fromkeys(args.source or ["body"]))
    joints: Any = args.joints
    if joints not in ("limbs12", "shared"):
        joints = [name.strip() for name in joints.split(",") if name.strip()]
    scores = [
        evaluate_motion(
            result, truth, source=source, joints=joints, body=body, **given(args, MotionOptions),
            also_require=[other for other in sources if other != source],
        )
        for source in sources
    ]  # fmt: skip
    content = {"result": str(args.result), "scores": [each.to_dict() for each in scores]}
    if args.json == "-":
        print_json(content)
        return 0
    shown = console()
    for table in tables(scores):
        shown.print(table)
    for note in dict.fromkeys(note for each in scores for note in each.notes):
        shown.print(f"- {in_flags(note, args.flags)}")
    if args.json is not None:
        write_json(args.json, content)
    return 0


def tables(scores: list[MotionScores]) -> list[Table]:
    """The totals (a column per source and person) and the joints, as rich tables."""
    from rich.table import Table

    from kinema.evaluation.scoring import MEASURES

    first = scores[0]
    title = f"{first.truth_source}, {first.frame} frame, aligned at {first.align}, {first.definition} joints"
    summary = Table(title=title, title_justify="left")
    summary.add_column("measure", no_wrap=True)
    columns: list[dict[str, float]] = []
    for each in scores:
        for person in each.people:
            found = "not found" if person.result is None else f"person {person.result}"
            who = f"{person.truth}: {found}" if len(each.people) > 1 else found
            summary.add_column(f"{each.source}\n{who}", justify="right")
            columns.append({**person.measures, "frames": person.frames})
        if len(each.people) > 1:
            summary.add_column(f"{each.source}\nall", justify="right")
            columns.append({**each.total, "frames": sum(person.frames for person in each.people)})
    summary.add_row("frames compared", *(f"{column['frames']:.0f}" for column in columns))
    for key, label in MEASURES.items():
        if any(math.isfinite(column[key]) for column in columns):
            shown = _multiple if key == "jitter_ratio" else number
            summary.add_row(label, *(shown(column[key]) for column in columns))
    return [summary, *(_joint_table(each) for each in scores if any(person.joints for person in each.people))]


def _joint_table(scores: MotionScores) -> Table:
    from rich.table import Table

    from kinema.evaluation.scoring import mean

    table = Table(title=f"{scores.source} against {scores.truth_source}, by joint", title_justify="left")
    table.add_column("joint", no_wrap=True)
    for heading in ("MPJPE\nmm", "PA-MPJPE\nmm", "accel.\nm/s2", "angle\ndeg"):
        table.add_column(heading, justify="right")
    people = [person for person in scores.people if person.joints]
    for pair in scores.pairs:
        own = [person.joints[pair.name] for person in people if pair.name in person.joints]
        keys = ("mpjpe_mm", "pa_mpjpe_mm", "acceleration_error_m_s2")
        values = [mean([entry[key] for entry in own]) for key in keys]
        bend = mean([person.bends[pair.name] for person in people if pair.name in person.bends])
        names = pair.result if pair.result == pair.truth else f"{pair.result} = {pair.truth}"
        table.add_row(names, *(number(value) for value in (*values, bend)))
    return table


def _multiple(ratio: float) -> str:
    """A result's jitter as a multiple of the truth's, and which way it is wrong."""
    if not math.isfinite(ratio):
        return "-"
    verdict = "shakier" if ratio > ALIKE else "smoother" if ratio < 1 / ALIKE else "alike"
    return f"x {ratio:.2f} ({verdict})"
