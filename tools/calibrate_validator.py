"""Measure the limits of `kinema validate` on motion capture and write `src/kinema/quality/motion_limits.json`.

    python tools/calibrate_validator.py --mocap ../shared/data/mocap/cmu_train.npz

Honest motion is the capture itself, at its own rate and resampled to `RATES`. Frames at its ends that are not of the
movement (its T-poses) are left out, and so are the clips in which a rotation flips: both are damage that the capture
contains. The rule: for every measure, joint and clip, take the 99th percentile over the clip's frames
and the maximum, at each rate. Then

    usual = room x the 99th percentile over clips of the first number
    never = margin x the maximum over clips of the second number (jump: the 97th percentile over clips)

each the largest over the rates. Room is 2 and margin 1.1, larger (`ROOM`, `MARGIN`) for measures that vary more between
people than between real and damaged movement: nineteen people are not representative. Both were widened until people
judged by limits from all others no longer passed more often, or fewer damaged copies were detected
(benchmarks/validator_calibration.py prints both). The worse of left and right is used for both sides, and the worst
trunk joint for the whole trunk (speed and jump): which joint bends most depends on the person and the marker set.

`pass_share` is the 99th percentile over clips of the share of bad frames, rounded up to a per cent. `angle` is twice
the largest first number of any clip, without a limit beyond 180 degrees. Limits that motion capture cannot provide,
because its skeletons are rigid, its knees stop at zero, its studio is ten metres long and only one person runs, and
those of measures for which real and damaged movement lie far apart, are listed in `REASONED`. Markers that were swapped
or lost make joints jump in four clips of a hundred: hence the percentile.
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
from kinema.quality.ends import foreign_ends
from kinema.quality.judging import judge_quality, measure_person
from kinema.quality.limits import TABLE, UNITS, Limits, Threshold, _plain
from kinema.quality.measures import flip, spin
from kinema.quality.skeletons import skeleton_of
from kinema.quality.trajectory import BodyTrajectory, trajectory_of
from kinema.skeleton import SMPL24
from kinema.temporal.resampling import resample_axis_angle, resample_linear
from kinema.training.mocap import load_mocap

ROOM = {"speed": 3.0, "tremor": 3.0, "turn": 4.0, "snap": 4.0}
"""Factor for the usual limit; 2 for other measures."""

CLEAN = 97
"""Percentile of clips that are free of jumps."""

MARGIN = {"jump": 2.8, "speed": 3.0, "shake": 3.0, "tremor": 3.0, "turn": 3.0, "snap": 3.0, "penetration": 1.5}
"""Factor for the limit that is never exceeded; 1.1 for other measures."""

ANGLE_ROOM = 2.0
"""Factor on the largest joint angle in the capture."""

TRUNK = SMPL24.indices(("spine1", "spine2", "spine3", "neck", "left_collar", "right_collar"))
RATES = (10.0, 20.0, 24.0, 60.0)
"""Frames per second to which the capture (30) is resampled."""

CALIBRATED = ("speed", "jump", "shake", "turn", "snap", "tremor", "angle", "penetration", "legs", "arms")

REASONED: dict[str, tuple[float, float | None]] = {
    # Sprinters reach 12.5 m/s; the longest run in the capture is five metres.
    "speed.pelvis": (13.0, 13.0),
    # Of a landing at 20 frames per second; the capture's few jumps are gentle ones, and a root jumps farther.
    "jump.pelvis": (0.8, 2.0),
    # Heel to buttock is a flexion of 160 degrees.
    "angle.knees": (170.0, None),
    # In the slowest tenth of the frames a runner's slower foot moves at 0.25 m/s, everyone else's at 0.08; plus 50 %.
    "foot_speed": (0.38, None),
    # The feet's densest velocity is at most 0.2 m/s in the capture (runners), and within 0.1 of a drift's own.
    "drift": (0.25, None),
    # Standing feet rise by 0.04 m/s in the median clip, 0.06 in one of thirty (who climb), 0.1 where all rises by 0.1.
    "rise": (0.065, None),
    # Two clips of a hundred seem tilted by more (people lean), as many as by 7; of those tilted by 10, nine in ten.
    "tilt": (6.0, None),
    # Out of rest no joint turns by more than 71 degrees from one frame to the next, unless it flips.
    "flip": (75.0, 75.0),
    # In 0.35 s no joint turns by more than 244 degrees, unless it flips; a full turn leaves 290 at least.
    "spin": (260.0, 260.0),
    # Nobody who travels keeps the pose for a quarter of a second.
    "stuck": (0.5, 0.8),
    # Fitted knees and elbows hyperextend slightly; beyond 60 degrees a limb would be broken.
    "overstretch": (25.0, 60.0),
    # Bone lengths may vary by the error of a fit; 20 % is another person.
    "limb": (3.0, 20.0),
    # Two centimetres of sole are below the toe joint.
    "penetration": (0.03, 0.1),
    # Sliding of a standing foot is visible from 0.3 m/s.
    "sliding": (0.3, 1.5),
    # Nobody keeps the pelvis within 0.05 mm for longer, but where a recording starts late.
    "frozen": (0.7, 1.0),
    # Half a standard deviation of the first beta is some 3 cm of height.
    "shape": (0.5, 3.0),
    # A tenth of the body's height away from where the image shows it.
    "reprojection": (0.1, None),
}
"""Limits set by reasoning, not measured: usual and never; None: as measured, or no limit."""


def load_clips(path: Path) -> list[Motion]:
    """Every sequence as a motion in the world, with the capture's own joints and rotations."""
    with np.load(path, allow_pickle=False) as file:
        start = file["seq_start"]
        joints = file["root"][:, None].astype(np.float64) + file["smpl24_rel_i16"] / 1e4
    clips = []
    for i, sequence in enumerate(load_mocap(path)):
        count = len(sequence.root)
        positions = joints[start[i] : start[i + 1]]
        person = Person(
            id=1,
            frames=np.arange(count),
            pose_world=matrix_to_axis_angle(sequence.rotation).reshape(count, 72),
            transl_world=positions[:, 0],
            joints_world=positions,
        )
        times = np.arange(count) / sequence.rate
        clips.append(Motion(times=times, width=0, height=0, people=(person,), source=sequence.name, body_model="mocap"))
    return clips


