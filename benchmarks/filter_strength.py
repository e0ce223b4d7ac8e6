"""How much smoothing a fit needs: rendered clips with known ground truth, fitted and filtered with growing strength.

    python benchmarks/filter_strength.py [--seeds 4] [--fps 24 30 60] [--data ../shared/data] [--captured 8]

The demo's clips at several frame rates and CMU's motion capture (30 frames per second, each seen by a random camera)
are rendered, tracked and fitted; the default filter is applied to the same fits with growing strength. For each
group: MPJPE over 12 limb joints, mid-hip aligned (mm), their mean acceleration error, and their mean
acceleration and the ground truth's (m/s2; less than the ground truth's means oversmoothing). The default is the
strength with the lowest MPJPE, averaged over both kinds of clips at 30 frames per second.

If the triangulated ground truth of `balance_single` is available, the same filter is also applied to it: the
remaining acceleration error is the cost of smoothing alone for a perfect fit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import DATA
from benchmarks.accuracy_parts.limbs import centred
from benchmarks.accuracy_parts.tables import heading, line
from benchmarks.accuracy_parts.truths import balance_truth
from benchmarks.world_accuracy import captured
from tests.helpers.monocular import random_camera, seen_from

from kinema.body import BodyModel, load_body
from kinema.estimation import fit_body
from kinema.motion import Motion
from kinema.refinement import FilterOptions, filter_motion
from kinema.refinement.filtering import smooth_positions
from kinema.skeleton import LIMBS12, SMPL24
from kinema.synthetic import procedural_motion, render_clip
from kinema.tracking import track_people
from kinema.video import open_video

STRENGTHS = (0.0, 0.04, 0.08, 0.12, 0.16, 0.20, 0.25, 0.30)
LIMBS = SMPL24.indices(LIMBS12)
CATEGORIES = ("walk", "sport", "dance", "run")


def fitted(truth: Motion, body: BodyModel, folder: Path, seed: int) -> tuple[Motion, Motion]:
    """The ground truth, and the fit of its rendered clip, only smoothed by the fit itself."""
    clip = render_clip(truth, body, folder / "clip.mp4", seed=seed)
    with open_video(clip) as video:
        found = track_people(video)
    camera = truth.camera.replace(rotation=None, translation=None)
    longest = max(found.people, key=len)
    return truth, fit_body(found.replace(people=(longest,), camera=camera), body)


def acceleration(joints: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(F-2,J,3) m/s2."""
    return np.diff(joints, 2, axis=0) / np.median(np.diff(times)) ** 2


def scores(pairs: list[tuple[Motion, Motion]], body: BodyModel, seconds: float) -> np.ndarray:
    """MPJPE, acceleration error, acceleration and the ground truth's: means over clips."""
    rows = []
    for truth, motion in pairs:
        person = filter_motion(motion, body, FilterOptions(seconds=seconds)).people[0]
        estimated, true = (
            centred(joints) for joints in (person.joints[:, LIMBS], truth.people[0].joints[person.frames][:, LIMBS])
        )
        a, b = acceleration(estimated, truth.times), acceleration(true, truth.times)
        lengths = [np.linalg.norm(v, axis=-1).mean() for v in (1000 * (estimated - true), a - b, a, b)]
        rows.append(lengths)
    return np.mean(rows, axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--fps", type=float, nargs="+", default=[24.0, 30.0, 60.0])
    parser.add_argument("--captured", type=int, default=8, help="clips of motion capture (default: 8)")
    parser.add_argument("--data", type=Path, default=DATA)
    args = parser.parse_args()
    body = load_body()
    truths = {
        f"demo, {fps:g}": [procedural_motion(body, "demo", seed=seed, fps=fps) for seed in range(args.seeds)]
        for fps in args.fps
    }
    if (args.data / "mocap" / "cmu_train.npz").exists() and args.captured:
        each = -(-args.captured // len(CATEGORIES))
        motions = [m for name in CATEGORIES for m in captured(body, args.data, name, each, 240)]
        truths["captured, 30"] = [
            seen_from(m, random_camera(m.people[0].joints_world, np.random.default_rng(i)), body)
            for i, m in enumerate(motions[: args.captured])
        ]
    measures = ("MPJPE, mm", "acceleration error, m/s2", "acceleration, m/s2", "the truth's")
    print(heading(["clips", "seconds", *measures]))
    with tempfile.TemporaryDirectory() as folder:
        for name, group in truths.items():
            pairs = [fitted(truth, body, Path(folder), i) for i, truth in enumerate(group)]
            for seconds in STRENGTHS:
                figures = (f"{value:.2f}" for value in (seconds, *scores(pairs, body, seconds)))
                print(line([name, *figures]), flush=True)
    if (args.data / "gt" / "balance_single").is_dir():
        marks = balance_truth("cam01", args.data)
        joints = marks.people[0].joints
        joints = joints[:, np.isfinite(joints).all(axis=(0, 2))]
        true = acceleration(joints, marks.times)
        size = np.linalg.norm(true, axis=-1).mean()
        print(f"balance_single: acceleration of the ground truth {size:.1f} m/s2; after smoothing by")
        for seconds in STRENGTHS[1:]:
            smooth = smooth_positions(joints, marks.times, FilterOptions(seconds=seconds))
            error = np.linalg.norm(acceleration(smooth, marks.times) - true, axis=-1).mean()
            print(f"  {seconds:.2f} s its error is {error:.1f} m/s2")


if __name__ == "__main__":
    main()
