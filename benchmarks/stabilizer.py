"""What the stabiliser changes in captured motion, and what it repairs in corrupted copies.

    python benchmarks/stabilizer.py [--mocap cmu_train.npz] [--every 4]

Prints, over every fourth clip, the mean change of joints (mm) and rotations (degrees) of uncorrupted motion,
and for each kind of corruption, over the clips that it makes sense for, the error against the ground truth, the bad
frames and the verdicts, before and after.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from benchmarks.accuracy_parts.data import DATA
from calibrate_validator import load_clips

from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from kinema.motion import Motion
from kinema.quality.corruption import CORRUPTIONS
from kinema.refinement.stage import stabilize_motion


def distance(a: Motion, b: Motion) -> tuple[float, float]:
    """Mean joint distance in mm and mean rotation angle in degrees of the first person, in the world.

    Over the frames that both have: the stabiliser leaves out a T-pose at the start.
    """
    p, q = a.people[0], b.people[0]
    rows = np.intersect1d(p.frames, q.frames, return_indices=True)[1:]
    joints = [x.require("joints_world")[0][own] for x, own in zip((p, q), rows, strict=True)]
    poses = [x.require("pose_world")[0][own] for x, own in zip((p, q), rows, strict=True)]
    turns = [axis_angle_to_matrix(pose.reshape(-1, 24, 3)) for pose in poses]
    joint_distance = 1000 * float(np.linalg.norm(joints[0] - joints[1], axis=-1).mean())
    return joint_distance, float(np.degrees(geodesic_angle(*turns)).mean())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mocap", type=Path, default=DATA / "mocap" / "cmu_train.npz")
    parser.add_argument("--every", type=int, default=4, help="judge every n-th clip (default: %(default)s)")
    args = parser.parse_args()
    clips = load_clips(args.mocap)[:: args.every]
    changes = np.array([distance(clip, stabilize_motion(clip)) for clip in clips])
    mean, below = changes.mean(axis=0), float(np.mean(np.all(changes < [1.0, 0.5], axis=1)))
    print(f"{len(clips)} captured clips: {mean[0]:.2f} mm and {mean[1]:.2f} degrees changed on average")
    print(f"    {100 * below:.0f} % of them by less than 1 mm and 0.5 degrees")
    for name, damage in CORRUPTIONS.items():
        rng = np.random.default_rng(0)
        errors, bad, verdicts = [], [], Counter[str]()
        for clip in filter(damage.suits, clips):
            corrupted = damage(clip, rng)
            stable = stabilize_motion(corrupted)
            record = stable.provenance[-1].arguments["people"]["1"]["world"]
            before, after = record["before"], record["after"]
            errors.append((distance(clip, corrupted)[0], distance(clip, stable)[0]))
            bad.append((before["bad_frames"], after["bad_frames"]))
            verdicts[f"{before['verdict']} -> {after['verdict']}"] += 1
        if not errors:
            print(f"{name}: makes no sense for any of the clips")
            continue
        error, frames = np.mean(errors, axis=0), np.sum(bad, axis=0)
        print(f"{name}, {len(errors)} clips: error {error[0]:.1f} -> {error[1]:.1f} mm, bad frames {frames[0]} ->"
              f" {frames[1]}")  # fmt: skip
        print(*(f"    {verdict}: {count}" for verdict, count in verdicts.most_common()), sep="\n")
    return 0 if np.all(mean < [1.0, 0.5]) else 1


if __name__ == "__main__":
    sys.exit(main())
