"""PARE's speed: Kinema against a plain implementation, on the same weights, images and threads, in the same run.

    python benchmarks/pare_speed.py [--checkpoint FILE] [--images 16] [--repeat 3] [--threads 1] [--precision bfloat16]

Network: images per second of the same network run eagerly as in the original (contiguous float32, unfused batch norms,
batches of 16, gradients off) and of `PareEstimator`; the largest differences of their outputs. Crops:
normalised crops per second of the original's procedure for every person and frame (read the frame's image, copy it,
warp, to float, normalise, channels first) and of `crop_batches`. Without a checkpoint the weights are random: the
time is the same. Times are CPU time of the process, best of `--repeat`, in alternation.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.timing import cpu_seconds

from kinema.models.imagenet import MEAN, STD
from kinema.models.pare.crops import crop_affine, crop_batches, normalized
from kinema.models.pare.network import PareNetwork, load_pare
from kinema.models.pare.torch_run import PareEstimator
from kinema.storage.checkpoints import load_torch_checkpoint

BATCH = 16


def network_speed(checkpoint: Path, args: argparse.Namespace) -> None:
    plain = load_pare(load_torch_checkpoint(checkpoint), str(checkpoint))
    ours = {"float32": PareEstimator(checkpoint, device="cpu", threads=args.threads)}
    for precision in args.precision or ():
        ours[precision] = PareEstimator(checkpoint, device="cpu", precision=precision, threads=args.threads)
    images = np.random.default_rng(0).normal(size=(args.images, 3, 224, 224)).astype(np.float32)
    batches = torch.from_numpy(images).split(BATCH)
    last = np.ascontiguousarray(images.transpose(0, 2, 3, 1))

    def eager() -> list:
        with torch.no_grad():
            return [plain(batch) for batch in batches]

    runs: dict[str, Callable[[], object]] = {"plain": eager}
    for name, estimator in ours.items():
        runs[name] = lambda estimator=estimator: estimator.run(last)
    times = {name: each.min() for name, each in cpu_seconds(runs, args.repeat).items()}
    reference = eager()
    truth = {
        key: torch.cat([getattr(out, key) for out in reference]).numpy() for key in ("rotations", "betas", "camera")
    }
    print(f"network, {args.images} images, {args.threads} thread(s)")
    for name, seconds in times.items():
        line = f"  {name:9} {args.images / seconds:6.2f} images/s   x{times['plain'] / seconds:.2f}"
        if name != "plain":
            answer = ours[name].run(last)
            gaps = (f"{key} {np.abs(getattr(answer, key) - value).max():.1e}" for key, value in truth.items())
            line += "   largest difference: " + ", ".join(gaps)
        print(line)


def crop_speed(args: argparse.Namespace) -> None:
    """30 1080p frames with two people each."""
    rng = np.random.default_rng(1)
    frames, box = 30, np.array([900.0, 520.0, 700.0, 700.0])
    small = rng.integers(0, 255, (frames, 135, 240, 3), dtype=np.uint8)
    images = [cv2.resize(one, (1920, 1080), interpolation=cv2.INTER_LINEAR) for one in small]
    tracks = {id: (np.arange(frames), box + rng.normal(0, 5, (frames, 1)) * [1, 1, 0, 0]) for id in (1, 2)}
    with tempfile.TemporaryDirectory() as folder:
        for number, image in enumerate(images):
            cv2.imwrite(f"{folder}/{number:06d}.png", image)

        def original(read: bool) -> None:
            for _, boxes in tracks.values():
                for number in range(frames):
                    if read:
                        image = cv2.cvtColor(cv2.imread(f"{folder}/{number:06d}.png"), cv2.COLOR_BGR2RGB)
                    else:
                        image = images[number]
                    cut = cv2.warpAffine(image.copy(), crop_affine(boxes[number]), (224, 224), flags=cv2.INTER_LINEAR)
                    tensor = torch.from_numpy(np.ascontiguousarray(cut.transpose(2, 0, 1))).float().div(255)
                    tensor.sub_(torch.tensor(MEAN)[:, None, None]).div_(torch.tensor(STD)[:, None, None])

        def ours() -> None:
            for batch in crop_batches(iter(images), tracks, batch=BATCH):
                normalized(batch.crops)

        runs: dict[str, Callable[[], object]] = {
            "original": lambda: original(True), "without reading": lambda: original(False), "kinema": ours
        }  # fmt: skip
        times = {name: each.min() for name, each in cpu_seconds(runs, args.repeat).items()}
    count = 2 * frames
    print(f"crops, {count} of 1080p frames")
    for name, seconds in times.items():
        print(f"  {name:16} {count / seconds:7.0f} crops/s   Kinema x{seconds / times['kinema']:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", action="append", choices=("bfloat16", "float16"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = args.checkpoint
        if checkpoint is None:
            checkpoint = Path(folder) / "random.ckpt"
            torch.manual_seed(0)
            torch.save({"state_dict": PareNetwork().state_dict()}, checkpoint)
        network_speed(checkpoint, args)
    crop_speed(args)


if __name__ == "__main__":
    main()
