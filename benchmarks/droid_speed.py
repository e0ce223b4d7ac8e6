"""DROID-SLAM's speed: Kinema against plain eager float32, on the same weights, edges and threads, in the same run.

    python benchmarks/droid_speed.py [--size 384x512] [--frames 6] [--repeat 3] [--threads 1]

Encoders: features of an image. Look: the operator on every edge between frames at most three apart, with the
correlations that it reads from products of all pairs of pixels, which are made once for an edge and not counted; plain
is the module as it is written, contiguous, with torch's sampling. Adjustment: three rounds over all these frames; plain
writes every derivative of both cameras and the whole matrix between poses and disparities. Step: a look and an
adjustment, as the frontend does them. Random weights; the time is the same. CPU time of the process, best of --repeat
in alternation; differences are of equal inputs. Needs the torch extra.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.timing import cpu_seconds
from benchmarks.torch_keypoints import with_random_weights

from kinema.camera.slam.adjustment import Damping, Sightings, adjusted
from kinema.camera.slam.correlation import compared, products, pyramid
from kinema.camera.slam.poses import adjoint, exp, retracted, turned
from kinema.camera.slam.projection import moves, pixels, rays, reprojected
from kinema.camera.slam.proximity import neighbours
from kinema.models.droid.facts import LEVELS, RADIUS, SHRINK, SPAN
from kinema.models.droid.network import DroidNet, normalised
from kinema.models.droid.torch_run import DroidRun

LOOKED_AT = 4
"""Edges that the operator is given together."""


def volumes(first: Tensor, second: Tensor) -> list[Tensor]:
    """Products of all pairs of pixels (E*P,1,h,w) at every resolution of the second features (E,C,h,w)."""
    edges, channels, height, width = first.shape
    product = torch.matmul(first.view(edges, channels, -1).transpose(1, 2) / 4, second.view(edges, channels, -1) / 4)
    levels = [product.view(edges * height * width, 1, height, width)]
    for _ in range(LEVELS - 1):
        levels.append(F.avg_pool2d(levels[-1], 2))
    return levels


def read_plainly(levels: list[Tensor], places: Tensor) -> Tensor:
    """Correlations (E,196,h,w) around places (E,h,w,2), by torch's sampling of every point."""
    edges, height, width, _ = places.shape
    step = torch.arange(-RADIUS, RADIUS + 1.0)
    offset = torch.stack(torch.meshgrid(step, step, indexing="ij"), -1)
    out = []
    for number, level in enumerate(levels):
        at = places.reshape(-1, 1, 1, 2) / 2**number + offset
        high, wide = level.shape[2:]
        at = 2 * at / torch.tensor([wide - 1.0, high - 1.0]) - 1
        out.append(F.grid_sample(level, at, align_corners=True).view(edges, height, width, SPAN * SPAN))
    return torch.cat(out, -1).permute(0, 3, 1, 2).contiguous()


