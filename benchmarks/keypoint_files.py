"""What `kinema run VIDEO --keypoints FILE` makes of each kind of file, beside the default chain.

    python benchmarks/keypoint_files.py VIDEO [--truth FILE --calibration FILE --camera NAME] [--time-range A-B]

The default chain runs; its 2D keypoints are written as AlphaPose's JSON (COCO's 17 and Halpe's 26 joints), OpenPose's
folder (BODY_25) and an .npz of Human3.6M's 17; each file is run with the same video. Prints, for the first person, the
PA-MPJPE to the default chain over twelve limb joints (mm), the share of equal contacts, and with a truth the PA-MPJPE
to it. Without VIDEO: `balance_single_multiview_cam01` with its truth, from KINEMA_DATA.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import DATA
from benchmarks.accuracy_parts.tables import heading, line

from kinema.evaluation.motion import evaluate_motion
from kinema.evaluation.truth import load_truth
from kinema.metrics import pa_mpjpe
from kinema.motion import Motion
from kinema.person import Person
from kinema.pipeline import RunOptions, run
from kinema.skeleton import COCO17, H36M17, HALPE26, LIMBS12, OPENPOSE25, SMPL24, JointSet, joint_set

LIMBS = SMPL24.indices(LIMBS12)
MEANS = {
    "neck": ("left_shoulder", "right_shoulder"), "thorax": ("left_shoulder", "right_shoulder"),
    "mid_hip": ("left_hip", "right_hip"), "pelvis": ("left_hip", "right_hip"),
    "spine": ("left_shoulder", "right_shoulder", "left_hip", "right_hip"), "neck_nose": ("nose",),
}  # fmt: skip


def points_in(person: Person, wanted: JointSet) -> np.ndarray:
    """(F, K, 3) of another joint set, 0 for what it has and BlazePose has not."""
    given = joint_set(person.keypoint_set or "")
    points = np.concatenate([person.keypoints, person.keypoint_confidence[..., None]], axis=-1)
    out = np.zeros((len(points), len(wanted), 3))
    for k, name in enumerate(wanted.joints):
        parts = (name,) if name in given else MEANS.get(name, ())
        if parts:
            out[:, k] = points[:, given.indices(parts)].mean(axis=1)
    return out


def alphapose(motion: Motion, folder: Path, wanted: JointSet) -> Path:
    rows = [
        {"image_id": f"{frame}.jpg", "category_id": 1, "keypoints": pose.ravel().tolist(), "score": 1, "idx": person.id}
        for person in motion for frame, pose in zip(person.frames, points_in(person, wanted), strict=True)
    ]  # fmt: skip
    path = folder / f"{wanted.name}.json"
    path.write_text(json.dumps(rows))
    return path


def openpose(motion: Motion, folder: Path, wanted: JointSet) -> Path:
    people = {person.id: dict(zip(person.frames, points_in(person, wanted), strict=True)) for person in motion}
    path = folder / wanted.name
    path.mkdir()
    for frame in range(motion.num_frames):
        here = [poses[frame] for poses in people.values() if frame in poses]
        content = {"people": [{"person_id": [-1], "pose_keypoints_2d": pose.ravel().tolist()} for pose in here]}
        (path / f"clip_{frame:012d}_keypoints.json").write_text(json.dumps(content))
    return path


def npz(motion: Motion, folder: Path, wanted: JointSet) -> Path:
    person, path = motion.people[0], folder / f"{wanted.name}.npz"
    whole = np.zeros((motion.num_frames, len(wanted), 3))
    whole[person.frames] = points_in(person, wanted)
    np.savez(path, kpts=whole)
    return path


FILES: tuple[tuple[JointSet, Callable[[Motion, Path, JointSet], Path], str | None], ...] = (
    (COCO17, alphapose, None), (HALPE26, alphapose, None), (OPENPOSE25, openpose, None), (H36M17, npz, H36M17.name),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--calibration", type=Path)
    parser.add_argument("--camera")
    parser.add_argument("--time-range")
    args = parser.parse_args()
    if args.video is None:
        truth = DATA / "gt" / "balance_single"
        args.video, args.camera = DATA / "videos" / "balance_single_multiview_cam01.mp4", "cam_01"
        args.truth, args.calibration = truth / "Pose2Sim_markers.trc", truth / "Pose2Sim_cameras.toml"
    truth = None
    if args.truth is not None:
        truth = load_truth(args.truth, calibration=args.calibration, camera=args.camera)
    measures = ("PA-MPJPE to the default chain, mm", "contacts as there", "PA-MPJPE to the truth, mm")
    print(heading(["keypoints", *measures]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = {"overlay": False}
        default = run(args.video, folder / "runs", RunOptions.of(**options, time_range=args.time_range)).motion
        whole = (
            default if args.time_range is None else run(args.video, folder / "runs", RunOptions.of(**options)).motion
        )
        show("blazepose33, the default", default, default, truth)
        for wanted, write, layout in FILES:
            settings = {"keypoints": str(write(whole, folder, wanted)), "joints": layout, **options}
            found = run(args.video, folder / "runs", RunOptions.of(**settings, time_range=args.time_range)).motion
            show(wanted.name, found, default, truth)


def show(title: str, found: Motion, default: Motion, truth: object) -> None:
    first, other = found.people[0], default.people[0]
    _, a, b = np.intersect1d(first.frames, other.frames, return_indices=True)
    apart = 1e3 * float(np.mean(pa_mpjpe(first.joints[a][:, LIMBS], other.joints[b][:, LIMBS])))
    equal = float(np.mean(first.contacts[a] == other.contacts[b])) if first.contacts is not None else float("nan")
    error = "-" if truth is None else f"{evaluate_motion(found, truth).total['pa_mpjpe_mm']:.1f}"
    print(line([title, f"{apart:.1f}", f"{100 * equal:.0f} %", error]), flush=True)


if __name__ == "__main__":
    main()
