"""`kinema train`: train refinement networks and lifters."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.commands import _train_lifter
from kinema.commands._options import add_debug, add_settings, add_subcommand, given
from kinema.errors import UsageError
from kinema.options import require, settings_of
from kinema.runtime import MOST_THREADS

if TYPE_CHECKING:
    from kinema.models.smoothnet.datasets import RefinerClips
    from kinema.training.mocap import MocapSequence
    from kinema.training.refiner_sources import Source

DESCRIPTION = "Train refinement networks and lifters; needs the train extra (pip install 'kinema[train]')."

EXAMPLES = """\
  kinema train refiner --dataset mocap --mocap cmu_train.npz --errors train.npz --validation held_out.npz --out r
  kinema train refiner --data poses --dataset pw3d --estimator spin --representation 3d --window-size 32 --out r
  kinema train refiner --network synsp --data poses --dataset aist,h36m --estimator vibe,fcn --out r --device cuda
"""

REFINER = """\
Train SmoothNet, SynSP or Kinema's own mixer. The published losses, optimiser and schedule are the defaults for each
data set; repeat the command to resume where it stopped. Writes to --out: refiner.safetensors, refiner.json
(settings, data, scores of every epoch), refiner.onnx (for the base install) and state.pt.

--dataset keypoints corrupts motion capture with the errors of the keypoint networks' 3D landmarks (--mocap, --windows),
mocap with those of the whole fit (--mocap, --errors); rendered-keypoints and rendered use the rendered clips
themselves, on which the errors were measured. Other data sets are read from --data, in the layout of SmoothNet's
authors. Comma-separated lists train on several; --dataset, --estimator and --representation are then of equal length,
or single.
"""


OWN = ("mocap", "rendered", "keypoints", "rendered-keypoints")
"""Data sets made with Kinema, at 30 frames per second."""


def configure(parser: argparse.ArgumentParser) -> None:
    subparsers = parser.add_subparsers(dest="training", metavar="WHAT", required=True)
    from kinema.training.options import RefinerTraining

    sub = subparsers.add_parser(
        "refiner", help="SmoothNet or SynSP", description=REFINER, epilog=f"examples:\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add_settings(sub, RefinerTraining, "network")
    add_data_arguments(sub)
    sub.add_argument("--out", type=Path, required=True, metavar="DIR", help="output folder")
    sub.add_argument(
        "--stretches", type=int, default=300, metavar="N", help="stretches of 96 mocap frames per epoch (default: 300)"
    )
    add_settings(sub, [each for name, each in settings_of(RefinerTraining).items() if name != "network"])
    sub.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="device to train on (default: cpu)")
    sub.add_argument("--gpu", dest="device", action="store_const", const="cuda", help=argparse.SUPPRESS)
    sub.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads (default: %(default)s)")
    add_debug(sub)
    _train_lifter.configure(add_subcommand(subparsers, "lifter", "VideoPose3D or P-STMO", _train_lifter))


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the data arguments, shared with `kinema evaluate refiner`."""
    parser.add_argument("--dataset", required=True, metavar="NAMES", help="keypoints, mocap, pw3d, h36m, aist, ...")
    parser.add_argument("--estimator", metavar="NAMES", help="spin, vibe, fcn, ...")
    parser.add_argument("--representation", default="3d", metavar="NAMES", help="3d, 2d or smpl (default: %(default)s)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of DATASET_ESTIMATOR_REP folders")
    parser.add_argument("--mocap", type=Path, metavar="NPZ", help="packed motion capture")
    parser.add_argument("--windows", type=Path, metavar="DIR", help="rendered windows at 30 frames per second")
    parser.add_argument("--errors", type=Path, metavar="NPZ", help="fitted windows of the training subjects")
    parser.add_argument("--validation", type=Path, metavar="NPZ", help="fitted windows of held-out subjects")
    parser.add_argument(
        "--held-out",
        default="07,09,16,35,14",
        metavar="SUBJECTS",
        help="mocap subjects left out (default: %(default)s)",
    )
    parser.add_argument("--aist14", action="store_true", help="reorder mupots and mpiinf3dhp to AIST++'s 14 joints")
    parser.add_argument("--multi-view", action="store_true", help="refine the views of an action jointly (SynSP)")


def run(args: argparse.Namespace) -> int:
    return _train_lifter.run(args) if args.training == "lifter" else _train_refiner(args)


