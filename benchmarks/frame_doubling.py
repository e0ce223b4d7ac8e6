"""The speed and memory of doubling frames with RIFE 4.18: Kinema against the plain network, eager float32, in one run.

    python benchmarks/frame_doubling.py [--size 320x192] [--frames 3] [--repeat 5] [--threads 1]

Both make the frame between two frames from the same random weights; the time is the same with trained ones. Plain is
the module as it is written, contiguous, without gradients, given padded images; ours is `FrameInterpolator`, from
frames of bytes to frames of bytes. CPU time of the process, medians of --repeat turns in alternation, with the
quartiles of the ratio. Memory is that of the process at its highest while a video of --frames frames is doubled, above
what it was before. Needs the torch extra.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.timing import cpu_seconds, ratio

from kinema.models.rife.facts import MULTIPLE
from kinema.models.rife.network import RIFE
from kinema.models.rife.torch_run import FrameInterpolator
from kinema.video import Frame
from kinema.visualization.doubled_video import DoubledVideo


class Noise:
    """A video of noise."""

    def __init__(self, width: int, height: int, count: int) -> None:
        self.width, self.height, self.count = width, height, count

    def __iter__(self):
        rng = np.random.default_rng(0)
        for number in range(self.count):
            yield Frame(number, number / 30, rng.integers(0, 256, (self.height, self.width, 3), np.uint8))


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="320x192")
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(args.threads)
    width, height = map(int, args.size.split("x"))
    video = Noise(width, height, args.frames)
    plain = RIFE().eval()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flownet.pkl"
        torch.save({f"module.{key}": value for key, value in plain.state_dict().items()}, path)
        ours = FrameInterpolator(path, threads=args.threads)
    first, second = (frame.image for frame in Noise(width, height, 2))
    ours(first, second)
    before = megabytes()
    doubled = sum(1 for _ in DoubledVideo(video, np.zeros(args.frames - 1, bool), ours))
    grown = megabytes() - before
    pair = torch.from_numpy(np.stack([first, second])).permute(0, 3, 1, 2).float() / 255
    pair = torch.nn.functional.pad(pair, (0, -width % MULTIPLE, 0, -height % MULTIPLE)).contiguous()

    def eager() -> np.ndarray:
        with torch.no_grad():
            return plain(pair[:1], pair[1:])[0, :, :height, :width].permute(1, 2, 0).numpy()

    times = cpu_seconds({"plain": eager, "ours": lambda: ours(first, second)}, args.repeat)
    apart = np.abs(ours(first, second) - eager().clip(0, 1) * 255).max()
    print(
        f"{args.size}: {np.median(times['plain']):.2f} s a frame plain, {np.median(times['ours']):.2f} ours,"
        f" {ratio(times['plain'], times['ours'])}; grey levels differ by at most {apart:.2f}, rounding included;"
        f" {args.frames} frames became {doubled}, and memory rose by {grown:.0f} MB meanwhile"
    )


if __name__ == "__main__":
    main()
