"""Measure how keypoint networks err, point by point, on rendered people in captured poses.

    python tools/keypoint_errors.py --mocap cmu_train.npz --out errors.npz [--windows 120] [SOURCE[+flip]...]

Writes, for every source, the errors of its keypoints in metres at the person, with their confidences and the rotations
of the body's parts, and prints the tables of `kinema.keypoints.errors`. docs/run.md says what they are used for.
"""

from __future__ import annotations

import argparse
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

from kinema.body import load_body
from kinema.geometry.camera import project
from kinema.geometry.crops import crop
from kinema.keypoints import open_source
from kinema.keypoints.source import OpenedSource, View, region_of
from kinema.skeleton import BLAZEPOSE33
from kinema.storage.atomic import atomic_path
from kinema.synthetic.render import render_frames
from kinema.training.mocap import load_mocap
from kinema.training.rendered import Film, film_window
from kinema.video import Frame

FILM = Film(10.0, 6)
EDGES = (0.0, 0.3, 0.5, 0.7, 0.85, 0.95, 1.01)
"""Of the confidences whose errors are measured together."""

FEWEST = 40
DEFAULT = ("blazepose", "blazepose-heavy", "rtmpose-s-halpe26")


def opened(name: str) -> OpenedSource:
    source, _, flip = name.partition("+")
    return open_source(source, flip=flip == "flip", threads=1)


def errors(sources: dict[str, OpenedSource], mocap: Path, windows: int, seed: int) -> dict[str, np.ndarray]:
    """{source: (N, K, 9)}: errors along x and y in metres at the person, confidences, and the first two rows of the
    rotation of the joint that carries each point, in the camera's frame."""
    body, rng = load_body(), np.random.default_rng(seed)
    sequences = [each.resampled(60.0) for each in load_mocap(mocap)]
    found: dict[str, list[np.ndarray]] = {name: [] for name in sources}
    for count in range(windows):
        motion, _ = film_window(sequences[rng.integers(len(sequences))], rng, FILM)
        (person,) = motion.people
        pose, betas, transl = person.require("pose", "betas", "transl")
        places = {
            name: body.posed_points(source.joint_set.name, pose, betas, transl) for name, source in sources.items()
        }
        turned, _ = body.chain(pose, betas, transl)
        around = project(body.posed_points(BLAZEPOSE33.name, pose, betas, transl), motion.camera.intrinsics)
        for row, image in enumerate(render_frames(motion, body, seed=int(rng.integers(2**31)))):
            region = region_of(around[row], np.ones(33), BLAZEPOSE33, visible=0.5)
            region[:2] += 0.03 * region[2] * rng.normal(size=2)
            region[2] *= np.exp(0.08 * rng.normal())
            for name, source in sources.items():
                view = View(Frame(row, 0.0, image), region, crop(image, region, size=source.estimator.crop_size))
                seen = source.estimator.observe(view)
                points = body.points(source.joint_set.name)
                rows = points.rows
                true = places[name][row]
                metre = np.median(true[:, 2]) / motion.camera.intrinsics[0, 0]
                off = np.full((len(source.joint_set), 9), np.nan)
                off[rows, :2] = (seen.points[rows] - project(true, motion.camera.intrinsics)) * metre
                off[:, 2] = seen.confidence
                off[rows, 3:] = turned[row][points.joint, :2].reshape(len(rows), 6)
                inside = np.all((seen.points > 0) & (seen.points < (motion.width, motion.height)), axis=-1)
                off[~inside, :2] = np.nan
                found[name].append(off)
        print(f"\r{count + 1}/{windows} ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return {name: np.array(rows) for name, rows in found.items()}


def fitted(off: np.ndarray) -> tuple[float, float]:
    """The spread at confidence 1, metres on an axis, and its growth: of errors (N, 9), as `kinema.keypoints.errors`."""
    off = off[np.isfinite(off[:, 0])]
    sure, spread, weight = [], [], []
    for low, high in pairwise(EDGES):
        use = (off[:, 2] >= low) & (off[:, 2] < high)
        if use.sum() >= FEWEST:
            sure.append(float(off[use, 2].mean()))
            # Of a normal distribution in two dimensions, half lie within 1.1774 standard deviations.
            spread.append(float(np.median(np.linalg.norm(off[use, :2], axis=1))) / 1.1774)
            weight.append(float(np.sqrt(use.sum())))
    if len(sure) < 2:
        return (spread[0] if spread else np.nan), 0.0
    growth, level = np.polyfit(1 - np.array(sure), np.log(spread), 1, w=weight)
    return float(np.exp(level)), float(growth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="*", default=DEFAULT, metavar="SOURCE[+flip]")
    parser.add_argument("--mocap", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="file of all errors (.npz)")
    parser.add_argument("--windows", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    sources = {name: opened(name) for name in args.sources}
    found = errors(sources, args.mocap, args.windows, args.seed)
    with atomic_path(args.out) as part, part.open("wb") as file:
        np.savez_compressed(file, **found)  # type: ignore[arg-type]  # mistaken for options
    for name, off in found.items():
        print(f"{name}: metres on an axis at confidence 1, growth")
        names = sources[name].joint_set.joints
        parts = dict.fromkeys(joint.removeprefix("left_").removeprefix("right_") for joint in names)
        for part in parts:
            columns = [k for k, joint in enumerate(names) if joint.removeprefix("left_").removeprefix("right_") == part]
            level, growth = fitted(off[:, columns].reshape(-1, off.shape[-1]))
            print(f'    "{part}": ({level:.4f}, {growth:.2f}),')


if __name__ == "__main__":
    main()
