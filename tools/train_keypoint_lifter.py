"""Train Kinema's lifter of 2D keypoints and write the ONNX file that the base install runs.

    python tools/train_keypoint_lifter.py pack   --bvh FOLDER --out packed.npz
    python tools/train_keypoint_lifter.py train  --mocap cmu_train.npz packed.npz --windows windows --out trained
    python tools/train_keypoint_lifter.py compare --mocap cmu_train.npz packed.npz --windows windows --out compared
    python tools/train_keypoint_lifter.py export --trained trained

`pack` turns BVH captures into the layout of cmu_train.npz; `train` learns from simulated detections, whose errors are
partly those measured on rendered windows (tools/train_pose_lifter.py render); `compare` trains both the lifter and
P-STMO's network from nothing, on samples of the same people with the same errors, for the same CPU time each, and
scores them and the lifter that ships on the very same detections of people whom none has seen; `export` writes
src/kinema/models/pose_lifter/keypoint_lifter.onnx. docs/pose-lifter.md has the recipe of the file that ships.
"""

from __future__ import annotations

import argparse
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kinema.models.pose_lifter.network import PoseLifter, PoseLifterConfig
    from kinema.training.keypoint_lifter import HeldOut, KeypointSamples
    from kinema.training.mocap import MocapSequence

SHIPPED = Path(__file__).resolve().parent.parent / "src/kinema/models/pose_lifter/keypoint_lifter.onnx"

HELD_OUT = ("07", "09", "16", "35", "14", "random-9", "exercise-9", "013", "003")
"""Subjects that are never trained on; the metrics printed during training are of them."""

RENEWED = 64
"""New clean samples for each draw of a batch."""

HELD_OUT_SEED = 1
"""Of the held-out samples, which are the same whatever is trained."""

LIMBS = {"joint_weight": 10.0, "limb_share": 0.7}
"""Weights of the loss: the limbs' joints are what the lifter is for."""


def pack(args: argparse.Namespace) -> None:
    from kinema.training.mocap import pack_bvh

    files = sorted(args.bvh.rglob("*.bvh"))
    print(f"{pack_bvh(files, args.out)} sequences in {args.out}")


@cache
def _sequences(mocap: tuple[Path, ...], improvised: int, exercises: int) -> list[MocapSequence]:
    from kinema.body import load_body
    from kinema.training.mocap import load_mocap, random_sequences

    captured = [each for path in mocap for each in load_mocap(path)]
    return (
        captured
        + random_sequences(load_body(), improvised)
        + random_sequences(load_body(), exercises, category="exercise")
    )


def _samples(args: argparse.Namespace, layout: str | None, config: PoseLifterConfig, held: bool) -> KeypointSamples:
    import torch

    from kinema.body import load_body
    from kinema.training.keypoint_lifter import POINTS, KeypointSamples
    from kinema.training.lifter_data import MotionSampler, SamplePool
    from kinema.training.lifter_windows import RenderedWindows
    from kinema.training.torch_body import BodyTables
    from kinema.training.torch_random import TorchRandom

    torch.set_num_threads(args.threads)
    sequences = _sequences(tuple(args.mocap), args.improvised, args.exercises)
    chosen = [each for each in sequences if (each.subject in HELD_OUT) == held]
    split = "held_out" if held else "train"
    windows = RenderedWindows.load(args.windows, split, BodyTables.of(load_body(), "cpu"), config)
    rng = TorchRandom(HELD_OUT_SEED if held else args.seed, "cpu")
    sampler = MotionSampler(chosen, BodyTables.of(load_body(), "cpu", POINTS), config, rng)
    pool = SamplePool(sampler, size=5000 if held else args.pool, renewed=0 if held else RENEWED)
    print(f"{len(chosen)} sequences {'held out' if held else 'to learn from'}", flush=True)
    return KeypointSamples(pool, rng, errors=windows.errors(), layout=layout)


def _held(args: argparse.Namespace) -> HeldOut:
    from kinema.body import load_body
    from kinema.training.keypoint_lifter import BOTH_CONFIG, POINTS, HeldOut
    from kinema.training.torch_body import BodyTables

    return HeldOut(_samples(args, "coco17", BOTH_CONFIG, held=True), BodyTables.of(load_body(), "cpu", POINTS))


def train(args: argparse.Namespace) -> None:
    held = _held(args)
    net = _trained(args, held)
    print(f"held out: {held(net)}, averaged with the mirror image {held.averaged(net):.1f} mm")


def _trained(args: argparse.Namespace, held: HeldOut) -> PoseLifter:
    from kinema.body import load_body
    from kinema.models.pose_lifter.network import PoseLifter
    from kinema.training.export import load_weights
    from kinema.training.keypoint_lifter import CONFIG, POINTS
    from kinema.training.pose_lifter import FRESH_RATE, START_RATE, LifterTraining, save_lifter, train_lifter
    from kinema.training.torch_body import BodyTables

    start = load_weights(PoseLifter(CONFIG), args.start) if args.start else None
    samples = _samples(args, None, CONFIG, held=False)
    options = LifterTraining(
        minutes=args.minutes, seed=args.seed, batch=args.batch, rendered_share=0.0, uses=3, cpu_time=args.cpu_time,
        learning_rate=START_RATE if args.start else FRESH_RATE, **LIMBS,
    )  # fmt: skip
    net, history = train_lifter(
        samples.draw, BodyTables.of(load_body(), "cpu", POINTS), CONFIG, options, validate=held, start=start,
        say=lambda row: print(row, flush=True),
    )  # fmt: skip
    recipe = vars(options) | {
        "mocap": [path.name for path in args.mocap],
        "improvised": args.improvised,
        "exercises": args.exercises,
        "held_out_subjects": HELD_OUT,
        "threads": args.threads,
        "started_from": args.start.name if args.start else "",
    }
    save_lifter(net, args.out, recipe, history)
    return net


