"""NLF's speed: Kinema against plain eager float32, on the same weights, crops and threads, in the same run.

    python benchmarks/nlf_speed.py [--size s] [--crops 4] [--points 6914] [--repeat 3] [--threads 1]

Network: crops a second of the module as it is written (contiguous, batch norms apart, gradients off) and of
`NlfEstimator`'s form of it (folded, channels-last, weights packed, activations in the convolutions). Points: with the
reading of --points points of the body, for the plain module with all maps of a crop at once. Random weights; the time
is the same. CPU time of the process, best of --repeat in alternation. Needs the torch extra.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable

import numpy as np
import torch
from pare_speed import best
from torch_keypoints import with_random_weights

from kinema.models.nlf.facts import BOX_SIZE, HEAD, MAPS, SIZES
from kinema.models.nlf.fast.network import PIECE as PIECES
from kinema.models.nlf.fast.network import fast_network
from kinema.models.nlf.network import BodyVolume, CropModel, PointWeights, localize

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
    parser.add_argument("--repeat", type=int, default=3)
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
            weights = plain.weights_of(torch.rand(args.points, 3) - 0.5)
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

        def our_points(run: Callable = ours, weights: PointWeights = weights, side: int = side) -> list:
            with torch.inference_mode():
                return [localize(each, weights, side) for each in run()]

        runs: dict[str, Callable[[], object]] = {
            "plain": eager, "ours": ours, "plain points": eager_points, "our points": our_points
        }  # fmt: skip
        times = best(runs, args.repeat)
        a, b = torch.cat(eager()), torch.cat(ours())
        apart = float((a - b).abs().max() / a.abs().max())
        print(
            f"{name}: network {args.crops / times['plain']:.2f} crops/s plain, x{times['plain'] / times['ours']:.2f};"
            f" with {args.points} points {args.crops / times['plain points']:.2f} crops/s plain,"
            f" x{times['plain points'] / times['our points']:.2f}; features differ by {apart:.1e} of the largest"
        )


if __name__ == "__main__":
    main()
