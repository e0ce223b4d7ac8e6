"""`kinema occlusion`: how occluding each part of an image affects each joint of an estimator."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.commands._options import add_quiet, add_settings, given
from kinema.errors import UsageError

if TYPE_CHECKING:
    from kinema.options import Setting
    from kinema.pipeline.occlusion import OcclusionRun

DESCRIPTION = (
    "Slide a patch over each person and measure how far each estimated joint moves: a heatmap for each joint,\n"
    "a video of the sweep, and the numbers. Errors are against the truth if a data set has it, else against the\n"
    "estimator's own result for the unoccluded image. Estimators can be compared on the same images."
)
EXAMPLES = """  kinema occlusion photo.jpg
  kinema occlusion images --estimator blazepose --estimator pare --data ~/PARE/data
  kinema occlusion photo.jpg --estimator nlf --nlf nlf_l_multi_0.3.2.torchscript
  kinema occlusion --dataset 3dpw --data ~/PARE/data --every 100"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from kinema.evaluation.options import OcclusionOptions
    from kinema.pipeline.occlusion_options import OcclusionRunOptions

    parser.add_argument("source", nargs="?", metavar="IMAGE", help="an image, or a folder of images")
    parser.add_argument(
        "--out", default="outputs/occlusion", metavar="DIR", help="output folder (default: %(default)s)"
    )
    parser.add_argument("--dataset", choices=("3dpw", "3doh"), help="a data set's images and truth instead of IMAGE")
    add_settings(parser, OcclusionRunOptions)
    add_settings(parser, OcclusionOptions)
    add_settings(parser, _settings().values())
    add_quiet(parser)


def _settings() -> dict[str, Setting]:
    """The settings of every estimator that matter for single images, by public name."""
    from kinema.estimation.registry import ESTIMATORS, image_settings

    return {name: one for row in ESTIMATORS for name, one in image_settings(row).items()}


def run(args: argparse.Namespace) -> int:
    """Analyse, print the means and the output folder. Returns 0."""
    from kinema.evaluation.options import OcclusionOptions
    from kinema.models.pare.datasets import DATASETS, load_dataset
    from kinema.pipeline.occlusion import analyse_dataset, analyse_images
    from kinema.pipeline.occlusion_options import OcclusionRunOptions
    from kinema.pipeline.showing import watcher

    if (args.source is None) == (args.dataset is None):
        raise UsageError("give either an image or folder, or a data set with `dataset`")
    chosen = {"estimators": ("pare",), "every": 100} if args.dataset else {}
    patch = given(args, OcclusionOptions)
    options = OcclusionRunOptions(
        **{**chosen, **given(args, OcclusionRunOptions)},
        occlusion=OcclusionOptions(**{"stride": patch.get("patch", OcclusionOptions.stride), **patch}),
        settings={name: value for name in _settings() if (value := getattr(args, name)) is not None},
    )
    with watcher(quiet=args.quiet, flags=args.flags) as shown:
        if args.dataset:
            data = args.data or Path("data")
            entry = DATASETS[args.dataset]
            dataset = load_dataset(args.dataset, data / entry.labels, data / entry.images)
            result = analyse_dataset(dataset, args.out, options, watcher=shown)
        else:
            result = analyse_images(args.source, args.out, options, watcher=shown)
    if not args.quiet:
        print_result(result, videos=options.video)
    return 0


def print_result(result: OcclusionRun, *, videos: bool = True) -> None:
    """The mean errors under the patch, by estimator and joint. videos: whether sweeps were written."""
    from kinema.commands._tables import print_table
    from kinema.pipeline.occlusion import shared_means

    means = dict(shared_means(result.rows))
    names = list(means)
    joints = list(next(iter(means.values())))
    print("\nmean error under the patch, mm, against " + result.rows[0]["against"])
    lines = [[joint, *(f"{means[name][joint]:4.0f}" for name in names)] for joint in joints]
    lines.append(["mean", *(f"{np.mean(list(means[name].values())):4.0f}" for name in names)])
    print_table(["joint", *names], lines)
    analyses = "1 analysis" if len(result.rows) == 1 else f"{len(result.rows)} analyses"
    print(f"{result.folder}/  ({analyses}: heatmaps .png, numbers .npz{', sweeps .mp4' if videos else ''})")
