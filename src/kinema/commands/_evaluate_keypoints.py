"""`kinema evaluate keypoints`: 2D keypoints against COCO's annotations."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from kinema.commands._options import add_json
from kinema.terminal import print_json

DESCRIPTION = """\
Compare 2D keypoints with annotations in COCO's format: average precision and recall by object keypoint similarity, and
the percentage of keypoints within 5, 10 and 20 % of the person's box.

RESULT may be COCO's results (image_id as in the annotations), a motion file, a run's folder, or a file of keypoints of
another program; the frames of these are the annotated images, sorted by their ids.
"""

EXAMPLES = """\
  kinema evaluate keypoints results.json --truth person_keypoints_val2017.json
  kinema evaluate keypoints outputs/clip --truth clip_annotations.json --json scores.json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("result", metavar="RESULT", type=Path, help="the keypoints to evaluate")
    parser.add_argument("--truth", metavar="FILE", type=Path, required=True, help="annotations in COCO's format")
    add_json(parser, "the scores", file=True)


def run(args: argparse.Namespace) -> int:
    from kinema.commands._tables import print_table
    from kinema.evaluation.keypoints import evaluate_keypoints
    from kinema.storage.atomic import write_json

    scores = evaluate_keypoints(args.result, args.truth)
    if args.json == "-":
        print_json(dataclasses.asdict(scores))
        return 0
    print(f"{scores.images} images, {scores.people} annotated people, {scores.detections} found")
    rows = [[name, f"{value:.3f}"] for name, value in dataclasses.asdict(scores.coco).items() if value >= 0]
    rows += [[f"PCK {share}, %", f"{value:.1f}"] for share, value in scores.pck.items()]
    rows += [[f"PCK 0.1 of {name}, %", f"{value:.1f}"] for name, value in scores.joints.items()]
    print_table(["measure", "value"], rows)
    if args.json is not None:
        write_json(args.json, dataclasses.asdict(scores))
        print(args.json)
    return 0
