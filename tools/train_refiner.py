"""Train Kinema's own refiner on the real estimator's errors, and compare it with every classical filter.

    python tools/train_refiner.py fit     --windows windows --out fitted
    python tools/train_refiner.py look    --fitted fitted
    python tools/train_refiner.py train   --fitted fitted --mocap cmu_train.npz --out refiner --network smoothnet
    python tools/train_refiner.py compare --fitted fitted --refiner refiner/refiner.onnx

`windows` is what `tools/train_pose_lifter.py render` writes: the free body in captured poses, seen by the keypoint
networks. `fit` runs the default estimator on them, `look` prints what its errors are like, `train` lays them over
captured motion, and `compare` scores the network and the filters, each filter at the strength that is best on the
training subjects, on the held-out ones. docs/refinement.md has the figures and what follows from them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

SPLITS = ("train", "held_out")
SECONDS = (0.05, 0.08, 0.12, 0.16, 0.2, 0.24, 0.28, 0.32, 0.4, 0.5)


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
    from kinema.skeleton import SMPL24
    from kinema.training.refiner_noise import FittedWindows, MeasuredErrors

    told = MeasuredErrors.of(FittedWindows.load(args.fitted / "train.npz"), load_body()).statistics()
    lags = "  ".join(f"{lag:4d}" for lag in told["lags"])
    print(f"{'joint':16s} rms deg  constant  correlation at frames apart {lags}")
    for joint, name in enumerate(SMPL24.joints):
        row = "  ".join(f"{value:4.2f}" for value in told["correlation"][joint])
        print(f"{name:16s} {told['rms_degrees'][joint]:7.1f}  {told['constant_share'][joint]:8.2f}  {'':27s} {row}")


def train(args: argparse.Namespace) -> None:
    command = [
        sys.executable, "-m", "kinema", "train", "refiner", "--dataset", "mocap", "--mocap", str(args.mocap),
        "--errors", str(args.fitted / "train.npz"), "--validation", str(args.fitted / "held_out.npz"),
        "--network", args.network, "--representation", args.representation, "--out", str(args.out), *args.more,
    ]  # fmt: skip
    raise SystemExit(subprocess.run(command, check=False).returncode)


def compare(args: argparse.Namespace) -> None:
    from rich.console import Console

    from kinema.body import load_body
    from kinema.commands._evaluate_refiner import table
    from kinema.evaluation.refiner_methods import compare as score
    from kinema.evaluation.refiner_methods import method
    from kinema.refinement.filtering import FILTERS
    from kinema.training.refiner_noise import FittedWindows
    from kinema.training.refiner_sources import rendered_clips

    body = load_body()
    tuning, held = (
        rendered_clips(FittedWindows.load(args.fitted / f"{split}.npz"), body, args.representation) for split in SPLITS
    )
    chosen = []
    for name in FILTERS:
        texts = [f"{name}={seconds}" for seconds in SECONDS]
        scores = score(tuning, [method(text, tuning, 30.0) for text in texts])
        shares = [
            each.position / each.input_position + each.acceleration / each.input_acceleration
            for each in scores.values()
        ]
        chosen.append(texts[int(np.argmin(shares))])
    chosen += [f"{kind}={path}" for kind, path in (("smoothnet", p) for p in args.refiner or ())]
    chosen += [f"synsp={path}" for path in args.synsp or ()]
    Console().print(table(held, score(held, [method(text, held, 30.0) for text in chosen])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    sub = commands.add_parser("fit", help="run the estimator on rendered windows")
    sub.add_argument("--windows", type=Path, required=True)
    sub.add_argument("--out", type=Path, required=True)
    sub.add_argument("--prior", choices=("learned", "direct"), default="learned")
    sub.set_defaults(run=fit)
    sub = commands.add_parser("look", help="what the errors are like")
    sub.add_argument("--fitted", type=Path, required=True)
    sub.set_defaults(run=look)
    sub = commands.add_parser("train", help="kinema train refiner on captured motion under these errors")
    sub.add_argument("--fitted", type=Path, required=True)
    sub.add_argument("--mocap", type=Path, required=True)
    sub.add_argument("--out", type=Path, required=True)
    sub.add_argument("--network", choices=("smoothnet", "synsp"), default="smoothnet")
    sub.add_argument("--representation", choices=("3d", "smpl"), default="3d")
    sub.add_argument("more", nargs="*", help="further options of kinema train refiner, after --")
    sub.set_defaults(run=train)
    sub = commands.add_parser("compare", help="the network and the filters on held-out subjects")
    sub.add_argument("--fitted", type=Path, required=True)
    sub.add_argument("--representation", choices=("3d", "smpl"), default="3d")
    sub.add_argument("--refiner", type=Path, action="append", help="SmoothNet checkpoint or ONNX file")
    sub.add_argument("--synsp", type=Path, action="append", help="SynSP checkpoint or ONNX file")
    sub.set_defaults(run=compare)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
