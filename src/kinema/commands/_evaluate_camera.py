"""`kinema evaluate camera`: the path of a camera against the true one."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from kinema.commands._options import add_json
from kinema.terminal import print_json

DESCRIPTION = """\
Compare the path of a moving camera with the true one: absolute trajectory error (ATE) after one alignment of each shot,
relative pose error (RPE) over one second, rotation, scale and focal length.

RESULT and --truth may be files of a camera's path (of `kinema camera`, TUM, COLMAP), motion files whose
camera has a pose (Kinema's own, EMDB, 3DPW, GLAMR), or a run's folder. docs/evaluation.md defines the measures.
"""

LENGTHS = ("ate", "ate_similarity", "rpe_translation", "path_length")
"""Measures in metres, or in the truth's own unit."""

EXAMPLES = """\
  kinema evaluate camera clip_camera.npz --truth groundtruth.txt
  kinema evaluate camera outputs/clip --truth P2_20_outdoor_walk_data.pkl --json camera.json
  kinema evaluate camera outputs/clip --truth colmap/sparse/0
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("result", metavar="RESULT", type=Path, help="the path to evaluate")
    parser.add_argument("--truth", metavar="FILE", type=Path, required=True, help="the true path")
    add_json(parser, "the scores", file=True)


def run(args: argparse.Namespace) -> int:
    from kinema.commands._tables import print_table
    from kinema.evaluation.camera import CAMERA_MEASURES, evaluate_camera
    from kinema.evaluation.filmed import load_filmed_path
    from kinema.storage.atomic import write_json

    scores = evaluate_camera(load_filmed_path(args.result), load_filmed_path(args.truth))
    if args.json == "-":
        print_json(scores.to_dict())
        return 0
    shots = scores.shots if len(scores.shots) > 1 else ()
    heads = [f"{shot.start:.1f}-{shot.end:.1f} s" for shot in shots]
    rows = [["frames", str(sum(shot.frames for shot in scores.shots)), *(str(shot.frames) for shot in shots)]]
    unit = "m" if scores.metric else "units"
    for key, label in CAMERA_MEASURES.items():
        values = [scores.total[key], *(shot.measures.get(key, math.nan) for shot in shots)]
        if any(map(math.isfinite, values)):
            name = f"{label}, {unit}" if key in LENGTHS else label
            rows.append([name, *("-" if math.isnan(value) else f"{round(value, 6):.3g}" for value in values)])
    print_table(["measure", "all", *heads], rows)
    for note in scores.notes:
        print(f"- {note}")
    if args.json is not None:
        write_json(args.json, scores.to_dict())
        print(args.json)
    return 0