def at_rate(clip: Motion, rate: float) -> Motion:
    """A single-person clip at another frame rate: rotations along the shortest arc, the root linearly."""
    person = clip.people[0]
    pose, transl = person.require("pose_world", "transl_world")
    grid = np.arange(int((clip.times[-1] - clip.times[0]) * rate) + 1) / rate
    pose = resample_axis_angle(pose, clip.times, grid)
    transl = resample_linear(transl, clip.times, grid)
    joints = skeleton_of(clip, person).joints(pose, transl)
    moved = Person(id=person.id, frames=np.arange(len(grid)), pose_world=pose, transl_world=transl, joints_world=joints)
    return clip.replace(times=grid, people=(moved,))


def honest(clips: list[Motion]) -> list[tuple[Motion, BodyTrajectory]]:
    """Clips, each with its trajectory, without the frames at their ends that are not of the movement."""
    kept = []
    for clip in clips:
        trajectory = trajectory_of(clip, clip.people[0])
        ends = foreign_ends(trajectory)
        if ends is not None:
            # A T-pose that was filtered with the movement reaches into it.
            first = ends.first and ends.first + trajectory.stride
            rows = slice(first, ends.last if ends.last == len(trajectory.times) else ends.last - trajectory.stride)
            person = clip.people[0].select(np.arange(len(trajectory.times))[rows])
            person = person.replace(frames=np.arange(len(person)))
            sound = clip.replace(times=clip.times[rows], people=(person,))
            kept.append((sound, trajectory_of(sound, person)))
        else:
            kept.append((clip, trajectory))
    return kept


def flips(trajectory: BodyTrajectory) -> bool:
    """Whether a rotation of the clip flips."""
    found = [(flip(trajectory), "flip"), (spin(trajectory), "spin")]
    return any(values is not None and np.nanmax(values) > REASONED[name][0] for values, name in found)


