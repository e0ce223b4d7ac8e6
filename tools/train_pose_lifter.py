"""Train Kinema's pose lifter and write the ONNX file that the base install runs.

    python tools/train_pose_lifter.py render --mocap cmu_train.npz --out windows --minutes 30 --workers 4
    python tools/train_pose_lifter.py render --improvised 200 --out windows --minutes 10 --workers 4 --seed 1
    python tools/train_pose_lifter.py train  --mocap cmu_train.npz --windows windows --out trained --minutes 60
    python tools/train_pose_lifter.py export --trained trained

`render` renders the free body in captured poses and runs the default keypoint networks on the
images; `train` learns from those windows and from simulated ones; `export` writes
src/kinema/models/pose_lifter/pose_lifter.onnx. docs/pose-lifter.md has the recipe of the file that ships.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from kinema.training.mocap import MocapSequence

VALIDATION_SUBJECTS = ("07", "09", "16", "35", "14", "random-9", "013", "003")
"""Held out from training; the metrics printed during training are of these subjects."""


def _sequences(args: argparse.Namespace) -> list[MocapSequence]:
    """The requested captured and random motions."""
    from kinema.body import load_body
    from kinema.training.mocap import load_mocap, random_sequences

    if not args.mocap and not args.improvised:
        raise SystemExit("no motions to render: give --mocap, --improvised or both")
    captured = [each for path in args.mocap for each in load_mocap(path)]
    return captured + random_sequences(load_body(), args.improvised)


def render(args: argparse.Namespace) -> None:
    from kinema.training.rendered import LIFTER_FILM, REFINER_FILM, render_windows

    film = REFINER_FILM if args.every_frame else LIFTER_FILM
    render_windows(
        _sequences(args), args.out, film, seed=args.seed, minutes=args.minutes, workers=args.workers,
        held_out=VALIDATION_SUBJECTS,
    )  # fmt: skip


def train(args: argparse.Namespace) -> None:
    import torch

    from kinema.body import load_body
    from kinema.models.pose_lifter.network import PoseLifter, PoseLifterConfig
    from kinema.training.export import load_weights
    from kinema.training.lifter_data import MotionSampler, SamplePool
    from kinema.training.lifter_windows import RenderedSamples, RenderedWindows, Validator
    from kinema.training.pose_lifter import FRESH_RATE, START_RATE, LifterTraining, save_lifter, train_lifter
    from kinema.training.torch_body import BodyTables
    from kinema.training.torch_random import TorchRandom

    torch.set_num_threads(args.threads)
    config = PoseLifterConfig(dropout=args.dropout)
    start = load_weights(PoseLifter(config), args.start) if args.start else None
    sequences = [s for s in _sequences(args) if s.subject not in VALIDATION_SUBJECTS]
    body = BodyTables.of(load_body(), "cpu")
    windows = RenderedWindows.load(args.windows, "train", body, config)
    held = RenderedWindows.load(args.windows, "held_out", body, config)
    sampler = MotionSampler(sequences, body, config, TorchRandom(args.seed, "cpu"))
    pool = SamplePool(sampler, size=args.pool, renewed=32, errors=windows.errors())
    options = LifterTraining(
        minutes=args.minutes, seed=args.seed, batch=args.batch, rendered_share=args.rendered_share,
        learning_rate=args.learning_rate or (START_RATE if args.start else FRESH_RATE),
    )  # fmt: skip
    net, history = train_lifter(
        pool.draw, body, config, options, rendered=RenderedSamples(windows, TorchRandom(args.seed + 1, "cpu")).draw,
        validate=Validator(held, body), start=start,
    )  # fmt: skip
    recipe = vars(options) | {
        "torch": torch.__version__, "sequences": len(sequences), "windows": len(windows),
        "held_out_subjects": VALIDATION_SUBJECTS, "mocap": [path.name for path in args.mocap],
        "improvised": args.improvised, "started_from": args.start.name if args.start else "",
    }  # fmt: skip
    save_lifter(net, args.out, recipe, history)


def export(args: argparse.Namespace) -> None:
    import torch
    from safetensors.torch import load_file

    from kinema.models.pose_lifter.network import NUM_FEATURES, PoseLifter, PoseLifterConfig
    from kinema.training.export import export_onnx

    meta = json.loads((args.trained / "pose_lifter.json").read_text())
    net = PoseLifter(PoseLifterConfig(**meta["config"]))
    net.load_state_dict(load_file(str(args.trained / "pose_lifter.safetensors")))
    export_onnx(
        net, torch.zeros(1, 90, NUM_FEATURES), args.out, inputs="features",
        outputs=("rotations", "sigma", "betas", "up", "contacts"), free_axes={1: "frames"},
        metadata={"name": "kinema pose lifter", "licence": "Apache-2.0", "recipe": json.dumps(meta["recipe"])},
    )  # fmt: skip
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB, last metrics {meta['history'][-1]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    sub = commands.add_parser("render", help="render the free body and run the keypoint networks")
    sub.add_argument("--mocap", type=Path, nargs="+", default=[], help="captured motions to render")
    sub.add_argument("--improvised", type=int, default=0, help="random motions to render (12 s each)")
    sub.add_argument("--out", type=Path, required=True)
    sub.add_argument("--minutes", type=float, default=30)
    sub.add_argument("--workers", type=int, default=2)
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument("--every-frame", action="store_true", help="30 frames per second, for a refiner (default: 10)")
    sub.set_defaults(run=render)
    sub = commands.add_parser("train", help="train on simulated and rendered windows")
    sub.add_argument("--mocap", type=Path, nargs="+", required=True)
    sub.add_argument("--improvised", type=int, default=0, help="random motions in addition to the captured ones")
    sub.add_argument("--windows", type=Path, required=True)
    sub.add_argument("--out", type=Path, required=True)
    sub.add_argument("--minutes", type=float, default=60)
    sub.add_argument("--batch", type=int, default=768)
    sub.add_argument("--pool", type=int, default=60000, help="clean samples kept in memory")
    sub.add_argument("--rendered-share", type=float, default=0.5, help="fraction of each batch from rendered windows")
    sub.add_argument("--learning-rate", type=float, help="at its peak (default: 1e-3, half of it with --start)")
    sub.add_argument("--dropout", type=float, default=0.15)
    sub.add_argument("--threads", type=int, default=2)
    sub.add_argument("--start", type=Path, help="weights to continue from: .safetensors, or the .onnx that ships")
    sub.add_argument("--seed", type=int, default=0)
    sub.set_defaults(run=train)
    sub = commands.add_parser("export", help="write the ONNX file")
    sub.add_argument("--trained", type=Path, required=True)
    root = Path(__file__).resolve().parent.parent
    sub.add_argument("--out", type=Path, default=root / "src/kinema/models/pose_lifter/pose_lifter.onnx")
    sub.set_defaults(run=export)
    args = parser.parse_args()
    np.set_printoptions(precision=3, suppress=True)
    args.run(args)


if __name__ == "__main__":
    main()
