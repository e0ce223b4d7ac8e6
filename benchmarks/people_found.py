"""Who is found on the real clips: people found, lost, invented and switched, against positions placed by eye.

    python benchmarks/people_found.py [CLIP...] [--out DIR] [--truth FILE] [--option NAME=VALUE...]

`people_truth.json` has, for sampled frames of every clip, the mid-hip of each person in pixels and about how tall they
would stand there: those of an early run where contact sheets show them on the right person, placed by hand where
somebody was missed or wrong (the somersault, the breaker, the woman in teal, the three men); the hips of the skiers are
those that COCO's annotators marked.

Somebody is found in a frame if a track's mid-hip lies within 20 % of that height (40 % where the truth says that the
hips are out of the image). Switched: how often a person's track changes from one such frame to the next. Invented:
tracks that are nobody's in any of these frames in which they are; not counted in crowds, whose people the file does not
list. Reprojection: median and 95th percentile over all tracks that are somebody, percent of the standing height; first
second: its median there over that of the rest. Sway: standard deviation of the distance, percent of it, of those whom
the file says to stay where they are.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import DATA

from kinema.commands._tables import print_table
from kinema.errors import KinemaError
from kinema.motion import Motion
from kinema.pipeline import RunOptions, run
from kinema.skeleton import joint_set

HERE = Path(__file__).resolve().parent
NEAR, NEAR_OUTSIDE, STATURE = 0.2, 0.4, 1.7
FAR = 1e6


def scores(motion: Motion, truth: dict[str, Any]) -> dict[str, Any]:
    """What the tracks of a clip are worth: found, seen (person-frames of the truth), switched, invented, owners."""
    names = list(truth["people"])
    near = NEAR_OUTSIDE if truth.get("hips_outside") else NEAR
    frames = sorted({int(frame) for way in truth["people"].values() for frame in way})
    last: dict[str, int] = {}
    found = seen = switched = 0
    owned: set[int] = set()
    for frame in frames:
        there = [name for name in names if str(frame) in truth["people"][name]]
        seen += len(there)
        tracks = {person.id: hips for person in motion if (hips := _hips(person, frame)) is not None}
        if not tracks:
            continue
        ids = list(tracks)
        cost = np.full((len(there), len(ids)), FAR)
        for row, name in enumerate(there):
            x, y, tall = truth["people"][name][str(frame)]
            away = np.linalg.norm(np.array([tracks[i] for i in ids]) - [x, y], axis=1) / tall
            cost[row] = np.where(away < near, away, FAR)
        for row, column in zip(*linear_sum_assignment(cost), strict=True):
            if cost[row, column] >= FAR:
                continue
            found += 1
            owned.add(ids[column])
            switched += last.get(there[row], ids[column]) != ids[column]
            last[there[row]] = ids[column]
    looked_at = [person for person in motion if np.isin(person.frames, frames).any()]
    invented = 0 if truth["crowd"] else sum(person.id not in owned for person in looked_at)
    return {"found": found, "seen": seen, "switched": switched, "invented": invented, "owned": owned, "last": last}


def _hips(person: Any, frame: int) -> np.ndarray | None:
    """The mid-hip (2,) of a person's keypoints in a frame, None where the person is not."""
    row = int(np.searchsorted(person.frames, frame))
    if row == len(person) or person.frames[row] != frame:
        return None
    hips = joint_set(person.keypoint_set).indices(("left_hip", "right_hip"))
    return np.asarray(person.keypoints[row, hips].mean(axis=0))


def line(clip: str, motion: Motion, truth: dict[str, Any]) -> list[str]:
    """The table row of one clip."""
    about = scores(motion, truth)
    errors, first = [], []
    for person in motion:
        if person.id in about["owned"]:
            tall = STATURE * motion.camera.intrinsics[0, 0] / person.joints[:, 0, 2]
            share = 100 * person.reprojection_error / tall
            begins = motion.times[person.frames] < motion.times[person.frames[0]] + 1.0
            errors.append(share)
            if not begins.all():
                first.append(np.nanmedian(share[begins]) / np.nanmedian(share[~begins]))
    sway = []
    for name in truth.get("stays", ()):
        if name in about["last"]:
            depth = motion.select(about["last"][name]).people[0].joints[:, 0, 2]
            sway.append(f"{100 * depth.std() / depth.mean():.1f}")
    every = np.concatenate(errors) if errors else np.full(1, np.nan)
    return [
        clip + (" (crowd)" if truth["crowd"] else ""),
        str(len(truth["people"])),
        str(len(motion.people)),
        f"{100 * about['found'] / about['seen']:.0f} %",
        str(about["invented"]),
        str(about["switched"]),
        f"{np.nanmedian(every):.2f}/{np.nanpercentile(every, 95):.2f}",
        f"{np.mean(first):.2f}" if first else "-",
        " ".join(sway) or "-",
    ]


def clip_file(name: str) -> Path | None:
    """The video or image of this name in the data, None if it is not there."""
    for path in (DATA / "videos" / f"{name}.mp4", DATA / "images" / f"{name}.jpg"):
        if path.is_file():
            return path
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", help="names in the truth (default: all)")
    parser.add_argument("--out", type=Path, default=Path("outputs/people_found"))
    parser.add_argument("--truth", type=Path, default=HERE / "people_truth.json")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="a setting of `kinema run`")
    args = parser.parse_args()
    truths = json.loads(args.truth.read_text(encoding="utf-8"))
    options = RunOptions.of(overlay=False, **dict(each.split("=", 1) for each in args.option))
    rows = []
    for clip in args.clips or truths:
        path = clip_file(clip)
        if path is None:
            print(f"no {clip} in {DATA}; set KINEMA_DATA", file=sys.stderr)
            return 3
        try:
            rows.append(line(clip, run(path, args.out, options).motion, truths[clip]))
        except KinemaError as error:
            rows.append([clip, str(len(truths[clip]["people"])), "-", str(error), *["-"] * 5])
        print(" ".join(rows[-1]), file=sys.stderr)
    columns = ["clip", "people", "tracks", "found", "invented", "switched", "reprojection %", "first second", "sway %"]
    print_table(columns, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
