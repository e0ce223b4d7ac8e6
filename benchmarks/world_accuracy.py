"""How accurately a motion is placed in the world: known motions with simulated monocular errors.

    python benchmarks/world_accuracy.py [--data ../shared/data] [--each 12] [--frames 300] [--rendered 8]

Procedural motions, whose contacts are exact, and CMU's motion capture applied to the free body are seen by
random static cameras (0.5-3 m high, rolled by up to 3 degrees). Their camera-frame ground truth gets typical monocular
errors (`tests/helpers/monocular.py`: distance off by 3 %, limbs rotated in depth by 4.5 degrees, the
body leaning, with a correlation time of half a second), is smoothed by the default filter and placed. "crouching" is
the demo's motion with a gross error observed in fits: 26 % too far while the knees are bent.
--rendered: number of demo clips that are also rendered, tracked and fitted, as in `kinema demo --seed 0` and so on.
Prints a table of means (in brackets: the 90th percentile of gravity and trajectory, the worst of soles and
pose, the sliding of the ground truth), and the time of both stages as a share of the 25 ms that a frame of one
person takes in a run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import DATA
from benchmarks.accuracy_parts.tables import heading, line
from tests.helpers.monocular import as_fitted, mistaken_for_farther, random_camera, score, seen_from

from kinema.body import BodyModel, load_body
from kinema.estimation import fit_body
from kinema.motion import Motion
from kinema.refinement import filter_motion
from kinema.skeleton import SMPL24
from kinema.synthetic import motion_from_mocap, procedural_motion, render_clip
from kinema.tracking import track_people
from kinema.video import open_video
from kinema.world import place_in_world

RUN_FRAME = 25.0
"""Milliseconds per frame of one person in a whole run on two cores, without overlay."""


def captured(body: BodyModel, data: Path, category: str, each: int, frames: int) -> list[Motion]:
    """Up to `each` sequences of a category, spread over its subjects, with at most `frames` frames each."""
    capture = np.load(data / "mocap" / "cmu_train.npz")
    rows = np.flatnonzero((capture["category"] == category) & (capture["subject"] != "03"))  # 03: uneven terrain
    if category == "sport":
        rows = rows[capture["subject"][rows] != "01"]  # 01: climbs on a playground
    rows = rows[np.linspace(0, len(rows) - 1, min(each, len(rows))).astype(int)]
    motions = []
    for row in rows:
        start, stop = capture["seq_start"][row : row + 2]
        part = slice(start, min(stop, start + frames))
        rest = capture["rest_offsets"][row]
        motions.append(
            motion_from_mocap(
                body,
                capture["root"][part],
                capture["smpl24_quat_i16"][part] / 32767.0,
                30.0,
                leg_length=float(np.linalg.norm(rest[4]) + np.linalg.norm(rest[7])),
            )
        )
    return motions


def as_seen(motions: list[Motion], body: BodyModel, *, crouching: bool = False) -> list[tuple[Motion, Motion]]:
    """Each motion seen by its own camera, and a simulated fit of it."""
    pairs = []
    for number, motion in enumerate(motions):
        rng = np.random.default_rng(number)
        truth = seen_from(motion, random_camera(motion.people[0].joints_world, rng), body)
        fitted = as_fitted(truth, body, rng)
        if crouching:
            knees = SMPL24.indices(["left_knee", "right_knee"])
            bend = np.linalg.norm(truth.people[0].pose.reshape(-1, 24, 3)[:, knees], axis=-1).mean(axis=1)
            fitted = mistaken_for_farther(fitted, body, 0.26, np.clip((bend - 0.7) / 1.2, 0, 1), legs=0.75)
        pairs.append((truth, fitted))
    return pairs


def rendered(count: int, body: BodyModel) -> list[tuple[Motion, Motion]]:
    """The demo's clips, rendered, tracked, fitted and smoothed."""
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(count):
            truth = procedural_motion(body, "demo", seed=seed)
            clip = render_clip(truth, body, Path(folder) / f"{seed}.mp4", seed=seed)
            with open_video(clip) as video:
                found = track_people(video)
            longest = max(found.people, key=len)
            pairs.append((truth, filter_motion(fit_body(found.replace(people=(longest,)), body), body)))
    return pairs


def measure(pairs: list[tuple[Motion, Motion]], body: BodyModel) -> dict[str, float]:
    """Mean metrics over motions and their fits."""
    rows, seconds, frames = [], 0.0, 0
    for truth, fitted in pairs:
        start = time.process_time()
        placed = place_in_world(filter_motion(fitted, body), body)
        seconds += time.process_time() - start
        frames += len(fitted.people[0])
        placed = place_in_world(fitted, body)  # smoothed once, as in a run
        record = placed.provenance[-1].arguments["people"][str(placed.people[0].id)]
        rows.append(score(placed, truth, body) | record)
    mean = {key: float(np.nanmean([row[key] for row in rows])) for key in rows[0]}
    for key in ("gravity", "trajectory"):
        mean[key + "_90"] = float(np.nanpercentile([row[key] for row in rows], 90))
    for key in ("bent_max", "penetration_max_after", "soles_worst"):
        mean[key] = float(np.nanmax([row[key] for row in rows]))
    mean["ground"] = float(np.mean([abs(row["ground"]) for row in rows]))
    mean["milliseconds"] = 1000 * seconds / frames
    return mean


COLUMNS = (
    ("gravity, deg", "{gravity:.1f} ({gravity_90:.1f})"),
    ("ground, cm", "{ground_cm:.1f}"),
    ("trajectory, %", "{trajectory:.1f} ({trajectory_90:.1f})"),
    ("contacts, precision / recall", "{contact_precision:.2f} / {contact_recall:.2f}"),
    ("soles off the ground in true contacts, mm", "{soles:.1f} ({soles_worst:.0f})"),
    ("in found contacts, mm", "{floating_before:.0f} -> {floating_after:.1f}"),
    ("sliding, mm/s", "{sliding_before:.0f} -> {sliding_after:.0f} ({sliding_truth:.0f})"),
    ("deepest foot, mm", "{penetration_max_before:.0f} -> {penetration_max_after:.1f}"),
    ("legs, mm", "{legs_before:.0f} -> {legs_after:.0f}"),
    ("pose changed by, mm", "{bent:.0f} ({bent_max:.0f})"),
    ("share of a run", "{share:.1%}"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--each", type=int, default=12)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--rendered", type=int, default=0, help="demo clips to render, track and fit (default: none)")
    args = parser.parse_args()
    body = load_body()
    scripts = {
        script: [procedural_motion(body, script, seed=seed) for seed in range(args.each)]
        for script in ("rounds", "demo", "on-the-spot")
    }
    groups = {f"procedural: {script}": as_seen(motions, body) for script, motions in scripts.items()}
    groups["procedural: crouching"] = as_seen(scripts["demo"], body, crouching=True)
    if args.rendered:
        groups["rendered: demo"] = rendered(args.rendered, body)
    if (args.data / "mocap" / "cmu_train.npz").exists():
        for category in ("walk", "run", "dance", "sport"):
            motions = captured(body, args.data, category, args.each, args.frames)
            groups[f"captured: {category}"] = as_seen(motions, body)
    print(heading(["motion", "clips", *(name for name, _ in COLUMNS)]))
    for name, pairs in groups.items():
        mean = measure(pairs, body)
        mean |= {"ground_cm": 100 * mean["ground"], "share": mean["milliseconds"] / RUN_FRAME}
        print(line([name, str(len(pairs)), *(cell.format(**mean) for _, cell in COLUMNS)]))


if __name__ == "__main__":
    main()
