"""Speed of lifting against the authors' evaluation loops, with the same weights, on one core.

    python benchmarks/lifting.py [--frames 10000] [--repeat 2] [--lifter videopose3d pstmo]

Theirs, as in their programs for ordinary video: VideoPose3D takes the whole clip and its mirror image as one batch;
P-STMO takes a window for each frame, 128 windows and their mirror images at once, through the whole network, whose
attention is the product of two matrices, a softmax and another product (torch had nothing else when it was published).
Both are torch modules that compute what the authors' do (tests/models). Ours: `lift_clip` with the same numbers as a
result.
Beside them, the time that the published network's multiplications and additions take at the speed of a large product of
matrices, which is the core's greatest: nothing that does all of them is faster. Needs the torch extra. CPU time of the
process; best of --repeat.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from kinema.lifting.inputs import mirrored
from kinema.lifting.lifting import lift_clip
from kinema.models.pstmo import sizes as pstmo
from kinema.models.pstmo.lifter import open_lifter as open_pstmo
from kinema.models.pstmo.lifter import window_places
from kinema.models.videopose3d import sizes as videopose3d
from kinema.models.videopose3d.lifter import open_lifter as open_videopose3d
from kinema.pipeline.threads import one_blas_thread
from kinema.skeleton import COCO17, H36M17


def best(function: Callable[[], Any], repeat: int) -> tuple[float, Any]:
    """Shortest CPU seconds of a call, and what it returns."""
    shortest, result = np.inf, None
    for _ in range(repeat):
        start = time.process_time()
        result = function()
        shortest = min(shortest, time.process_time() - start)
    return float(shortest), result


def tensors_of(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Random weights that keep values near one."""
    rng = np.random.default_rng(0)
    return {
        key: np.ones(shape) if key.endswith("running_var") or (len(shape) == 1 and key.endswith(("weight", "a_2")))
        else rng.normal(size=shape) / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 and "embedding" not in key
        else 0.02 * rng.normal(size=shape)
        for key, shape in shapes.items()
    }  # fmt: skip


def published_operations(sizes: videopose3d.VideoPose3DSizes | pstmo.PSTMOSizes) -> float:
    """Multiplications and additions for each frame, its mirror image included: in products with weights, and in
    attention."""
    if isinstance(sizes, videopose3d.VideoPose3DSizes):
        weights = videopose3d.expected_shapes(sizes).values()
        return 2.0 * 2 * sum(float(np.prod(shape)) for shape in weights if len(shape) == 3)
    d, inner, length = sizes.width, sizes.inner, sizes.frames
    spatial = sizes.spatial * (2 * sizes.joints_in + 2 * sizes.spatial + d)
    attention = [length] * (sizes.layers + 1) + [
        length // math.prod(sizes.strides[:i]) for i in range(1, len(sizes.strides))
    ]
    total = length * spatial + sum(n * (4 * d * d + 2 * n * d) for n in attention)
    total += sizes.layers * length * 2 * d * inner
    for i, stride in enumerate(sizes.strides):
        now = length // math.prod(sizes.strides[:i])
        total += now * d * inner + now // stride * 3 * d * inner
    return 2.0 * 2 * total


def product_speed(repeat: int) -> float:
    """Operations per second of a large product of matrices on one core."""
    a, b = np.ones((2048, 1024), np.float32), np.ones((1024, 1024), np.float32)
    seconds, _ = best(one_blas_thread(lambda: [a @ b for _ in range(20)]), repeat + 2)
    return 20 * 2.0 * 2048 * 1024 * 1024 / seconds


def both(clip: np.ndarray) -> np.ndarray:
    """(2, F, 17, 2): the clip and its mirror image."""
    return np.stack([clip, mirrored(clip, COCO17)]).astype(np.float32)


def merged(joints: np.ndarray) -> np.ndarray:
    """The mean of joints (2, F, 17, 3) and the second's mirror image."""
    return np.asarray((joints[0] + mirrored(joints[1], H36M17)) / 2)


