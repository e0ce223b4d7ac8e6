"""`kinema stabilize`: repair jumps and shaking in a motion file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

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
    parser.add_argument("file", metavar="PKL", type=Path, help="a motion file (.pkl, .npz, .pt)")
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="where to write, .pkl or .npz (default: <name>_stable.pkl beside it)"
    )
    parser.add_argument(
        "--profile", choices=("default", "fork"), default="default",
        help="fork: the video-to-PKL pipeline's stabiliser, faults included (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--step", action="append", choices=("replace", "lead", "smooth"),
        help="make only this step; may be given again (default: all three)",
    )  # fmt: skip
    parser.add_argument("--fps", type=float, help="frames a second of a file that does not say (default: 30)")
    parser.add_argument("--from", dest="format", metavar="FORMAT", help="the file's format (default: by its contents)")


def run(args: argparse.Namespace) -> int:
    from kinema.formats import load_motion, save_motion
    from kinema.refinement import stabilize_motion
    from kinema.refinement.options import STEPS, StabilizeOptions
    from kinema.refinement.stabilizing import STABILIZED

    steps = tuple(step for step in STEPS if args.step is None or step in args.step)
    motion = load_motion(args.file, format=args.format, fps=args.fps)
    stable = stabilize_motion(motion, options=StabilizeOptions(profile=args.profile, steps=steps))
    out = args.file.with_name(f"{args.file.stem}_stable.pkl") if args.out is None else args.out
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
