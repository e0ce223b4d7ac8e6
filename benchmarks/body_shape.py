"""How well the bodies of `kinema run` have the people's sizes: against truth where there is some, and against masks.

    python benchmarks/body_shape.py [--clips balance_single_multiview_cam01 ...] [--out DIR]

One row for each clip: MPJPE and PA-MPJPE (12 limb joints, mid-hip aligned, mm), stature in cm with its stated
uncertainty, lengths in mm of the body and of the truth, and over up to 12 frames the overlap (IoU) of the body's
outline with BlazePose's mask of the person, also of a fit to the keypoints alone, the parts of the mask beside the body
and of the body beside the mask, and the IoU that is lost at the head, the hands and the feet, where hair, things and
shoes are no body.
The truth of balance_single is a triangulation of keypoints, that of the squats an OpenSim model scaled to markers.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import astuple
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import DATA, require_data
from benchmarks.accuracy_parts.masks import covers, mean_of
from benchmarks.accuracy_parts.truths import balance_truth

from kinema.body import BodyModel, load_body
from kinema.body.sizes import BODY_HEIGHT
from kinema.commands._tables import print_table
from kinema.evaluation.motion import evaluate_motion
from kinema.evaluation.truth import Truth, load_truth
from kinema.motion import Motion
from kinema.pipeline import RunOptions, run
from kinema.skeleton import SMPL24

CLIPS = (
    "balance_single_multiview_cam01",
    "balance_single_multiview_cam03",
    "opencap_squats_marker_truth",
    "taiji_single_static",
    "basketball_two_people_static",
)
LENGTHS = {
    "arm": ("shoulder", "elbow"),
    "forearm": ("elbow", "wrist"),
    "thigh": ("hip", "knee"),
    "shin": ("knee", "ankle"),
}


def truth_of(clip: str) -> Truth | None:
    """The truth of a clip in its camera's frame, if there is one."""
    if clip.startswith("balance_single"):
        return balance_truth(clip[-5:])
    path = DATA / "gt" / clip / "truth_camera.npz"
    return load_truth(path) if path.is_file() else None


def lengths(points: np.ndarray, names: tuple[str, ...]) -> list[float]:
    """Millimetres of each of LENGTHS, both sides averaged, medians over frames: points (F,J,3) metres."""

    def apart(start: str, end: str) -> float:
        difference = points[:, names.index(start)] - points[:, names.index(end)]
        return 1e3 * float(np.nanmedian(np.linalg.norm(difference, axis=-1)))

    pairs = [[apart(f"{side}_{a}", f"{side}_{b}") for side in ("left", "right")] for a, b in LENGTHS.values()]
    return [float(np.mean(pair)) for pair in pairs]


def rows_of(video: Path, motion: Motion, alone: Motion, body: BodyModel) -> list[list[str]]:
    """The table rows of a clip, one for each person, the truth's lengths in one of their own. alone: the result of a
    fit to the keypoints alone."""
    clip = video.stem
    truth = truth_of(clip)
    with_outlines, by_keypoints = covers(body, video, motion, (motion, alone))
    rows = []
    for person in sorted(motion, key=len, reverse=True)[:2]:
        errors = ["-", "-"]
        if truth is not None and not rows:
            total = evaluate_motion(motion, truth).total
            errors = [f"{total['mpjpe_mm']:.1f}", f"{total['pa_mpjpe_mm']:.1f}"]
        elif truth is not None:
            continue
        height = person.data[BODY_HEIGHT]
        (betas,) = person.require("betas")
        own = lengths(body.rest_joints(betas[:1]), SMPL24.joints)
        fit = mean_of(with_outlines.get(person.id, []))
        before = mean_of(by_keypoints.get(person.id, []))
        rows.append(
            [f"{clip} {person.id}", *errors, f"{100 * height['metres']:.0f}±{100 * height['uncertainty']:.0f}"]
            + [f"{value:.0f}" for value in own]
            + [f"{100 * value:.1f} %" for value in (fit.iou, before.iou, *astuple(fit)[1:])]
        )
    if truth is not None:
        known = truth.people[0]
        true = lengths(known.in_frame("camera"), known.names)
        rows.append(["  its truth", "", "", "", *(f"{value:.0f}" for value in true), *[""] * 5])
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", nargs="+", default=CLIPS, metavar="NAME", help="names of videos in KINEMA_DATA")
    parser.add_argument("--out", type=Path, default=Path("outputs/body_shape"))
    args = parser.parse_args()
    require_data(DATA / "videos")
    body, rows = load_body(), []
    for clip in args.clips:
        video = DATA / "videos" / f"{clip}.mp4"
        motion, alone = (
            run(video, args.out, RunOptions.of(overlay=False, outlines=how)).motion for how in (True, False)
        )
        rows += rows_of(video, motion, alone, body)
    columns = ["clip and person", "MPJPE", "PA", "stature cm", *LENGTHS]
    columns += ["IoU", "by keypoints alone", "mask beside", "body beside", "at head, hands, feet"]
    print_table(columns, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