def calibrate(clips: list[Motion], rates: tuple[float, ...] = RATES) -> dict[str, object]:
    """The table of limits by the rule above."""
    sound = honest(clips)
    flipping = [flips(trajectory) for _, trajectory in sound]
    limits: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {measure: [] for measure in CALIBRATED}
    for rate in (None, *rates):
        at = sound if rate is None else honest([at_rate(clip, rate) for clip, _ in sound])
        for measure in CALIBRATED:
            some = [pair for pair, bad in zip(at, flipping, strict=True) if not bad]
            limits[measure].append(_limits(measure, some))
    frames = {
        measure: _threshold(measure, *(np.max(values, axis=0) for values in zip(*found, strict=True)))
        for measure, found in limits.items()
    }
    for measure, (usual, never) in REASONED.items():
        if measure in UNITS and measure not in CALIBRATED:
            frames[measure] = Threshold(np.array(usual), np.array(np.inf if never is None else never))
    clip_limits = {name: REASONED[name][0] for name in ("foot_speed", "drift", "rise", "tilt")}
    shares = [
        judge_quality(clip, clip.people[0], Limits(frames=frames, **clip_limits), trajectory=trajectory).bad_share
        for (clip, trajectory), bad in zip(sound, flipping, strict=True)
        if not bad
    ]
    share = max(0.01, float(np.ceil(100 * np.percentile(shares, 99, method="higher")) / 100))
    return {
        "rule": "tools/calibrate_validator.py",
        "clips": len(clips),
        "seconds": round(sum(clip.num_frames / clip.fps for clip in clips)),
        "clip": clip_limits | {"pass_share": share},
        "frames": {m: {"usual": _plain(t.usual), "never": _plain(t.never)} for m, t in frames.items()},
    }


def _limits(measure: str, clips: list[tuple[Motion, BodyTrajectory]]) -> tuple[np.ndarray, np.ndarray]:
    """Both limits of one measure at one rate, before they are made symmetric and rounded."""
    percentiles, maxima = [], []
    for clip, trajectory in clips:
        values = measure_person(clip, clip.people[0], trajectory, measure)
        assert values is not None
        known = np.nan_to_num(values, nan=-np.inf)
        percentiles.append(np.percentile(known, 99, axis=0, method="lower"))
        maxima.append(known.max(axis=0))
    if measure in ("speed", "jump"):
        for numbers in (percentiles, maxima):
            for row in numbers:
                row[TRUNK] = row[TRUNK].max()
    if measure == "angle":
        top = ANGLE_ROOM * np.max(percentiles, axis=0)
    else:
        top = ROOM.get(measure, 2.0) * np.percentile(percentiles, 99, 0, method="higher")
    most = np.percentile(maxima, CLEAN, axis=0, method="lower") if measure == "jump" else np.max(maxima, axis=0)
    return np.asarray(top), np.asarray(MARGIN.get(measure, 1.1) * most)


def _threshold(measure: str, usual: np.ndarray, never: np.ndarray) -> Threshold:
    """Both limits of one measure, symmetric, rounded, and unlimited for joints that the capture does not move."""
    if usual.ndim:
        usual, never = np.maximum(usual, usual[SMPL24.mirror]), np.maximum(never, never[SMPL24.mirror])
        moved = usual > 1e-6
        usual, never = np.where(moved, usual, np.inf), np.where(moved, never, np.inf)
    if measure == "penetration":
        floor, worst = REASONED[measure][0], REASONED[measure][1] or np.inf
        usual = np.max(usual, initial=floor, where=usual < np.inf)
        never = np.max(never, initial=worst, where=never < np.inf)
    elif measure == "angle":
        usual, never = np.where(usual < 180, usual, np.inf), np.full(24, np.inf)
        usual[SMPL24.indices(("left_knee", "right_knee"))] = REASONED["angle.knees"][0]
    elif measure == "jump":
        usual[0], never[0] = REASONED["jump.pelvis"]
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
