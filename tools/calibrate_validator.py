"""Measure the limits of `kinema validate` on motion capture and write `src/kinema/quality/motion_limits.json`.

    python tools/calibrate_validator.py --mocap ../shared/data/mocap/cmu_train.npz

The rule. For every measure and joint, and for every clip, two numbers are taken: the value that one per cent of the
clip's frames exceed, and the largest. Then

    usual = room x the value that one clip in a hundred exceeds, of the first number
    never = margin x the largest over all clips of the second number

Room is 2 and margin 1.1, more (`ROOM`, `MARGIN`) for measures that differ from person to person more than from real to
damaged movement: nineteen people are not everybody. Both were widened until people judged by limits from all the others
passed no more often, or fewer damaged copies were noticed (benchmarks/validator_calibration.py prints both). The
worse side of left and right counts for both, and the worst joint of the trunk for the whole trunk (speed and jump):
who bends most where is a matter of person and of marker set.

`pass_share` is the share of bad frames that one clip in a hundred exceeds, rounded up to a per cent. `angle` is twice
the largest first number of any clip, without limit where that is beyond 180 degrees. What capture cannot tell,
because its skeletons are rigid, its knees stop at zero, its studio is ten metres long and one of its people runs, is
listed in `REASONED`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from kinema.geometry.rotations import matrix_to_axis_angle
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality.judging import judge_quality, measure_person
from kinema.quality.limits import TABLE, UNITS, Limits, Threshold, _plain
from kinema.quality.skeletons import skeleton_of
from kinema.quality.trajectory import trajectory_of
from kinema.skeleton import SMPL24
from kinema.temporal.resampling import resample_axis_angle, resample_linear
from kinema.training.mocap import load_mocap

ROOM = {"speed": 3.0, "tremor": 3.0, "turn": 4.0, "snap": 4.0}
"""Of the usual limit; 2 for other measures."""

MARGIN = {"speed": 3.0, "shake": 3.0, "tremor": 3.0, "turn": 3.0, "snap": 3.0, "penetration": 1.5}
"""Of the limit that is never passed; 1.1 for other measures."""

LIMBER = 2.0
"""How much further than anybody here a joint may be turned."""

TRUNK = SMPL24.indices(("spine1", "spine2", "spine3", "neck", "left_collar", "right_collar"))
CALIBRATED = ("speed", "jump", "shake", "turn", "snap", "tremor", "angle", "penetration", "legs", "arms")

REASONED: dict[str, tuple[float, float | None]] = {
    # Sprinters reach 12.5 m/s; the longest run in the capture is five metres.
    "speed.pelvis": (13.0, 13.0),
    # A heel at the buttock is a bend of 160 degrees.
    "angle.knees": (170.0, None),
    # In the calmest tenth of the frames a runner's slower foot glides at 0.25 m/s, anybody else's at 0.08; half as
    # much again. At 0.45, seven in a hundred who drift by 0.6 m/s and more would pass.
    "foot_speed": (0.38, None),
    # Fitted knees and elbows pass zero a little; beyond 60 degrees a limb is broken.
    "overstretch": (25.0, 60.0),
    # A bone may seem to change by the error of a fit; a fifth is another person's.
    "limb": (3.0, 20.0),
    # Two centimetres of sole lie below the joint of the toes.
    "penetration": (0.03, 0.1),
    # The eye sees a standing foot move at 0.3 m/s.
    "sliding": (0.3, 1.5),
    # Nobody holds the pelvis within 0.2 mm; recordings that start late do, for a moment.
    "frozen": (0.75, 2.0),
    # Half a standard deviation of the first beta is some 3 cm of height.
    "shape": (0.5, 3.0),
    # A tenth of the body's height away from where the image shows it.
    "reprojection": (0.1, None),
}
"""Limits that are reasoned, not measured: usual and never; None: as measured, or none at all."""


def load_clips(path: Path) -> list[Motion]:
    """Every sequence as a motion in the world: the capture's own joints beside its rotations."""
    with np.load(path, allow_pickle=False) as file:
        start = file["seq_start"]
        joints = file["root"][:, None].astype(np.float64) + file["smpl24_rel_i16"] / 1e4
    clips = []
    for i, sequence in enumerate(load_mocap(path)):
        count = len(sequence.root)
        own = joints[start[i] : start[i + 1]]
        person = Person(
            id=1,
            frames=np.arange(count),
            pose_world=matrix_to_axis_angle(sequence.rotation).reshape(count, 72),
            transl_world=own[:, 0],
            joints_world=own,
        )
        times = np.arange(count) / sequence.rate
        clips.append(Motion(times=times, width=0, height=0, people=(person,), source=sequence.name, body_model="mocap"))
    return clips


