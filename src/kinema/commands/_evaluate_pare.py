"""`kinema evaluate pare`: a checkpoint on 3DPW or 3DOH, next to the published results."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kinema.commands._options import add_body, add_json, add_settings, options_from
from kinema.errors import InputError
from kinema.options import require
from kinema.terminal import print_json

DESCRIPTION = """\
MPJPE, PA-MPJPE and V2V of a PARE checkpoint on your copy of a data set, in the layout of the PARE release:
  DIR/dataset_extras/3dpw_all_test_with_mmpose.npz, 3doh_test.npz     labels
  DIR/dataset_folders/3dpw, 3doh                                       images
  DIR/body_models/smpl/SMPL_NEUTRAL.pkl (_MALE, _FEMALE)               bodies
  DIR/J_regressor_h36m.npy                                             regressor of the evaluated joints
The published results are printed for comparison; see docs/pare.md.
"""
EXAMPLES = """  kinema evaluate pare --dataset 3dpw --data ~/PARE/data
  kinema evaluate pare --dataset 3doh --data ~/PARE/data --checkpoint pare --json scores.json"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from kinema.models.pare.options import PareOptions

    parser.add_argument("--dataset", choices=("3dpw", "3doh"), required=True, help="which data set")
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        default=Path("data"),
        help="the data folder of the PARE release (default: %(default)s)",
    )
    parser.add_argument("--labels", metavar="NPZ", type=Path, help="the labels (default: in DIR/dataset_extras)")
    parser.add_argument("--images", metavar="DIR", type=Path, help="the images (default: in DIR/dataset_folders)")
    add_body(parser, "SMPL_NEUTRAL.pkl (default: in DIR)")
    parser.add_argument(
        "--ground-truth", choices=("neutral", "gendered", "both"), default="both",
        help="body model of the ground truth (default: both if labels and bodies allow)",
    )  # fmt: skip
    parser.add_argument("--limit", type=int, metavar="N", help="only N images, spread evenly over the data set")
    add_settings(parser, PareOptions, "checkpoint", "batch_size", "device", "precision")
    add_json(parser, "everything", file=True)


def run(args: argparse.Namespace) -> int:
    """Evaluate, print the tables, write the JSON. Returns 0."""
    from kinema.commands._tables import print_table
    from kinema.models.pare.datasets import DATASETS, PUBLISHED, load_dataset
    from kinema.models.pare.evaluation import evaluate_pare
    from kinema.models.pare.joints import joint_definition
    from kinema.models.pare.options import PareOptions
    from kinema.models.pare.release import PareRelease
    from kinema.models.pare.torch_run import PareEstimator
    from kinema.pipeline.showing import watcher
    from kinema.pipeline.watching import timed
    from kinema.storage.atomic import write_json

    options = options_from(args, PareOptions)
    require(args.limit is None or args.limit >= 1, "limit", "be at least 1", args.limit)
    entry = DATASETS[args.dataset]
    release = PareRelease(args.data if args.data.is_dir() else None)
    dataset = load_dataset(
        args.dataset, args.labels or args.data / entry.labels, args.images or args.data / entry.images
    )
    if args.limit is not None and args.limit < len(dataset):
        dataset = dataset.take(np.linspace(0, len(dataset) - 1, args.limit).round().astype(int))
    body_file = args.body_model or release.body_file()
    h36m = release.file("J_regressor_h36m.npy")
    if body_file is None or h36m is None:
        what = "an SMPL file (SMPL_NEUTRAL.pkl)" if body_file is None else "J_regressor_h36m.npy"
        raise InputError(
            f"the evaluation needs {what}, without which results are not comparable with the published ones;"
            f" put it into {args.data} (see `kinema evaluate pare --help`)"
        )
    joints = joint_definition(release.body(body_file), release.file("J_regressor_extra.npy"), h36m)
    estimator = PareEstimator(
        release.checkpoint(options.checkpoint), device=options.device, precision=options.precision
    )
    notes: list[str] = []
    truths = [release.gendered() if truth == "gendered" else None for truth in _truths(args, dataset, release, notes)]
    with watcher(quiet=args.json == "-", flags=args.flags) as shown, timed(shown, args.dataset) as progress:
        scores = evaluate_pare(
            dataset, estimator, joints, truths=truths, batch_size=options.batch_size, progress=progress
        )
    subsets = dataset.subsets()
    content: dict[str, Any] = {"checkpoint": {"file": estimator.path.name, "sha256": estimator.sha256}}
    content |= {"scores": [each.to_dict(subsets) for each in scores]}
    if args.json == "-":
        print_json(content)
        return 0
    print(f"\n{args.dataset}, means over images in mm")
    columns = ["and body of the truth", "images", "MPJPE", "PA-MPJPE", "V2V"]
    print_table(columns, _rows(scores, subsets, PUBLISHED.get(args.dataset, {})))
    for note in notes:
        print(f"- {note}")
    if args.json is not None:
        write_json(args.json, content)
    return 0


def _truths(args: argparse.Namespace, dataset: Any, release: Any, notes: list[str]) -> list[str]:
    """The ground truths to compare with."""
    if args.ground_truth != "both":
        return [args.ground_truth]
    if dataset.gender is None:
        notes.append("the labels give no gender: neutral ground truth only")
        return ["neutral"]
    if any(release.body_file(gender) is None for gender in ("male", "female")):
        notes.append("SMPL_MALE.pkl and SMPL_FEMALE.pkl were not found: neutral ground truth only")
        return ["neutral"]
    return ["neutral", "gendered"]


def _rows(
    scores: Sequence[Any], subsets: dict[str, np.ndarray], published: dict[str, dict[str, float]]
) -> list[list[str]]:
    """The rows of the table: the measured results, overall and by subset, then the published ones."""
    lines = []
    for each in scores:
        every = np.ones(len(each.v2v), dtype=bool)
        for part, rows in {"measured": every, **subsets}.items():
            numbers = [f"{value:.1f}" for value in each.total(rows).values()]
            lines.append([f"{part}, {each.ground_truth}", str(int(rows.sum())), *numbers])
    for who, values in published.items():
        lines.append([who, "", *(f"{value:.1f}" for value in values.values())])
    return lines
