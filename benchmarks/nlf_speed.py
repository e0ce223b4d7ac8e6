"""NLF's speed: Kinema against plain eager float32, on the same weights, crops and threads, in the same run.

    python benchmarks/nlf_speed.py [--size s] [--crops 4] [--points 6914] [--repeat 9] [--threads 1]

Network: crops a second of the module as it is written (contiguous, batch norms apart, gradients off) and of
`NlfEstimator`'s form of it (folded, channels-last, weights packed, activations in the convolutions). Points: with the
reading of --points points of the body: the plain module with the points' own weights and all maps of a crop at once,
ours with their codes, as `NlfEstimator` reads them. Random weights; the time
is the same. CPU time of the process; the forms alternate, and the ratios are medians of --repeat turns, with the
quartiles in brackets. Needs the torch extra.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.timing import cpu_seconds, ratio
from benchmarks.torch_keypoints import with_random_weights

from kinema.models.nlf.facts import BOX_SIZE, HEAD, MAPS, SIZES
from kinema.models.nlf.fast.network import PIECE as PIECES
from kinema.models.nlf.fast.network import fast_network
from kinema.models.nlf.network import BodyVolume, CropModel
from kinema.models.nlf.point_network import PointCodes, PointWeights, localize

PIECE = PIECES["cpu"]


def read_plainly(features: torch.Tensor, weights: PointWeights) -> torch.Tensor:
    """What `localize` reads of every point, (B,N,5), with all maps of a crop at once."""
    height, width = features.shape[2:]
    logits = torch.einsum("bchw,nmc->bnmhw", features, weights.weight) + weights.bias[None, :, :, None, None]
    heat = logits[:, :, 2:].flatten(2).softmax(dim=-1).unflatten(-1, (MAPS - 2, height, width))
    flat = logits[:, :, 1].flatten(2).softmax(dim=-1).unflatten(-1, (height, width))
    x, y, z = (torch.linspace(0, 1, count) for count in (width, height, MAPS - 2))
    plane = heat.sum(dim=2)
    uncertainty = torch.nn.functional.softplus((logits[:, :, 0] * plane).sum(dim=(2, 3)))
    parts = [
        (plane.sum(dim=2) * x).sum(dim=-1), (plane.sum(dim=3) * y).sum(dim=-1),
        (heat.sum(dim=(3, 4)) * z).sum(dim=-1) * BOX_SIZE, (flat.sum(dim=2) * x).sum(dim=-1), uncertainty,
    ]  # fmt: skip
    return torch.stack(parts, dim=-1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=sorted(SIZES), action="append")
    parser.add_argument("--crops", type=int, default=4)
    parser.add_argument("--points", type=int, default=6914)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for name in args.size or sorted(SIZES, reverse=True):
        side = SIZES[name].side
        plain = with_random_weights(CropModel(name))
        for each in plain.modules():  # blocks with a way around them add up: keep their sum near one
            if isinstance(each, torch.nn.BatchNorm2d):
                each.weight.fill_(0.5)
        plain.volume = BodyVolume(-torch.ones(3), torch.ones(3), torch.ones(1024))
        fast = fast_network(copy.deepcopy(plain), "cpu", args.threads)
        crops = torch.from_numpy(np.random.default_rng(0).random((args.crops, 3, side, side), dtype=np.float32))
        with torch.inference_mode():
            points = torch.rand(args.points, 3) - 0.5
            weights, codes = plain.weights_of(points), plain.codes_of(points)
        assert weights.weight.shape == (args.points, MAPS, HEAD)

        def eager(net: torch.nn.Module = plain, crops: torch.Tensor = crops) -> list[torch.Tensor]:
            with torch.no_grad():
                return [net(each) for each in crops.split(PIECE)]

        def ours(net: torch.nn.Module = fast, crops: torch.Tensor = crops) -> list[torch.Tensor]:
            with torch.inference_mode():
                return [net(each.contiguous(memory_format=torch.channels_last)) for each in crops.split(PIECE)]

        def eager_points(run: Callable = eager, weights: PointWeights = weights) -> list[torch.Tensor]:
            with torch.no_grad():
                return [read_plainly(each, weights) for each in run()]

        def our_points(run: Callable = ours, codes: PointCodes = codes, side: int = side) -> list:
            with torch.inference_mode():
                return [localize(each, codes, side) for each in run()]

        runs: dict[str, Callable[[], object]] = {
            "plain": eager, "ours": ours, "plain points": eager_points, "our points": our_points
        }  # fmt: skip
        times = cpu_seconds(runs, args.repeat)
        a, b = torch.cat(eager()), torch.cat(ours())
        apart = float((a - b).abs().max() / a.abs().max())
        print(
            f"{name}: network {args.crops / np.median(times['plain']):.2f} crops/s plain,"
            f" {ratio(times['plain'], times['ours'])}; with {args.points} points"
            f" {args.crops / np.median(times['plain points']):.2f} crops/s plain,"
            f" {ratio(times['plain points'], times['our points'])}; features differ by {apart:.1e} of the largest",
            flush=True,
        )


if __name__ == "__main__":
    main()
