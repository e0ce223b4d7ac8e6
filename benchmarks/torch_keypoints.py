"""Speed of HRNet, FastPose and YOLOv3: as Kinema runs them against plain torch, same weights, images and threads.

    python benchmarks/torch_keypoints.py [--repeat 5] [--threads 1]

Plain: the module as its authors run it, one crop (FastPose: and its mirror image) or one letterboxed square of a
1920 x 1080 image at a time, contiguous, gradients off. Kinema: batch norms folded, channels-last, weights packed;
YOLOv3 sees no more of the square than the image needs. Random weights; the time is the same. CPU time of the process,
best of --repeat in alternation. The largest differences are those for equal inputs. Needs the torch extra.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.timing import cpu_seconds

from kinema.models.alphapose.network import FastPose
from kinema.models.hrnet.network import PoseNetwork
from kinema.models.hrnet.pose import SIZES, WIDTHS
from kinema.models.torch_inference import prepared, run
from kinema.models.yolov3.detections import letterbox_of
from kinema.models.yolov3.network import YoloV3
from kinema.models.yolov3.torch_run import SIZES as YOLO_SIZES


def with_random_weights(net: nn.Module) -> nn.Module:
    """Weights that keep activations near one, and norms that do something."""
    generator = torch.Generator().manual_seed(0)
    for name, value in net.state_dict().items():
        if value.dim() > 1:
            value.normal_(0, (1.5 / value[0].numel()) ** 0.5, generator=generator)
        elif name.endswith("running_var"):
            value.uniform_(0.7, 1.3, generator=generator)
        elif name.endswith(("bias", "running_mean")):
            value.normal_(0, 0.05, generator=generator)
    return net.eval().requires_grad_(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    subjects: dict[str, tuple[nn.Module, tuple[int, ...], tuple[int, ...]]] = {}
    for name, width in WIDTHS.items():
        shape = (1, 3, *SIZES[name][::-1])
        subjects[name] = (PoseNetwork(width), shape, shape)
    subjects["alphapose"] = (FastPose(), (2, 3, 320, 256), (2, 3, 320, 256))
    for name, size in YOLO_SIZES.items():
        cut = letterbox_of(1920, 1080, size, square=False).size
        subjects[name] = (YoloV3(name), (1, 3, size, size), (1, 3, cut[1], cut[0]))
    for name, (net, theirs, ours) in subjects.items():
        plain = with_random_weights(net)
        fast = prepared(copy.deepcopy(plain), theirs, threads=args.threads)
        rng = np.random.default_rng(0)
        whole = rng.random(theirs, dtype=np.float32)
        part = np.ascontiguousarray(whole[:, :, : ours[2], : ours[3]])

        def eager(net: nn.Module = plain, images: np.ndarray = whole) -> torch.Tensor:
            with torch.no_grad():
                return net(torch.from_numpy(images))

        runs: dict[str, Callable[[], object]] = {
            "plain": eager, "prepared": lambda fast=fast, whole=whole: run(fast, whole)
        }  # fmt: skip
        if ours != theirs:
            runs["cut"] = lambda fast=fast, part=part: run(fast, part)
        times = {way: each.min() for way, each in cpu_seconds(runs, args.repeat).items()}
        # Of YOLOv3 without the sides of boxes, which are exponentials.
        rows = slice(4, None) if name in YOLO_SIZES else slice(None)
        found, expected = run(fast, whole)[..., rows], eager().numpy()[..., rows]
        apart = np.abs(found - expected).max() / np.abs(expected).max()
        words = f"plain {times['plain'] * 1000:.0f} ms, prepared x{times['plain'] / times['prepared']:.2f}"
        if "cut" in times:
            words += f", and as large as the image needs x{times['plain'] / times['cut']:.2f}"
        print(f"{name}: {words}; results differ by {apart:.1e} of the largest value")


if __name__ == "__main__":
    main()