def videopose3d_as_published(net: Any, clip: np.ndarray) -> np.ndarray:
    import torch

    pad = (net.sizes.receptive_field - 1) // 2
    with torch.no_grad():
        padded = np.pad(both(clip), ((0, 0), (pad, pad), (0, 0), (0, 0)), mode="edge")
        return merged(net(torch.from_numpy(padded)).numpy())


def published_attention(layer: Any, x: Any) -> Any:
    """The attention of a layer of P-STMO on (B, T, d), step by step: Vaswani et al. 2017, equation 1."""
    q, k, v = (linear(x).unflatten(-1, (pstmo.HEADS, -1)).transpose(1, 2) for linear in layer.linears[:3])
    weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-1)
    return layer.linears[3]((weights @ v).transpose(1, 2).flatten(-2))


def pstmo_as_published(net: Any, clip: np.ndarray) -> np.ndarray:
    import torch

    places = window_places(net.sizes.frames, 1)
    clips, parts = both(clip), []
    with torch.no_grad():
        for first in range(0, len(clip), 128):
            frames = np.arange(first, min(first + 128, len(clip)))
            windows = clips[:, np.clip(frames[:, None] + places, 0, len(clip) - 1)]
            parts.append(merged(np.stack([net(torch.from_numpy(part)).middle.numpy() for part in windows])))
    return np.concatenate(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=10000)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--lifter", nargs="+", default=["videopose3d", "pstmo"], choices=("videopose3d", "pstmo"))
    args = parser.parse_args()
    import torch

    from kinema.models.pstmo.network import PSTMO, Attention
    from kinema.models.videopose3d.network import VideoPose3D

    torch.set_num_threads(1)
    clip = np.random.default_rng(1).normal(size=(args.frames, 17, 2)).astype(np.float32)
    subjects = {
        "videopose3d": (
            "VideoPose3D, 243 frames", videopose3d, videopose3d.VideoPose3DSizes(17, 17, 1024, (3,) * 5), VideoPose3D,
            videopose3d_as_published, open_videopose3d,
        ),
        "pstmo": (
            "P-STMO-S, 243 frames", pstmo, pstmo.PSTMOSizes(243), PSTMO, pstmo_as_published, open_pstmo,
        ),
    }  # fmt: skip
    speed = product_speed(args.repeat)
    for key in args.lifter:
        name, about, sizes, module, published, opened = subjects[key]
        shapes = about.expected_shapes(sizes)
        tensors = tensors_of(shapes)
        counters = {f"{k[:-12]}num_batches_tracked": np.zeros((), np.int64) for k in shapes if "running_mean" in k}
        given = {k: torch.from_numpy(np.asarray(v)) for k, v in (tensors | counters).items()}
        net = module.from_tensors({k: v.float() if v.is_floating_point() else v for k, v in given.items()})
        for layer in net.modules():
            if isinstance(layer, Attention):
                layer.forward = partial(published_attention, layer)
        ours = opened({k: v.astype(np.float32) for k, v in tensors.items()}, name)
        theirs, want = best(lambda: published(net, clip), args.repeat)  # noqa: B023
        own, found = best(one_blas_thread(lambda: lift_clip(ours, clip, COCO17)), args.repeat)  # noqa: B023
        apart = np.abs(found - want).max() / np.abs(want).max()
        print(
            f"{name}: {args.frames} frames, as published {theirs:.1f} s, Kinema {own:.1f} s:"
            f" {theirs / own:.2f} times as fast; results differ by {apart:.1e} of the largest value"
        )
        least = args.frames * published_operations(sizes) / speed
        print(
            f"{name}: all of the published operations, at the {speed / 1e9:.0f} GFLOP/s of a product of matrices, take"
            f" {least:.1f} s, {theirs / least:.2f} times as fast as published"
        )


if __name__ == "__main__":
    main()
