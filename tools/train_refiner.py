"""Train Kinema's own refiner on the keypoint networks' errors, and compare it with all classical filters.

    python tools/train_pose_lifter.py render --every-frame --mocap cmu_train.npz --out windows --minutes 30
    python tools/train_refiner.py look    --windows windows
    python tools/train_refiner.py train   --windows windows --mocap cmu_train.npz --out refiner
    python tools/train_refiner.py compare --windows windows --mocap cmu_train.npz --mixer refiner/refiner.onnx

The windows are the free body in captured poses, rendered at 30 frames per second and processed by the networks. `look`
prints statistics of their errors, `train` learns from captured motion with these errors and from the windows, and
`compare` scores networks and filters on held-out subjects: motion corrupted by the measured errors, then the networks'
real estimates. Each filter uses the strength that is best on the training subjects.

    python tools/train_refiner.py fit     --windows windows --out fitted

runs the whole estimator on the windows; with `--fitted fitted` instead of --windows the other commands use the errors
that remain after the fit. docs/refinement.md has the results.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.models.refiner import KINDS

if TYPE_CHECKING:
    from kinema.models.smoothnet.datasets import RefinerClips

SPLITS = ("train", "held_out")
HELD_OUT = ("07", "09", "16", "35", "14")
SECONDS = (0.05, 0.08, 0.12, 0.16, 0.2, 0.24, 0.28, 0.32, 0.4, 0.5)
CORRUPTED = 60
"""Segments of 96 frames of captured motion in a comparison."""


def fit(args: argparse.Namespace) -> None:
    from kinema.body import load_body
    from kinema.estimation import FitOptions
    from kinema.training.refiner_noise import fit_windows
    from kinema.training.rendered import REFINER_FILM
    from kinema.training.windows import load_windows

    args.out.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        windows = load_windows(args.windows, split, REFINER_FILM)
        done = fit_windows(windows, load_body(), FitOptions(prior=args.prior, threads=1))
        done.save(args.out / f"{split}.npz")
        print(f"{split}: {len(done)} windows")


def look(args: argparse.Namespace) -> None:
    from kinema.body import load_body
    from kinema.skeleton import BLAZEPOSE33, SMPL24
    from kinema.training.refiner_keypoints import statistics
    from kinema.training.refiner_noise import FittedWindows, MeasuredErrors
    from kinema.training.rendered import REFINER_FILM
    from kinema.training.windows import load_windows, measured_errors

    if args.windows:
        names = BLAZEPOSE33.joints
        found = statistics(measured_errors(load_windows(args.windows, "train", REFINER_FILM)))
        columns = ["across mm", "along mm", "outliers", "lost", "exchanged"]
        values = np.c_[found["rms_mm"], 100 * np.stack([found[n] for n in ("outliers", "lost", "exchanged")], -1)]
    else:
        names = SMPL24.joints
        found = MeasuredErrors.of(FittedWindows.load(args.fitted / "train.npz"), load_body()).statistics()
        columns = ["rms deg", "constant"]
        values = np.c_[found["rms_degrees"], 100 * found["constant_share"]]
    print(f"{'(shares in %)':18s}" + "".join(f"{c:>11s}" for c in columns) + "   correlation at frames apart "
          + "".join(f"{lag:6d}" for lag in found["lags"]))  # fmt: skip
    for joint, name in enumerate(names):
        row = "".join(f"{value:11.1f}" for value in values[joint]) + " " * 31
        print(f"{name:18s}{row}" + "".join(f"{value:6.2f}" for value in found["correlation"][joint]))


def train(args: argparse.Namespace) -> None:
    if args.windows:
        data = ["--dataset", "rendered-keypoints,keypoints", "--windows", str(args.windows)]
    else:
        data = ["--dataset", "mocap", "--errors", str(args.fitted / "train.npz")]
        data += ["--validation", str(args.fitted / "held_out.npz")]
    command = [
        sys.executable, "-m", "kinema", "train", "refiner", *data, "--mocap", str(args.mocap),
        "--network", args.network, "--representation", args.representation, "--out", str(args.out), *args.more,
    ]  # fmt: skip
    raise SystemExit(subprocess.run(command, check=False).returncode)


def compare(args: argparse.Namespace) -> None:
    if args.windows:
        tuning, held = (_keypoints(args, split) for split in SPLITS)
    else:
        tuning, held = ({"the fit's real estimates": _fitted(args, split)} for split in SPLITS)
    for name in held:
        _table(name, tuning[name], held[name], args)


def _fitted(args: argparse.Namespace, split: str) -> RefinerClips:
    from kinema.body import load_body
    from kinema.training.refiner_noise import FittedWindows
    from kinema.training.refiner_sources import rendered_clips

    return rendered_clips(FittedWindows.load(args.fitted / f"{split}.npz"), load_body(), args.representation)


def _keypoints(args: argparse.Namespace, split: str) -> dict[str, RefinerClips]:
    """Corrupted captured motion, and the networks' real estimates, for one split's subjects."""
    from kinema.body import load_body
    from kinema.training.mocap import load_mocap
    from kinema.training.refiner_keypoints import KeypointSource, keypoint_clips
    from kinema.training.rendered import REFINER_FILM
    from kinema.training.windows import load_windows, measured_errors

    windows = load_windows(args.windows, split, REFINER_FILM)
    sequences = [s for s in load_mocap(args.mocap) if (s.subject in HELD_OUT) == (split == "held_out")]
    source = KeypointSource(sequences, measured_errors(windows), load_body())
    subset = {name: value[:CORRUPTED] for name, value in windows.items()}
    return {
        "captured motion with measured errors": source.clips(CORRUPTED, np.random.default_rng(0)),
        "the networks' real estimates": keypoint_clips(subset),
    }


def _table(name: str, tuning: RefinerClips, held: RefinerClips, args: argparse.Namespace) -> None:
    from rich.console import Console

    from kinema.commands._evaluate_refiner import table
    from kinema.evaluation.refiner_methods import compare as score
    from kinema.evaluation.refiner_methods import method
    from kinema.refinement.filtering import FILTERS
    from kinema.training.rendered import REFINER_FILM

    rate = REFINER_FILM.rate
    chosen = []
    for each in FILTERS:
        texts = [f"{each}={seconds}" for seconds in SECONDS]
        scores = score(tuning, [method(text, tuning, rate) for text in texts])
        shares = [s.position / s.input_position + s.acceleration / s.input_acceleration for s in scores.values()]
        chosen.append(texts[int(np.argmin(shares))])
    chosen += [f"{kind}={path}" for kind in KINDS for path in getattr(args, kind) or ()]
    print(f"{name}, {len(held.names)} clips of held-out subjects")
    Console().print(table(held, score(held, [method(text, held, rate) for text in chosen])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    sub = commands.add_parser("fit", help="run the estimator on rendered windows")
    sub.add_argument("--windows", type=Path, required=True)
    sub.add_argument("--out", type=Path, required=True)
    sub.add_argument("--prior", choices=("learned", "analytic"), default="learned")
    sub.set_defaults(run=fit)
    for name, function, text in (
        ("look", look, "print statistics of the errors"),
        ("train", train, "kinema train refiner on captured motion with these errors"),
        ("compare", compare, "compare the networks and the filters on held-out subjects"),
    ):
        sub = commands.add_parser(name, help=text)
        data = sub.add_mutually_exclusive_group(required=True)
        data.add_argument("--windows", type=Path, help="windows of the keypoint networks")
        data.add_argument("--fitted", type=Path, help="windows fitted by the whole estimator")
        sub.add_argument("--representation", choices=("3d", "smpl"), default="3d")
        if name != "look":
            sub.add_argument("--mocap", type=Path, required=name == "train")
        if name == "train":
            sub.add_argument("--out", type=Path, required=True)
            sub.add_argument("--network", choices=KINDS, default="mixer")
            sub.add_argument("more", nargs="*", help="further options of kinema train refiner, after --")
        if name == "compare":
            for kind in KINDS:
                sub.add_argument(f"--{kind}", type=Path, action="append", help="checkpoint or ONNX file")
        sub.set_defaults(run=function)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