def _train_refiner(args: argparse.Namespace) -> int:
    from kinema.training.packages import require_packages

    require_packages()
    import torch

    from kinema.training.options import RefinerTraining
    from kinema.training.refiner import train_refiner

    gpu = args.device == "cuda"
    if gpu and not torch.cuda.is_available():
        raise UsageError("torch finds no GPU; leave out `device` to train on the CPU")
    require(args.threads <= MOST_THREADS, "threads", f"be at most {MOST_THREADS}", args.threads)
    torch.set_num_threads(max(1, args.threads))
    names = rows(args)
    sources, validation = training_data(args)
    own = names[0][0] in OWN
    wanted = given(args, RefinerTraining)
    network = wanted.pop("network", RefinerTraining.network)
    if own:
        wanted.setdefault("rate", 30.0)
    options = RefinerTraining.published(network, names[0][0], names[0][2], **wanted)
    recipe: dict[str, Any] = {"data": ["_".join(row) for row in names], "device": "gpu" if gpu else "cpu"}
    recipe["threads"] = args.threads
    if own:
        recipe |= {"held_out": args.held_out, "stretches": args.stretches}
    train_refiner(sources, validation, options, args.out, recipe=recipe, device=args.device)
    print(args.out)
    return 0


def rows(args: argparse.Namespace) -> list[tuple[str, str, str]]:
    """(dataset, estimator, representation) of each data set in the lists. Raises UsageError."""
    lists = [str(value or "-").split(",") for value in (args.dataset, args.estimator, args.representation)]
    most = max(len(each) for each in lists)
    for name, each in zip(("dataset", "estimator", "representation"), lists, strict=True):
        if len(each) not in (1, most):
            raise UsageError(f"`{name}` has {len(each)} entries, another list {most}; give one entry or {most}")
    columns = [each * most if len(each) == 1 else each for each in lists]
    return list(dict.fromkeys(zip(*(map(str.strip, column) for column in columns), strict=True)))


def training_data(args: argparse.Namespace) -> tuple[list[Source], RefinerClips]:
    """The training data, and the clips that are scored after each epoch, those of the first data set."""
    from kinema.models.smoothnet.datasets import load_smoothnet_data
    from kinema.training.refiner_sources import ClipSource

    sources: list[Source] = []
    validation: list[RefinerClips] = []
    for dataset, estimator, representation in rows(args):
        if dataset in OWN:
            make = _keypoint_data if dataset.endswith("keypoints") else _own_data
            source, held = make(args, dataset, representation)
        else:
            if args.data is None or estimator == "-":
                raise UsageError(f"`dataset` {dataset} needs `data` (a folder) and `estimator` (a name)")
            given = args.data, dataset, estimator, representation
            views = {"multi_view": args.multi_view, "aist14": args.aist14}
            source = ClipSource(load_smoothnet_data(*given, "train", **views))
            held = load_smoothnet_data(*given, "test", **views)
        sources.append(source)
        validation.append(held)
    return sources, validation[0]


def _keypoint_data(args: argparse.Namespace, dataset: str, representation: str) -> tuple[Source, RefinerClips]:
    from kinema.body import load_body
    from kinema.training.refiner_keypoints import KeypointSource, keypoint_clips
    from kinema.training.refiner_sources import ClipSource
    from kinema.training.rendered import REFINER_FILM
    from kinema.training.windows import load_windows, measured_errors, with_mirrored

    if representation != "3d":
        raise UsageError(f"the networks' landmarks are 3d, not {representation}")
    if args.windows is None or (dataset == "keypoints" and args.mocap is None):
        needed = "`windows`" + (" and `mocap`" if dataset == "keypoints" else "")
        raise UsageError(f"`dataset` {dataset} needs {needed} (tools/train_pose_lifter.py render --every-frame)")
    windows = load_windows(args.windows, "train", REFINER_FILM)
    validation = keypoint_clips(load_windows(args.windows, "held_out", REFINER_FILM))
    if dataset == "rendered-keypoints":
        return ClipSource(keypoint_clips(with_mirrored(windows))), validation
    source = KeypointSource(_training_capture(args), measured_errors(windows), load_body(), stretches=args.stretches)
    return source, validation


def _training_capture(args: argparse.Namespace) -> list[MocapSequence]:
    from kinema.training.mocap import load_mocap

    subjects = {name.strip() for name in args.held_out.split(",")}
    return [s for s in load_mocap(args.mocap) if s.subject not in subjects]


def _own_data(args: argparse.Namespace, dataset: str, representation: str) -> tuple[Source, RefinerClips]:
    from kinema.body import load_body
    from kinema.training.refiner_noise import FittedWindows, MeasuredErrors
    from kinema.training.refiner_sources import ClipSource, MocapSource, rendered_clips

    if args.errors is None or args.validation is None or (dataset == "mocap" and args.mocap is None):
        needed = "`errors`, `validation`" + (" and `mocap`" if dataset == "mocap" else "")
        raise UsageError(f"`dataset` {dataset} needs {needed} (tools/train_refiner.py makes the first two)")
    body = load_body()
    windows, held = FittedWindows.load(args.errors), FittedWindows.load(args.validation)
    validation = rendered_clips(held, body, representation)
    if dataset == "rendered":
        return ClipSource(rendered_clips(windows, body, representation)), validation
    errors = MeasuredErrors.of(windows, body)
    return MocapSource(_training_capture(args), errors, body, representation, stretches=args.stretches), validation
