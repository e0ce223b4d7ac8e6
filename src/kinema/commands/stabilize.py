"""`kinema stabilize`: repair jumps and jitter in a motion file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kinema.commands._options import add_file, add_reading, add_settings, options_from, output_file

DESCRIPTION = """\
Repair the problems that `kinema validate` finds, and nothing else.

ends      frames at the ends that are not of the movement (a T-pose) are removed; the others keep their times
replace   joints and roots that jump away and back are interpolated between the surrounding good frames
lead      a root that jumps and stays away is moved smoothly across the jump
smooth    rotations and roots are smoothed where they jitter, by no more than the noise measured there

A step is applied only as far as it makes no measure of the validator worse, and is recorded in each person's `data`.
Clean motion is preserved to within a millimetre. See docs/validation.md.
"""

EXAMPLES = """\
  kinema stabilize smpl_output.pkl                        writes smpl_output_stable.pkl
  kinema stabilize wham_output.pkl --fps 25 --out steady.npz
  kinema stabilize smpl_output.pkl --profile video2pkl
"""


def configure(parser: argparse.ArgumentParser) -> None:
    from kinema.refinement.options import StabilizeOptions

    add_file(parser)
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="file to write, .pkl or .npz (default: FILE with _stable)"
    )
    add_settings(parser, StabilizeOptions)
    add_reading(parser)


def run(args: argparse.Namespace) -> int:
    from kinema.formats import load_motion, motion_file, save_motion
    from kinema.formats.registry import format_by_suffix
    from kinema.refinement import stabilize_motion
    from kinema.refinement.options import STEPS, StabilizeOptions
    from kinema.refinement.stabilizing import STABILIZED

    steps = tuple(step for step in STEPS if args.step is None or step in args.step)
    file = motion_file(args.file)
    out = output_file(args.out, file.with_name(f"{file.stem}_stable.pkl"), file)
    format_by_suffix(out)  # raises before the work
    motion = load_motion(file, format=args.format, fps=args.fps)
    stable = stabilize_motion(motion, options=options_from(args, StabilizeOptions, steps=steps))
    for person in stable:
        views = person.data[STABILIZED]
        print(f"person {person.id}:" + ("" if views else " nothing to repair: no pose with translation"))
        for view, record in views.items():
            print(*(f"  {view}: {line}" for line in lines(record)), sep="\n")
    print(f"wrote {save_motion(stable, out)}")
    return 0


def lines(record: dict[str, Any]) -> list[str]:
    """The repairs of one person in one frame of reference, as lines for a terminal."""
    if "steps" not in record:
        found, smoothing = record["outlier_detection"], record["smoothing"]
        return [
            f"{record['status']}: {found['outlier_count']} outlier frames replaced,"
            f" {record['angular_velocity']['joints_clamped']} joint rotations and"
            f" {smoothing['root_velocities_clamped']} root steps clamped, everything smoothed"
        ]
    out = []
    for step in record["steps"]:
        if "undone" in step:
            out.append(f"{step['step']}: undone, {step['undone']}")
        elif step["step"] == "ends":
            out.append(f"ends: {step['frames']} frame{'' if step['frames'] == 1 else 's'} removed")
        elif step["frames"]:
            out.append(
                f"{step['step']}: {step['frames']} frames; joints moved by {step['moved_mm']:.2f} mm and rotated by"
                f" {step['turned_deg']:.2f} degrees on average"
            )
    before, after = record["before"], record["after"]
    figures = [f"{figure['verdict']}, {figure['bad_frames']} bad frames" for figure in (before, after)]
    return [*out, " -> ".join(figures)]
