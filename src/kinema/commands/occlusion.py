"""`kinema occlusion`: which covered part of a picture changes which joint of an estimator's answer."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.errors import UsageError

if TYPE_CHECKING:
    from kinema.pipeline.occlusion import OcclusionRun

DESCRIPTION = (
    "Slide a patch over each person and see how far every joint of an estimator moves: a heatmap for each joint,\n"
    "a video of the sweep, and the numbers. Errors are against the truth where a data set gives it, else against the\n"
    "estimator's own answer to the uncovered picture. Estimators can be compared on the same pictures."
)
EXAMPLES = """  kinema occlusion photo.jpg
  kinema occlusion pictures --estimator blazepose --estimator pare --data ~/PARE/data
  kinema occlusion --dataset 3dpw --data ~/PARE/data --every 100"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("source", nargs="?", metavar="IMAGE", help="a picture, or a folder of pictures")
    parser.add_argument("--out", default="outputs/occlusion", metavar="DIR", help="default: %(default)s")
    parser.add_argument(
        "--estimator",
        action="append",
        choices=("blazepose", "pare"),
        help="give several to compare them (default: blazepose, of a data set pare)",
    )
    parser.add_argument("--dataset", choices=("3dpw", "3doh"), help="a data set's pictures and truth in place of IMAGE")
    parser.add_argument("--data", metavar="DIR", type=Path, help="the data folder of the PARE release")
    parser.add_argument("--ckpt", metavar="FILE", help="PARE's checkpoint: a file, pare-3dpw (default) or pare")
    parser.add_argument("--body-model", metavar="FILE", help="an SMPL file in place of the release's or the free body")
    parser.add_argument("--patch", type=int, default=40, metavar="PX", help="side of the patch (default: 40)")
    parser.add_argument("--stride", type=int, metavar="PX", help="how far it moves (default: the patch's side)")
    parser.add_argument("--every", type=int, metavar="N", help="each Nth picture (default: 1, of a data set 100)")
    parser.add_argument("--max-persons", type=int, metavar="N", help="only so many people of each picture")
    parser.add_argument("--no-video", action="store_true", help="write no video of the sweep")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def run(args: argparse.Namespace) -> int:
    """Analyse, print the means, say where everything lies. Returns 0."""
    from kinema.commands._console import watcher
    from kinema.evaluation.occlusion import OcclusionOptions
    from kinema.models.pare.datasets import DATASETS, load_dataset
    from kinema.models.pare.options import PareOptions
    from kinema.pipeline.occlusion import OcclusionRunOptions, analyse_dataset, analyse_images

    if (args.source is None) == (args.dataset is None):
        raise UsageError("name either a picture or folder, or a data set with --dataset")
    every = args.every if args.every is not None else 100 if args.dataset else 1
    if every < 1:
        raise UsageError(f"--every must be at least 1, found {every}")
    options = OcclusionRunOptions(
        estimators=tuple(dict.fromkeys(args.estimator or ["pare" if args.dataset else "blazepose"])),
        occlusion=OcclusionOptions(patch=args.patch, stride=args.stride or args.patch),
        pare=PareOptions(checkpoint=args.ckpt, threads=args.threads),
        every=every,
        max_persons=args.max_persons,
        video=not args.no_video,
        data=args.data,
        body_model=args.body_model,
    )
    with watcher(quiet=args.quiet) as shown:
        if args.dataset:
            data = args.data or Path("data")
            entry = DATASETS[args.dataset]
            dataset = load_dataset(args.dataset, data / entry.labels, data / entry.images)
            result = analyse_dataset(dataset, args.out, options, watcher=shown)
        else:
            result = analyse_images(args.source, args.out, options, watcher=shown)
    if not args.quiet:
        print_result(result, videos=not args.no_video)
    return 0


def print_result(result: OcclusionRun, *, videos: bool = True) -> None:
    """The mean errors under the patch, by estimator and joint. videos: whether sweeps were written."""
    from kinema.commands._console import print_table
    from kinema.pipeline.occlusion import shared_means

    means = dict(shared_means(result.rows))
    names = list(means)
    joints = list(next(iter(means.values())))
    print("\nmean error under the patch, mm, against " + result.rows[0]["against"])
    lines = [[joint, *(f"{means[name][joint]:4.0f}" for name in names)] for joint in joints]
    lines.append(["mean of these", *(f"{np.mean(list(means[name].values())):4.0f}" for name in names)])
    print_table(["joint", *names], lines)
    analyses = "1 analysis" if len(result.rows) == 1 else f"{len(result.rows)} analyses"
    print(f"{result.folder}/  ({analyses}: heatmaps .png, numbers .npz{', sweeps .mp4' if videos else ''})")
