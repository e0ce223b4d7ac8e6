"""`kinema demo`: the pipeline on a clip with known ground truth, and its errors."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from kinema.commands._memory import require_memory
from kinema.commands._options import add_json, add_quiet, add_settings
from kinema.commands._signals import exit_code
from kinema.errors import UsageError
from kinema.terminal import print_json

if TYPE_CHECKING:
    from kinema.pipeline.demo import DemoResult

DESCRIPTION = (
    "Render a clip of the free body with known ground truth, run the pipeline on it, and print the errors next to\n"
    "those of BlazePose's raw 3D points on the same frames. Needs no video or ground truth of your own."
)
EXAMPLES = """  kinema demo
  kinema demo --seed 3 --script rounds --no-overlay"""

SCRIPTS = ("demo", "on-the-spot", "rounds")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from kinema.pipeline.options import public_settings

    parser.add_argument("--out", default=None, metavar="DIR", help="parent folder of the runs (default: outputs)")
    parser.add_argument("--script", choices=SCRIPTS, default="demo", help="the motion of the person (default: demo)")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of motion, clothes and room (default: 0)"
    )
    parser.add_argument("--fps", type=float, default=30.0, metavar="N", help="frame rate of the clip (default: 30)")
    parser.add_argument(
        "--width", type=int, default=1280, metavar="PIXELS", help="width of the clip, 16:9 (default: 1280)"
    )
    add_settings(parser, [public_settings()["overlay"].setting])
    parser.add_argument("--force", action="store_true", help="repeat everything in a new folder")
    add_json(parser, "the scores and run.json")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Render, run, evaluate, print."""
    from kinema.geometry.camera import DEFAULT_FOV
    from kinema.pipeline import RunOptions
    from kinema.pipeline.demo import demo
    from kinema.pipeline.running import OUT
    from kinema.pipeline.showing import watcher

    require_memory()
    if args.width < 64:
        raise UsageError(f"`width` must be 64 pixels or more, found {args.width}")
    size = (args.width - args.width % 2, 2 * round(args.width * 9 / 32))
    options = RunOptions.of(fov=DEFAULT_FOV, overlay=args.overlay)
    try:
        with watcher(quiet=args.quiet, flags=args.flags) as shown:
            result = demo(
                OUT if args.out is None else args.out, script=args.script, seed=args.seed, fps=args.fps,
                size=size, options=options, force=args.force, watcher=shown, command=tuple(sys.argv),
            )  # fmt: skip
    except KeyboardInterrupt as stop:
        print("kinema: stopped; finished stages are kept, run the same command again to continue", file=sys.stderr)
        return exit_code(stop)
    if args.json:
        folder = str(result.run.folder)
        print_json({"folder": folder, "scores": result.scores, "run": result.run.record})
    elif not args.quiet:
        from kinema.commands.run import print_result

        print_result(result.run)
        print_scores(result)
    return 0


def print_scores(result: DemoResult) -> None:
    """The errors against the truth, on stdout."""
    from kinema.commands._tables import print_table

    scores = result.scores
    ours, raw, feet = scores["body"], scores["raw"], scores.get("feet") or {}
    print(f"\nerrors against the ground truth, {len(scores['joints'])} limb joints, {scores['frames']} frames:")
    rows = [
        _row("MPJPE", "mm", ours["mpjpe_mm"], raw["mpjpe_mm"]),
        _row("PA-MPJPE", "mm", ours["pa_mpjpe_mm"], raw["pa_mpjpe_mm"]),
        _row("acceleration error", "m/s2", ours["acceleration_error_m_s2"], raw["acceleration_error_m_s2"]),
        # Less jitter than the truth is too smooth, so a reduction alone is no improvement.
        [
            f"jitter, times the truth's {_number(ours['jitter_truth_m_s3'], 'm/s3')}",
            _number(ours["jitter_ratio"]), _number(raw["jitter_ratio"]), "",
        ],
        ["reprojection", _number(scores.get("reprojection_px"), "px"), "-", ""],
        [
            f"root trajectory, % of {_number(ours['distance_m'], 'm')} travelled",
            _number(ours["root_error_percent"], "%"), "-", "",
        ],
        ["foot height error in contact", _number(feet.get("foot_height_mm"), "mm"), "-", ""],
    ]  # fmt: skip
    print_table(["", "Kinema", "BlazePose's raw 3D", "reduction"], rows)
    print(f"{result.run.folder}/evaluation.json, truth.npz, demo.mp4")


def _row(name: str, unit: str, ours: float | None, raw: float | None) -> list[str]:
    less = "" if not raw or ours is None else f"{100 * (1 - ours / raw):.0f} %"
    return [name, _number(ours, unit), _number(raw, unit), less]


def _number(value: Any, unit: str = "") -> str:
    return "-" if value is None else f"{value:.1f} {unit}".strip()
