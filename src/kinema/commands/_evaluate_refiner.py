"""`kinema evaluate refiner`: all methods on the same clips, in one table."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from kinema.checks import RATE_RANGE, is_rate
from kinema.commands._options import add_json
from kinema.commands.train import add_data_arguments, rows
from kinema.errors import UsageError
from kinema.options import require
from kinema.terminal import console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from kinema.evaluation.refiners import RefinerScores
    from kinema.models.smoothnet.datasets import RefinerClips

DESCRIPTION = """\
Compare refiners on a data set: MPJPE, PA-MPJPE and acceleration error of the input and of each method, and MPJPE over
the 10 % of frames where the input is worst. --dataset rendered uses the default pipeline's results on rendered clips
(--validation); other data sets are read from --data, in the layout of SmoothNet's authors.
"""

EXAMPLES = """\
  kinema evaluate refiner --dataset rendered --validation held_out.npz --method whittaker --method smoothnet=r.onnx
  kinema evaluate refiner --data poses --dataset pw3d --estimator spin --method smoothnet=checkpoint_32.pth.tar
"""

DEFAULT = ("published-savgol", "published-gaus1d", "published-oneeuro", "savgol", "gaussian", "oneeuro", "whittaker")
UNITS = {"3d": ("mm", "mm/frame2"), "2d": ("px", "px/frame2"), "smpl": ("deg", "6D/frame2")}


def configure(parser: argparse.ArgumentParser) -> None:
    add_data_arguments(parser)
    parser.add_argument(
        "--method", action="append", metavar="M",
        help="a filter (or with its seconds, savgol=0.3), smoothnet=FILE, synsp=FILE or mixer=FILE; repeatable"
        f" (default: {', '.join(DEFAULT)})",
    )  # fmt: skip
    parser.add_argument("--window-size", type=int, metavar="N", help="frames of SynSP's windows (default: 8)")
    parser.add_argument(
        "--fps", type=float, default=30.0, metavar="N", help="frame rate of the data, for filters (default: 30)"
    )
    parser.add_argument(
        "--padded", action="store_true", help="count two more zero accelerations per clip, as in the papers"
    )
    add_json(parser, "the scores")


def run(args: argparse.Namespace) -> int:
    from kinema.evaluation.refiner_methods import compare, method
    from kinema.pipeline.showing import watcher
    from kinema.pipeline.watching import timed

    require(is_rate(args.fps), "fps", f"be {RATE_RANGE}", args.fps)
    results = {}
    for row in rows(args):
        clips = _clips(args, *row)
        methods = [method(text, clips, args.fps, args.window_size) for text in args.method or DEFAULT]
        with watcher(quiet=args.json, flags=args.flags) as shown, timed(shown, clips.name) as progress:
            scores = compare(clips, methods, padded=args.padded, progress=progress)
        results[clips.name] = {name: each.to_dict() for name, each in scores.items()}
        if not args.json:
            console().print(table(clips, scores))
    if args.json:
        print_json(results)
    return 0


def _clips(args: argparse.Namespace, dataset: str, estimator: str, representation: str) -> RefinerClips:
    if dataset == "rendered":
        from kinema.body import load_body
        from kinema.training.refiner_noise import FittedWindows
        from kinema.training.refiner_sources import rendered_clips

        if args.validation is None:
            raise UsageError("`dataset` rendered needs `validation`, the fitted windows of held-out subjects")
        return rendered_clips(FittedWindows.load(args.validation), load_body(), representation)
    if dataset == "rendered-keypoints":
        from kinema.training.refiner_keypoints import keypoint_clips
        from kinema.training.rendered import REFINER_FILM
        from kinema.training.windows import load_windows

        if args.windows is None:
            raise UsageError("`dataset` rendered-keypoints needs `windows` that include clips of held-out subjects")
        return keypoint_clips(load_windows(args.windows, "held_out", REFINER_FILM))
    if args.data is None or estimator == "-":
        raise UsageError(f"`dataset` {dataset} needs `data` (a folder) and `estimator` (a name)")
    from kinema.models.smoothnet.datasets import load_smoothnet_data

    return load_smoothnet_data(
        args.data, dataset, estimator, representation, "test", multi_view=args.multi_view, aist14=args.aist14
    )


def table(clips: RefinerClips, scores: dict[str, RefinerScores]) -> Table:
    """A row for the input and one for each method."""
    from rich.table import Table

    unit, second = UNITS[clips.representation]
    frames = sum(clip.shape[-2] for clip in clips.detected)
    shown = Table(title=f"{clips.name}: {len(clips.detected)} clips, {frames} frames", title_justify="left")
    shown.add_column("method", no_wrap=True)
    for heading in (f"MPJPE\n{unit}", f"PA-MPJPE\n{unit}", f"accel. error\n{second}", f"MPJPE of worst 10 %\n{unit}"):
        shown.add_column(heading, justify="right")
    first = next(iter(scores.values()))
    before = (first.input_position, first.input_aligned, first.input_acceleration, first.input_worst)
    shown.add_row("(input)", *map(_number, before))
    for name, each in scores.items():
        shown.add_row(name, *map(_number, (each.position, each.aligned, each.acceleration, each.worst)))
    return shown


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"
