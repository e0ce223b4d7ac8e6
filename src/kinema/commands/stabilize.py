"""`kinema stabilize`: repair jumps and shaking in a motion file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kinema.commands._options import add_file, add_reading, add_settings, options_from

DESCRIPTION = """\
Repair what `kinema validate` finds, and only that.

replace   joints and a root that leap away and come back are interpolated between the good frames around
lead      a root that leaps and stays is led over the leap
smooth    rotations and root are smoothed where they shake, by no more than the noise measured there

Each step is kept only as far as it makes no measure of the validator worse, and is told in each person's `data`.
Clean motion comes back as it was, to a millimetre. docs/validation.md says more.
"""

EXAMPLES = """\
  kinema stabilize smpl_output.pkl                        writes smpl_output_stable.pkl
  kinema stabilize wham_output.pkl --fps 25 --out steady.npz
  kinema stabilize fork_output.pkl --profile fork --out as_the_fork_does.pkl
"""


def configure(parser: argparse.ArgumentParser) -> None:
    from kinema.refinement.options import StabilizeOptions

    add_file(parser)
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="where to write, .pkl or .npz (default: <name>_stable.pkl beside it)"
    )
    add_settings(parser, StabilizeOptions)
    add_reading(parser)


def run(args: argparse.Namespace) -> int:
    from kinema.formats import load_motion, motion_file, save_motion
    from kinema.refinement import stabilize_motion
    from kinema.refinement.options import STEPS, StabilizeOptions
    from kinema.refinement.stabilizing import STABILIZED

    steps = tuple(step for step in STEPS if args.step is None or step in args.step)
    file = motion_file(args.file)
    motion = load_motion(file, format=args.format, fps=args.fps)
    stable = stabilize_motion(motion, options=options_from(args, StabilizeOptions, steps=steps))
    out = file.with_name(f"{file.stem}_stable.pkl") if args.out is None else args.out
    for person in stable:
        views = person.data[STABILIZED]
        print(f"person {person.id}:" + ("" if views else " nothing to repair: no pose with a place"))
        for view, told in views.items():
            print(*(f"  {view}: {line}" for line in lines(told)), sep="\n")
    print(f"wrote {save_motion(stable, out)}")
    return 0


def lines(told: dict[str, Any]) -> list[str]:
    """What was done to one person in one frame of reference."""
    if "steps" not in told:
        found, smoothing = told["outlier_detection"], told["smoothing"]
        return [
            f"{told['status']}: {found['outlier_count']} outlier frames replaced,"
            f" {told['angular_velocity']['joints_clamped']} turns and {smoothing['root_velocities_clamped']} root steps"
            " clamped, everything smoothed"
        ]
    out = []
    for step in told["steps"]:
        if "undone" in step:
            out.append(f"{step['step']}: undone, {step['undone']}")
        elif step["frames"]:
            out.append(
                f"{step['step']}: {step['frames']} frames; joints moved by {step['moved_mm']:.2f} mm and turned by"
                f" {step['turned_deg']:.2f} degrees on average"
            )
    before, after = told["before"], told["after"]
    figures = [f"{figure['verdict']}, {figure['bad_frames']} bad frames" for figure in (before, after)]
    return [*out, " -> ".join(figures)]
