"""Speed of refinement against the published implementation, on one core.

    python benchmarks/refinement.py [--frames 10000] [--repeat 3]

Averaging: the loop that collects every window's estimate of every frame, and `average_windows`. Inference: all windows
stacked, through the network in one batch, then that loop; against `slide` with the same networks in onnxruntime,
with every window and with every fourth. Needs the torch extra. SmoothNet has the sizes of the authors' 3DPW checkpoint
and of the larger ones; weights are random, which does not affect the speed. CPU time of the process; best of --repeat.
The whole-clip batch of 10 000 frames needs about 4 GiB.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from kinema.models.smoothnet.numpy_run import NumpySmoothNet
from kinema.models.smoothnet.onnx_run import OnnxSmoothNet
from kinema.temporal.windows import average_windows, slide

COORDINATES = 51


def best(function: Callable[[], Any], repeat: int) -> float:
    """Shortest CPU seconds of a call."""
    shortest = np.inf
    for _ in range(repeat):
        start = time.process_time()
        function()
        shortest = min(shortest, time.process_time() - start)
    return float(shortest)


def naive_average(windows: Any, stack: Callable[[list[Any]], Any]) -> Any:
    """The published loop: a list per frame, a mean per list. stack: for tensors or arrays."""
    count, window = windows.shape[:2]
    estimates: list[list[Any]] = [[] for _ in range(count + window - 1)]
    for i in range(count):
        for j in range(window):
            estimates[i + j].append(windows[i, j])
    return stack([stack(each).mean(0) for each in estimates])


def averaging(frames: int, repeat: int) -> None:
    import torch

    rng = np.random.default_rng(0)
    print(f"averaging the windows of {frames} frames, {COORDINATES} coordinates, milliseconds")
    for window in (8, 16, 32, 64):
        windows = rng.normal(size=(frames - window + 1, window, COORDINATES)).astype(np.float32)
        tensors = torch.from_numpy(windows)
        loop = best(lambda: naive_average(tensors, torch.stack), 1)  # noqa: B023
        arrays = best(lambda: naive_average(windows, np.stack), 1)  # noqa: B023
        kinema = best(lambda: average_windows(windows), max(7, repeat))  # noqa: B023
        print(
            f"  window {window:2d}: loop over tensors (as published) {1e3 * loop:7.1f}, over arrays "
            f"{1e3 * arrays:7.1f}, Kinema {1e3 * kinema:6.2f}: "
            f"{loop / kinema:5.0f} and {arrays / kinema:5.0f} times as fast"
        )


def smoothnet_tensors(window: int, inner: int, blocks: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"encoder.0": (512, window), "decoder": (window, 512)}
    for i in range(blocks):
        shapes |= {f"res_blocks.{i}.linear1": (inner, 512), f"res_blocks.{i}.linear2": (512, inner)}
    tensors = {}
    for name, shape in shapes.items():
        tensors[f"{name}.weight"] = (rng.normal(size=shape) / np.sqrt(shape[1])).astype(np.float32)
        tensors[f"{name}.bias"] = np.zeros(shape[0], np.float32)
    return tensors


def smoothnet(frames: int, repeat: int) -> None:
    import torch

    from kinema.models.smoothnet.network import SmoothNet

    clip = np.random.default_rng(0).normal(size=(frames, COORDINATES)).astype(np.float32)
    print(f"SmoothNet on {frames} frames, seconds")
    for window, inner, blocks in ((8, 16, 1), (32, 16, 1), (32, 128, 5)):
        tensors = smoothnet_tensors(window, inner, blocks)
        net = SmoothNet.from_tensors({name: torch.from_numpy(value) for name, value in tensors.items()})
        ours = OnnxSmoothNet(NumpySmoothNet.from_tensors(tensors))

        def published(net=net, window=window) -> Any:
            stacked = np.stack([clip[i : i + window] for i in range(frames - window + 1)])
            with torch.no_grad():
                out = net(torch.from_numpy(stacked).permute(0, 2, 1)).permute(0, 2, 1)
            return naive_average(out, torch.stack)

        slow, fast = best(published, repeat), best(lambda: slide(clip, window, ours), repeat)  # noqa: B023
        sparse = best(lambda: slide(clip, window, ours, step=4), repeat)  # noqa: B023
        _line(f"window {window}, {blocks} blocks of {inner}", slow, fast, sparse)


def synsp(frames: int, repeat: int) -> None:
    import torch

    from kinema.models.synsp.network import SynSP
    from kinema.models.synsp.onnx_run import OnnxSynSP
    from kinema.models.synsp.sizes import SynSPSizes

    torch.manual_seed(0)
    net = SynSP(SynSPSizes(COORDINATES)).eval()
    ours = OnnxSynSP({name: value.numpy() for name, value in net.state_dict().items()}, "random")
    clip = np.random.default_rng(0).normal(size=(frames, COORDINATES)).astype(np.float32)

    def published() -> Any:
        stacked = np.stack([clip[i : i + 8] for i in range(frames - 7)])
        with torch.no_grad():
            return naive_average(net(torch.from_numpy(stacked)).final, torch.stack)

    slow, fast = best(published, repeat), best(lambda: slide(clip, 8, ours), repeat)
    sparse = best(lambda: slide(clip, 8, ours, step=4), repeat)
    print(f"SynSP on {frames} frames, seconds")
    _line("window 8", slow, fast, sparse)


def _line(what: str, slow: float, fast: float, sparse: float) -> None:
    print(
        f"  {what:27s} published {slow:7.2f}  Kinema {fast:7.2f}  ratio {slow / fast:5.1f}"
        f"   every fourth window {sparse:6.2f}  ratio {slow / sparse:5.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    averaging(args.frames, args.repeat)
    smoothnet(args.frames, args.repeat)
    synsp(args.frames, args.repeat)


if __name__ == "__main__":
    main()
