"""How well the validator distinguishes real from corrupted motion, on motion capture.

    python benchmarks/validator_calibration.py [--mocap cmu_train.npz] [--evaluation OTHER.npz]

Prints the share of captured clips that PASS with the shipped limits, at their original 30 frames per second and
resampled to other rates; the share of corrupted copies that do not PASS, by kind; both shares when each person is
judged by limits from all others; and the share of another capture system's clips that PASS (joints only, not used for
calibration). Exits with 1 if fewer than 99 % of the clips PASS or fewer than 95 % of the corrupted copies are detected.
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
from kinema.person import Person
from kinema.quality import PASS, Limits, default_limits, validate_motion
from kinema.quality.corruption import CORRUPTIONS
from kinema.quality.limits import limits_from
from kinema.skeleton import H36M17, SMPL24

DATA = Path(os.environ.get("KINEMA_DATA", Path(__file__).resolve().parent.parent / "../shared/data"))
RATES = (10.0, 15.0, 24.0, 60.0, 120.0)
SOME = 3

TRUNK = {"spine1": 0.3, "spine2": 0.5, "spine3": 0.7, "neck": 1.0, "left_collar": 1.0, "right_collar": 1.0}
"""Relative positions between pelvis and thorax of joints that Human3.6M's skeleton lacks."""

NOT_OF_POINTS = ("limb",)
"""Measures that do not apply to joints derived from points between bones (the thorax): their bones are not rigid."""


def passing(clips: list[Motion], limits: Limits) -> float:
    """Share of the clips that PASS."""
    return float(np.mean([validate_motion(clip, limits=limits).verdict == PASS for clip in clips]))


def detected(clips: list[Motion], limits: Limits) -> dict[str, float]:
    """Share of corrupted copies that do not PASS, by kind of corruption."""
    out = {}
    for name, damage in CORRUPTIONS.items():
        rng = np.random.default_rng(0)
        out[name] = 1 - passing([damage(clip, rng) for clip in clips], limits)
    return out


def unseen(clips: list[Motion], subjects: np.ndarray) -> tuple[float, float]:
    """With limits from all other people's clips: share of clips that PASS, and of corrupted copies that do not."""
    passed = caught = 0.0
    for subject in np.unique(subjects):
        own = [clip for clip, name in zip(clips, subjects, strict=True) if name == subject]
        limits = limits_from(calibrate([clip for clip, name in zip(clips, subjects, strict=True) if name != subject]))
        passed += len(own) * passing(own, limits)
        caught += len(own) * float(np.mean(list(detected(own, limits).values())))
    return passed / len(clips), caught / len(clips)


def joint_clips(path: Path) -> list[Motion]:
    """Clips with joints only, in Human3.6M's order, as motions of SMPL's joints.

    Joints missing from that skeleton are placed at a neighbour (feet at the ankles, hands at the wrists, collars at the
    thorax), or on a straight line along the spine.
    """
    with np.load(path, allow_pickle=False) as file:
        start = file["seq_start"]
        points = file["root"][:, None] + file["h36m17_rel_i16"] / 1e4
        rates = file["fps"] if "fps" in file else np.full(len(start) - 1, 30.0)
    substitutes = {"left_foot": "left_ankle", "right_foot": "right_ankle", "left_hand": "left_wrist",
                 "right_hand": "right_wrist", "head": "head_top", **dict.fromkeys(TRUNK, "pelvis")}  # fmt: skip
    source = H36M17.indices([name if name in H36M17 else substitutes[name] for name in SMPL24.joints])
    clips = []
    for i, (first, last) in enumerate(itertools.pairwise(start)):
        joints = points[first:last, source].astype(np.float64)
        pelvis, thorax = joints[:, 0], points[first:last, H36M17.index("thorax")]
        for name, share in TRUNK.items():
            joints[:, SMPL24.index(name)] = pelvis + share * (thorax - pelvis)
        person = Person(id=1, frames=np.arange(last - first), joints_world=joints)
        times = np.arange(last - first) / float(rates[i])
        clips.append(Motion(times=times, width=0, height=0, people=(person,), body_model="capture"))
    return clips


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mocap", type=Path, default=DATA / "mocap" / "cmu_train.npz")
    parser.add_argument("--evaluation", type=Path, help="packed joints of another capture system (never calibrated on)")
    args = parser.parse_args()
    limits = default_limits()
    clips = load_clips(args.mocap)
    clean, corrupted = passing(clips, limits), detected(clips, limits)
    total = float(np.mean(list(corrupted.values())))
    print(f"{len(clips)} clips at 30 fps: {100 * clean:.1f} % PASS")
    print(f"{len(clips) * len(corrupted)} corrupted copies: {100 * total:.1f} % do not PASS")
    for name, share in corrupted.items():
        print(f"    {name:<12} {100 * share:5.1f} %")
    for rate in RATES:
        share = passing([at_rate(clip, rate) for clip in clips[::SOME]], limits)
        print(f"every third clip at {rate:g} fps: {100 * share:.1f} % PASS")
    with np.load(args.mocap, allow_pickle=False) as file:
        subjects = file["subject"]
    passed, caught = unseen(clips, subjects)
    print(f"each person judged by limits from the others: {100 * passed:.1f} % PASS")
    print(f"    corrupted copies, judged likewise: {100 * caught:.1f} % do not PASS")
    if args.evaluation is not None:
        others = joint_clips(args.evaluation)
        own = limits.replace(frames={m: t for m, t in limits.frames.items() if m not in NOT_OF_POINTS})
        print(f"another system's {len(others)} clips of joints: {100 * passing(others, own):.1f} % PASS")
    return 0 if clean >= 0.99 and total >= 0.95 else 1


if __name__ == "__main__":
    sys.exit(main())
