"""How well the bodies of `kinema run` have the people's sizes: against truth where there is some, and against masks.

    python benchmarks/body_shape.py [--clips balance_single_multiview_cam01 ...] [--out DIR]

One row for each clip: MPJPE and PA-MPJPE (12 limb joints, mid-hip aligned, mm), stature in cm with its stated
uncertainty, lengths in mm of the body and of the truth, and over up to 12 frames the overlap (IoU) of the body's
outline with BlazePose's mask of the person, and the parts of the mask beside the body and of the body beside the mask.
The truth of balance_single is a triangulation of keypoints, that of the squats an OpenSim model scaled to markers.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import cv2
import numpy as np

from kinema.body import BodyModel, load_body
from kinema.body.sizes import BODY_HEIGHT
from kinema.commands._tables import print_table
from kinema.evaluation.motion import evaluate_motion
from kinema.evaluation.truth import Truth, load_truth
from kinema.geometry.camera import project
from kinema.motion import Motion
from kinema.person import Person
from kinema.pipeline import RunOptions, run
from kinema.pipeline.segmenting import segment_video
from kinema.segmentation.masks import Masks
from kinema.skeleton import SMPL24

DATA = Path(os.environ.get("KINEMA_DATA", Path(__file__).resolve().parent.parent / "../shared/data"))
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
FRAMES = 12


def truth_of(clip: str) -> Truth | None:
    """The truth of a clip in its camera's frame, if there is one."""
    balance = DATA / "gt/balance_single"
    if clip.startswith("balance_single"):
        camera = "cam_" + clip[-2:]
        return load_truth(
            balance / "Pose2Sim_markers.trc", calibration=balance / "Pose2Sim_cameras.toml", camera=camera
        )
    path = DATA / "gt" / clip / "truth_camera.npz"
    return load_truth(path) if path.is_file() else None


def lengths(points: np.ndarray, names: tuple[str, ...]) -> list[float]:
    """Millimetres of each of LENGTHS, both sides averaged, medians over frames: points (F,J,3) metres."""

    def apart(start: str, end: str) -> float:
        difference = points[:, names.index(start)] - points[:, names.index(end)]
        return 1e3 * float(np.nanmedian(np.linalg.norm(difference, axis=-1)))

    pairs = [[apart(f"{side}_{a}", f"{side}_{b}") for side in ("left", "right")] for a, b in LENGTHS.values()]
    return [float(np.mean(pair)) for pair in pairs]


def outline(motion: Motion, person: Person, row: int, body: BodyModel) -> np.ndarray:
    """(H,W) bool: the pixels that a person's body covers in one of the person's frames."""
    assert motion.camera is not None
    pose, betas, transl = person.require("pose", "betas", "transl")
    vertices = body.vertices(pose[row : row + 1], betas[row], transl[row])[0]
    pixels = project(vertices, motion.camera.intrinsics, motion.camera.distortion)
    out = np.zeros((motion.height, motion.width), np.uint8)
    for corners in np.round(np.clip(pixels, -1e4, 1e4)[body.faces] * 16).astype(np.int32):
        cv2.fillConvexPoly(out, corners, 1, shift=4)
    return out > 0


def overlap(motion: Motion, masks: Masks, person: Person, body: BodyModel) -> tuple[float, float, float]:
    """IoU of body and mask, and the fractions of the mask beside the body and of the body beside the mask; means."""
    column = masks.ids.index(person.id)
    scores = []
    for row in np.unique(np.linspace(0, len(person) - 1, FRAMES + 2).round().astype(int))[1:-1]:
        seen = masks.frame(int(person.frames[row]))[column]
        if not seen.any():
            continue
        own = outline(motion, person, int(row), body)
        both = (own & seen).sum()
        scores.append((both / (own | seen).sum(), 1 - both / seen.sum(), 1 - both / max(own.sum(), 1)))
    return tuple(np.mean(scores, axis=0)) if scores else (np.nan,) * 3


def rows_of(clip: str, motion: Motion, masks: Masks, body: BodyModel) -> list[list[str]]:
    """The table rows of a clip, one for each person, the truth's lengths in one of their own."""
    truth = truth_of(clip)
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
        fit = overlap(motion, masks, person, body)
        rows.append(
            [f"{clip} {person.id}", *errors, f"{100 * height['metres']:.0f}±{100 * height['uncertainty']:.0f}"]
            + [f"{value:.0f}" for value in own]
            + [f"{100 * value:.1f} %" for value in fit]
        )
    if truth is not None:
        known = truth.people[0]
        true = lengths(known.in_frame("camera"), known.names)
        rows.append(["  its truth", "", "", "", *(f"{value:.0f}" for value in true), "", "", ""])
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", nargs="+", default=CLIPS, metavar="NAME", help="names of videos in KINEMA_DATA")
    parser.add_argument("--out", type=Path, default=Path("outputs/body_shape"))
    args = parser.parse_args()
    if not (DATA / "videos").is_dir():
        print(f"no {DATA / 'videos'}; set KINEMA_DATA", file=sys.stderr)
        return 3
    body, rows = load_body(), []
    for clip in args.clips:
        video = DATA / "videos" / f"{clip}.mp4"
        motion = run(video, args.out, RunOptions.of(overlay=False)).motion
        rows += rows_of(clip, motion, segment_video(video), body)
    columns = ["clip and person", "MPJPE", "PA", "stature cm", *LENGTHS, "IoU", "mask beside", "body beside"]
    print_table(columns, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
