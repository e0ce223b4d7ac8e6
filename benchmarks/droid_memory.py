"""Memory of --camera-method droid: the graph of keyframes at the working size, without the networks.

    python benchmarks/droid_memory.py [--keyframes 12] [--steps 1]

In place of the networks stands an operator that sees no motion, so that every frame is near every other one: the graph
has as many edges as it may have, which real clips hardly reach. Printed: the process's memory after the frontend and
at its peak, and the number of edges. The networks need about 0.5 GB more, whatever the clip. Needs the torch extra.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import sys
import time

import numpy as np
import torch
from torch import Tensor

from kinema.camera.slam.frontend import Candidate, Frontend, optimised
from kinema.camera.slam.keyframes import STORED
from kinema.camera.slam.settings import FULL
from kinema.models.droid.network import Updated

HIGH, WIDE = 41, 73
"""Of the features of an image of 1280x720."""


class Still:
    """In place of `kinema.models.droid.torch_run.DroidRun`: nothing moves."""

    def look(
        self, state: Tensor, contexts: Tensor, _compared: Tensor, _motion: Tensor, _group: Tensor, **_: bool
    ) -> Updated:
        edges, frames = len(state), len(contexts)
        delta, weight = torch.zeros(edges, HIGH, WIDE, 2), torch.full((edges, HIGH, WIDE, 2), 0.5)
        return Updated(state, delta, weight, torch.full((frames, HIGH, WIDE), 0.01), torch.zeros(frames, 0))


def megabytes() -> float:
    """The process's largest memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keyframes", type=int, default=12)
    parser.add_argument("--steps", type=int, default=1)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    settings = dataclasses.replace(FULL, redundant=-1.0)
    begin = megabytes(), time.perf_counter()
    with torch.inference_mode():
        frontend = Frontend(Still(), (HIGH, WIDE), torch.tensor([40.0, 40.0, 36.0, 20.0]), settings)  # type: ignore[arg-type]
        for number in range(args.keyframes):
            maps = [torch.from_numpy(rng.normal(size=(128, HIGH, WIDE))).to(STORED) for _ in range(3)]
            frontend(Candidate(number, *maps, torch.zeros(HIGH, WIDE, dtype=torch.bool)))
        keys = frontend.finish()
        del frontend
        print(f"{len(keys)} keyframes: {begin[0]:.0f} MB before, {megabytes():.0f} MB after the frontend", flush=True)
        optimised(Still(), keys, args.steps, settings)  # type: ignore[arg-type]
    print(f"backend with up to {16 * len(keys)} edges: {megabytes():.0f} MB; {time.perf_counter() - begin[1]:.0f} s")


if __name__ == "__main__":
    main()