def at_rate(clip: Motion, rate: float) -> Motion:
    """The clip of one person at another frame rate: rotations along the shortest arc, the root linearly."""
    person = clip.people[0]
    pose, transl = person.require("pose_world", "transl_world")
    grid = np.arange(int((clip.times[-1] - clip.times[0]) * rate) + 1) / rate
    pose = resample_axis_angle(pose, clip.times, grid)
    transl = resample_linear(transl, clip.times, grid)
    joints = skeleton_of(clip, person).joints(pose, transl)
    moved = Person(id=person.id, frames=np.arange(len(grid)), pose_world=pose, transl_world=transl, joints_world=joints)
    return clip.replace(times=grid, people=(moved,))


def calibrate(clips: list[Motion]) -> dict[str, object]:
    """The table by the rule above."""
    frames: dict[str, Threshold] = {}
    trajectories = [trajectory_of(clip, clip.people[0]) for clip in clips]
    for measure in CALIBRATED:
        often, most = [], []
        for clip, trajectory in zip(clips, trajectories, strict=True):
            values = measure_person(clip, clip.people[0], trajectory, measure)
            known = np.nan_to_num(values, nan=-np.inf)
            often.append(np.percentile(known, 99, axis=0, method="lower"))
            most.append(known.max(axis=0))
        if measure in ("speed", "jump"):
            for numbers in (often, most):
                for row in numbers:
                    row[TRUNK] = row[TRUNK].max()
        if measure == "angle":
            top = LIMBER * np.max(often, axis=0)
        else:
            top = ROOM.get(measure, 2.0) * np.percentile(often, 99, 0, method="higher")
        never = MARGIN.get(measure, 1.1) * np.max(most, axis=0)
        frames[measure] = _threshold(measure, top, never)
    for measure, (usual, never) in REASONED.items():
        if measure in UNITS and measure not in CALIBRATED:
            frames[measure] = Threshold(usual, np.inf if never is None else never)
    limits = Limits(frames=frames, foot_speed=REASONED["foot_speed"][0], pass_share=1, fail_share=1)
    shares = [judge_quality(clip, clip.people[0], limits).bad_share for clip in clips]
    share = max(0.01, float(np.ceil(100 * np.percentile(shares, 99, method="higher")) / 100))
    return {
        "rule": "tools/calibrate_validator.py",
        "clips": len(clips),
        "seconds": round(sum(clip.num_frames / clip.fps for clip in clips)),
        "clip": {"foot_speed": limits.foot_speed, "pass_share": share},
        "frames": {m: {"usual": _plain(t.usual), "never": _plain(t.never)} for m, t in frames.items()},
    }


def _threshold(measure: str, usual: np.ndarray, never: np.ndarray) -> Threshold:
    """Both limits of one measure, made symmetric, rounded, and without the joints that capture does not move."""
    if usual.ndim:
        usual, never = np.maximum(usual, usual[SMPL24.mirror]), np.maximum(never, never[SMPL24.mirror])
        moved = usual > 1e-6
        usual, never = np.where(moved, usual, np.inf), np.where(moved, never, np.inf)
    if measure == "penetration":
        floor, worst = REASONED[measure]
        usual = np.max(usual, initial=floor, where=usual < np.inf)
        never = np.max(never, initial=worst, where=never < np.inf)
    elif measure == "angle":
        usual, never = np.where(usual < 180, usual, np.inf), np.full(24, np.inf)
        usual[SMPL24.indices(("left_knee", "right_knee"))] = REASONED["angle.knees"][0]
    elif measure == "speed":
        usual[0], never[0] = REASONED["speed.pelvis"]
    usual = np.vectorize(lambda v: float(f"{v:.4g}"))(usual)
    return Threshold(usual, np.maximum(np.vectorize(lambda v: float(f"{v:.4g}"))(never), usual))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mocap", type=Path, required=True, help="packed motion capture (cmu_train.npz)")
    parser.add_argument("--out", type=Path, default=TABLE, help="default: the table that Kinema ships")
    args = parser.parse_args()
    table = calibrate(load_clips(args.mocap))
    args.out.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {args.out}: {table['clips']} clips, {table['seconds']} s, {table['clip']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
