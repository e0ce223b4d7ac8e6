"""Memory of lifting: what a clip adds to the peak of the process, for short and for long clips.

    python benchmarks/lifting_memory.py [--frames 10000 100000] [--lifter videopose3d pstmo]

Each clip is lifted in a process of its own, from 2D keypoints of a person to joints, by small networks with random
weights (128 channels; 32 for P-STMO, and a window of 27 frames): with the published ones 100,000 frames take minutes to
an hour, and their making takes more memory than all that follows. What is there before (Python, the keypoints, the
network, its first 8000 frames) is subtracted. The joints of 100,000 frames, which are the result, are 41 MB.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys

import numpy as np

from kinema.lifting import LIFTERS
from kinema.lifting.lifting import lift_person
from kinema.lifting.options import LiftOptions
from kinema.models.pstmo import sizes as pstmo
from kinema.models.pstmo.lifter import open_lifter as open_pstmo
from kinema.models.videopose3d import sizes as videopose3d
from kinema.models.videopose3d.lifter import open_lifter as open_videopose3d
from kinema.motion import Motion
from kinema.person import Person
from kinema.pipeline.threads import one_blas_thread
from kinema.skeleton import COCO17

SIZES = {
    "videopose3d": (videopose3d.VideoPose3DSizes(17, 17, 128, (3,) * 5), videopose3d, open_videopose3d),
    "pstmo": (pstmo.PSTMOSizes(27, width=32, inner=32, spatial=32), pstmo, open_pstmo),
}


def peak() -> float:
    """MB of memory that the process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def walk(frames: int) -> Motion:
    """Somebody's keypoints at 50 frames a second."""
    rng = np.random.default_rng(0)
    points = rng.uniform(200, 400, (17, 2)) + 20 * np.sin(np.arange(frames)[:, None, None] / 40 + rng.random((17, 1)))
    person = Person(
        1, np.arange(frames), keypoint_set=COCO17.name, keypoints=points,
        keypoint_confidence=np.ones((frames, 17)),
    )  # fmt: skip
    return Motion(np.arange(frames) / 50, 640, 480, people=(person,))


@one_blas_thread
def added(name: str, frames: int) -> float:
    """MB that a clip adds."""
    sizes, module, opened = SIZES[name]
    rng = np.random.default_rng(0)
    shapes = module.expected_shapes(sizes)
    tensors = {key: np.abs(rng.standard_normal(shape, dtype=np.float32)) * 0.01 for key, shape in shapes.items()}
    network, lifter = opened(tensors, name), LIFTERS.find(name)
    clips = [walk(each) for each in (8000, frames)]
    before = 0.0
    for clip in clips:
        before = peak()
        lift_person(clip, clip.people[0], lifter, network, COCO17, LiftOptions())
    return peak() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--lifter", nargs="+", default=list(SIZES), choices=tuple(SIZES))
    args = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    for name in args.lifter:
        for frames in args.frames:
            with context.Pool(1) as pool:
                print(f"{name}: {frames} frames add {pool.apply(added, (name, frames)):.0f} MB", flush=True)


if __name__ == "__main__":
    main()
