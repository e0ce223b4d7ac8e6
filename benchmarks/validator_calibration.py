"""How well the validator tells real movement from damaged, on motion capture.

    python benchmarks/validator_calibration.py [--mocap cmu_train.npz] [--evaluation OTHER.npz]

Prints the share of captured clips that PASS with the shipped limits, at their own 30 frames a second and resampled
to others; the share of damaged copies that do not PASS, by kind; the share that passes when each person is judged by
limits from all the others; and the joint speeds of another capture system's clips.
Exits with 1 if fewer than 99 % of the clips PASS or fewer than 95 % of the damaged copies are noticed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
from calibrate_validator import at_rate, calibrate, load_clips

from kinema.motion import Motion
from kinema.quality import PASS, Limits, default_limits, validate_motion
from kinema.quality.course import Course
from kinema.quality.damage import DAMAGES
from kinema.quality.limits import limits_from
from kinema.quality.measures import jump, speed
from kinema.skeleton import H36M17, SMPL24, shared_joints

DATA = Path(os.environ.get("KINEMA_DATA", Path(__file__).resolve().parent.parent / "../shared/data"))
RATES = (10.0, 15.0, 24.0, 60.0, 120.0)
SOME = 3


def passing(clips: list[Motion], limits: Limits) -> float:
    """Share of the clips that PASS."""
    return float(np.mean([validate_motion(clip, limits=limits).verdict == PASS for clip in clips]))


def noticed(clips: list[Motion], limits: Limits) -> dict[str, float]:
    """Share of damaged copies that do not PASS, by kind of damage."""
    out = {}
    for name, damage in DAMAGES.items():
        rng = np.random.default_rng(0)
        out[name] = 1 - passing([damage(clip, rng) for clip in clips], limits)
    return out


def unseen(clips: list[Motion], subjects: np.ndarray) -> float:
    """Share of the clips that PASS by limits from all other people's clips."""
    passed = 0.0
    for subject in np.unique(subjects):
        own = [clip for clip, name in zip(clips, subjects, strict=True) if name == subject]
        others = [clip for clip, name in zip(clips, subjects, strict=True) if name != subject]
        passed += len(own) * passing(own, limits_from(calibrate(others)))
    return passed / len(clips)


def other_capture(path: Path, limits: Limits) -> tuple[int, float]:
    """Clips of another system, and the share in which no joint that both skeletons have breaks a `never` limit.

    It holds joints alone, so only speeds and jumps can be judged.
    """
    with np.load(path, allow_pickle=False) as file:
        start = file["seq_start"]
        points = file["root"][:, None] + file["h36m17_rel_i16"] / 1e4
        rates = file["fps"] if "fps" in file else np.full(len(start) - 1, 30.0)
    names = shared_joints(SMPL24, H36M17)
    ours, theirs = SMPL24.indices(names), H36M17.indices(names)
    good = 0
    for i, (first, last) in enumerate(itertools.pairwise(start)):
        joints = np.repeat(points[first:last, :1], 24, axis=1).astype(np.float64)
        joints[:, ours] = points[first:last, theirs]
        times = np.arange(last - first) / float(rates[i])
        course = Course(1, np.arange(last - first), times, joints, None, True, True, True)
        broken = any(
            bool(np.any(np.nan_to_num(values)[:, ours] > limits.frames[name].never[ours]))
            for name, values in (("speed", speed(course)), ("jump", jump(course)))
        )
        good += not broken
    return len(start) - 1, good / (len(start) - 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mocap", type=Path, default=DATA / "mocap" / "cmu_train.npz")
    parser.add_argument("--evaluation", type=Path, help="packed joints of another capture system (never calibrated on)")
    args = parser.parse_args()
    limits = default_limits()
    clips = load_clips(args.mocap)
    clean, damaged = passing(clips, limits), noticed(clips, limits)
    total = float(np.mean(list(damaged.values())))
    print(f"{len(clips)} clips at 30 fps: {100 * clean:.1f} % PASS")
    print(f"{len(clips) * len(damaged)} damaged copies: {100 * total:.1f} % do not PASS")
    for name, share in damaged.items():
        print(f"    {name:<12} {100 * share:5.1f} %")
    for rate in RATES:
        share = passing([at_rate(clip, rate) for clip in clips[::SOME]], limits)
        print(f"every third clip at {rate:g} fps: {100 * share:.1f} % PASS")
    with np.load(args.mocap, allow_pickle=False) as file:
        subjects = file["subject"]
    print(f"each person judged by limits from the others: {100 * unseen(clips, subjects):.1f} % PASS")
    if args.evaluation is not None:
        count, share = other_capture(args.evaluation, limits)
        print(f"another system's {count} clips: {100 * share:.1f} % break no limit of speeds and jumps")
    return 0 if clean >= 0.99 and total >= 0.95 else 1


if __name__ == "__main__":
    sys.exit(main())