def compare(args: argparse.Namespace) -> None:
    from safetensors.torch import save_file

    from kinema.models.pose_lifter.network import PoseLifter
    from kinema.training.export import load_weights
    from kinema.training.keypoint_lifter import CONFIG, TWIN_CONFIG, train_twin
    from kinema.training.pose_lifter import LifterTraining

    held = _held(args)
    shipped = PoseLifter(CONFIG)
    shipped.load_state_dict(load_weights(shipped, args.shipped))
    print(f"the lifter that ships: {held.averaged(shipped.eval()):.1f} mm", flush=True)
    own = held.averaged(_trained(args, held))
    print(f"the lifter after {args.minutes:g} minutes: {own:.1f} mm", flush=True)
    samples = _samples(args, "coco17", TWIN_CONFIG, held=False)
    options = LifterTraining(minutes=args.minutes, seed=args.seed, batch=args.twin_batch, cpu_time=args.cpu_time)
    net, history = train_twin(samples, options, held=held, say=lambda row: print(row, flush=True))
    (args.out / "twin.json").write_text(json.dumps(history, indent=2))
    save_file(net.state_dict(), str(args.out / "twin.safetensors"))
    theirs = held.twin(net)["averaged"]
    print(f"P-STMO's network after as many: {theirs:.1f} mm; the lifter's are {100 * own / theirs:.0f} % of that")


def export(args: argparse.Namespace) -> None:
    import torch
    from safetensors.torch import load_file

    from kinema.models.pose_lifter.network import PoseLifter, PoseLifterConfig
    from kinema.training.export import export_onnx, load_weights

    meta = json.loads((args.trained / "pose_lifter.json").read_text())
    config = PoseLifterConfig(**meta["config"])
    net = PoseLifter(config)
    weights, recipe = load_file(str(args.trained / "pose_lifter.safetensors")), meta["recipe"]
    if args.start is not None:
        net.load_state_dict(weights)
        before = load_weights(net, args.start)
        weights = {name: torch.lerp(before[name], new, args.share) for name, new in weights.items()}
        recipe |= {"share_of_the_trained_weights": args.share}
    net.load_state_dict(weights)
    export_onnx(
        net, torch.zeros(1, 90, config.features), args.out, inputs="features",
        outputs=("rotations", "sigma", "betas", "up", "contacts"), free_axes={1: "frames"},
        metadata={"name": "kinema keypoint lifter", "licence": "Apache-2.0", "recipe": json.dumps(recipe)},
    )  # fmt: skip
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB, last metrics {meta['history'][-1]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    sub = commands.add_parser("pack", help="pack BVH captures")
    sub.add_argument("--bvh", type=Path, required=True, help="folder of .bvh files, SUBJECT_*.bvh")
    sub.add_argument("--out", type=Path, required=True)
    sub.set_defaults(run=pack)
    for name, run, what in (("train", train, "train the lifter"), ("compare", compare, "with P-STMO's network")):
        sub = commands.add_parser(name, help=what)
        sub.add_argument("--mocap", type=Path, nargs="+", required=True)
        sub.add_argument("--improvised", type=int, default=200, help="random motions in addition to the captured ones")
        sub.add_argument("--exercises", type=int, default=150, help="random exercises likewise")
        sub.add_argument("--windows", type=Path, required=True, help="rendered windows, for the measured errors")
        sub.add_argument("--out", type=Path, required=True)
        sub.add_argument("--minutes", type=float, default=45)
        sub.add_argument("--batch", type=int, default=768)
        sub.add_argument("--pool", type=int, default=60000, help="clean samples kept in memory")
        sub.add_argument("--threads", type=int, default=1)
        sub.add_argument("--seed", type=int, default=0)
        if run is train:
            sub.add_argument("--start", type=Path, help="weights to go on from: .safetensors, or the .onnx that ships")
        else:
            sub.add_argument("--twin-batch", type=int, default=96, help="samples of a step of P-STMO's network")
            sub.add_argument("--shipped", type=Path, default=SHIPPED, help="a lifter to score, too")
        sub.set_defaults(run=run, cpu_time=run is compare, **({} if run is train else {"start": None}))
    sub = commands.add_parser("export", help="write the ONNX file")
    sub.add_argument("--trained", type=Path, required=True)
    sub.add_argument("--start", type=Path, help="average the weights with those that training started from")
    sub.add_argument("--share", type=float, default=0.7, help="of the trained weights in that average (default: 0.7)")
    sub.add_argument("--out", type=Path, default=SHIPPED)
    sub.set_defaults(run=export)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
