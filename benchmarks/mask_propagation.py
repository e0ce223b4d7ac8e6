"""What a frame costs STCN, by how many it has seen, and what it remembers of them.

    python benchmarks/mask_propagation.py [--memory 4] [--frames 24] [--size 128x96] [--people 2]

Weights drawn at random, which change no cost. For each eighth of the clip: seconds a frame over those of the first
eighth after the memory is full, and the memory's size in MB. Neither may grow from there on.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from kinema.commands._tables import print_table
from kinema.models.stcn.network import STCN
from kinema.models.stcn.torch_run import Propagation


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", type=int, default=4, help="frames that are remembered at most")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--size", default="128x96", help="width x height of the frames")
    parser.add_argument("--people", type=int, default=2)
    args = parser.parse_args()
    width, height = (int(side) for side in args.size.split("x"))
    random = np.random.default_rng(0)
    run = Propagation(STCN().eval().requires_grad_(False), args.people, height, width, memory=args.memory)
    image = random.integers(0, 255, (height, width, 3)).astype(np.uint8)
    masks = np.zeros((args.people, height, width), np.float32)
    for number, mask in enumerate(masks):
        mask[:, number * 30 : number * 30 + 20] = 1
    run.show(image, masks)
    seconds, held = [], []
    for _ in range(args.frames):
        begin = time.perf_counter()
        run.step(random.integers(0, 255, image.shape).astype(np.uint8))
        seconds.append(time.perf_counter() - begin)
        cells = run.memory.permanent
        held.append(len(cells) * (cells.keys.shape[1] + cells.values.shape[0] * cells.values.shape[2]) * 4 / 1e6)
    parts = np.array_split(np.arange(args.frames), 8)
    full = next((part for part in parts if part[0] >= args.memory), parts[-1])
    base = np.median(np.array(seconds)[full])
    print_table(
        ["frames", "seconds a frame, ratio", "memory, MB"],
        [[f"{p[0]}-{p[-1]}", f"{np.median(np.array(seconds)[p]) / base:.2f}", f"{held[p[-1]]:.0f}"] for p in parts],
    )
    print(f"{base:.2f} s a frame on this machine")
    return 0


if __name__ == "__main__":
    sys.exit(main())