def adjust_plainly(
    poses: Tensor, disparities: Tensor, lens: Tensor, seen: Sightings, eta: Tensor, window: tuple[int, int], rounds: int
) -> tuple[Tensor, Tensor]:
    """`kinema.camera.slam.adjustment.adjusted` with every derivative and the whole matrix written out."""
    first, last = window
    count, frames = last - first, len(poses)
    height, width = disparities.shape[1:]
    area = height * width
    poses, disparities = poses.clone(), disparities.clone()
    for _ in range(rounds):
        motion = moves(poses, seen.start, seen.end)
        disparity = disparities[seen.start]
        point = turned(motion[:, None, None, 3:], rays(height, width, lens))
        point = point + motion[:, None, None, :3] * disparity[..., None]
        x, y, z = point.unbind(-1)
        d = torch.where(z < 0.25, torch.zeros_like(z), 1 / z)
        h, none = disparity, torch.zeros_like(d)
        later = torch.stack([
            torch.stack([h * d, none, -x * h * d**2, -x * y * d**2, 1 + x**2 * d**2, -y * d], -1) * lens[0],
            torch.stack([none, h * d, -y * h * d**2, -1 - y**2 * d**2, x * y * d**2, x * d], -1) * lens[1],
        ], -2)  # fmt: skip
        earlier = -torch.einsum("ehwcj,ejk->ehwck", later, adjoint(motion))
        t = motion[:, None, None, :3]
        depth = torch.stack([
            lens[0] * (t[..., 0] * d - t[..., 2] * x * d**2), lens[1] * (t[..., 1] * d - t[..., 2] * y * d**2)
        ], -1)  # fmt: skip
        missed = seen.target - torch.stack([lens[0] * x * d + lens[2], lens[1] * y * d + lens[3]], -1)
        share = torch.where((z < 0.25)[..., None], 0.0, 1e-3 * seen.weight)
        system, wish = torch.zeros(frames, frames, 6, 6), torch.zeros(frames, 6)
        cross = torch.zeros(frames, 6, frames, area)
        weight, pull = eta.reshape(frames, area).clone(), torch.zeros(frames, area)
        for edge, (i, j) in enumerate(zip(seen.start.tolist(), seen.end.tolist(), strict=True)):
            for row, a in ((i, earlier[edge]), (j, later[edge])):
                for column, b in ((i, earlier[edge]), (j, later[edge])):
                    system[row, column] += torch.einsum("hwc,hwcm,hwcn->mn", share[edge], a, b)
                wish[row] += torch.einsum("hwc,hwcm,hwc->m", share[edge], a, missed[edge])
                cross[row, :, i] += torch.einsum("hwc,hwcm,hwc->mhw", share[edge], a, depth[edge]).view(6, area)
            weight[i] += (share[edge] * depth[edge] ** 2).sum(-1).view(area)
            pull[i] += (share[edge] * depth[edge] * missed[edge]).sum(-1).view(area)
        matrix = system[first:last, first:last].transpose(1, 2).reshape(6 * count, 6 * count)
        known = cross[first:last].reshape(6 * count, -1)
        scaled = known / weight.view(1, -1)
        matrix = (matrix - scaled @ known.T).double()
        matrix = matrix + torch.diag(0.1 + 1e-4 * matrix.diagonal())
        right = (wish[first:last].reshape(-1) - scaled @ pull.view(-1)).double()
        step = torch.cholesky_solve(right[:, None], torch.linalg.cholesky(matrix)).float().view(count, 6)
        told = step.clone()
        told[0] = 0
        disparities = disparities + ((pull.view(-1) - known.T @ told.view(-1)) / weight.view(-1)).view_as(disparities)
        poses[first:last] = retracted(step, poses[first:last])
    return poses, disparities.clamp(min=1e-3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="384x512")
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    high, wide = (int(side) for side in args.size.split("x"))
    height, width = high // SHRINK, wide // SHRINK
    plain = with_random_weights(DroidNet())
    for each in plain.fnet.modules():
        if hasattr(each, "norm"):
            each.norm = torch.nn.InstanceNorm2d(each.conv1.out_channels)
        if getattr(each, "downsample", None) is not None:
            each.downsample[1] = torch.nn.InstanceNorm2d(each.conv1.out_channels)
    ours = DroidNet()
    ours.load_state_dict(plain.state_dict())
    fast = DroidRun(ours.eval(), (high, wide), device="cpu", threads=args.threads)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (high, wide, 3), dtype=np.uint8)
    given = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[::-1]))[None]

    torch.manual_seed(0)
    frames = args.frames
    lens = torch.tensor([0.6 * width, 0.6 * width, width / 2, height / 2])
    poses = exp(torch.randn(frames, 6) * 0.02 + torch.arange(frames)[:, None] * torch.tensor([0.05, 0, 0, 0, 0, 0]))
    disparities = 0.5 + torch.rand(frames, height, width)
    start, end = (torch.tensor(each) for each in zip(*neighbours(frames, 3), strict=True))
    places, _ = reprojected(poses, disparities, lens, start, end)
    features, state, context = (torch.randn(frames, 128, height, width) for _ in range(3))
    state, context = state.tanh(), context.relu()
    last = [each.contiguous(memory_format=torch.channels_last) for each in (state, context)]
    motion = torch.cat([places - pixels(height, width), torch.randn_like(places)], -1).permute(0, 3, 1, 2).contiguous()
    seen = Sightings(start, end, places + 0.3 * torch.randn_like(places), torch.rand_like(places))
    eta = 1e-3 + 0.01 * torch.rand(frames, height, width)
    chunks = torch.arange(len(start)).split(LOOKED_AT)
    made = [volumes(features[start[rows]], features[end[rows]]) for rows in chunks]
    kept = [[level.half() for level in products(features[start[r]], pyramid(features[end[r]]))] for r in chunks]

    def look_plainly() -> list[Tensor]:
        out = []
        with torch.no_grad():
            for rows, levels in zip(chunks, made, strict=True):
                found = read_plainly(levels, places[rows])
                updated = plain.update(state[start[rows]], context[start[rows]], found, motion[rows], start[rows])
                out.append(updated.delta)
        return out

    def look() -> list[Tensor]:
        out = []
        with torch.inference_mode():
            for rows, levels in zip(chunks, kept, strict=True):
                sources, group = torch.unique(start[rows], return_inverse=True)
                found = compared(levels, places[rows])
                out.append(fast.look(last[0][start[rows]], last[1][sources], found, motion[rows], group).delta)
        return out

    def adjust_ours() -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            return adjusted(poses, disparities, lens, seen, eta, (1, frames), rounds=3, damping=Damping())

    def adjust() -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            return adjust_plainly(poses, disparities, lens, seen, eta, (1, frames), 3)

    def encode() -> Tensor:
        with torch.no_grad():
            features: Tensor = plain.fnet(normalised(given))[0]
            return features

    def encode_ours() -> Tensor:
        with torch.inference_mode():
            return fast.features(image)

    parts: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "encoder": (encode, encode_ours), "look": (look_plainly, look), "adjustment": (adjust, adjust_ours)
    }  # fmt: skip
    times = {}
    for name, (theirs, ours) in parts.items():
        taken = cpu_seconds({"plain": theirs, "ours": ours}, args.repeat)
        times[name] = {which: each.min() for which, each in taken.items()}
        a, b = (torch.cat([torch.as_tensor(each).flatten() for each in run()]) for run in (theirs, ours))
        print(
            f"{name}: {times[name]['plain']:.3f} s plain, {times[name]['ours']:.3f} s ours,"
            f" x{times[name]['plain'] / times[name]['ours']:.2f}; differ by {float((a - b).abs().max()):.1e}"
            f" of {float(a.abs().max()):.3g}"
        )
    whole = {kind: times["look"][kind] + times["adjustment"][kind] for kind in ("plain", "ours")}
    print(
        f"step of {len(start)} edges at {args.size}: {whole['plain']:.2f} s plain, {whole['ours']:.2f} s ours,"
        f" x{whole['plain'] / whole['ours']:.2f}; {1e3 * whole['ours'] / len(start):.0f} ms an edge"
    )


if __name__ == "__main__":
    main()
