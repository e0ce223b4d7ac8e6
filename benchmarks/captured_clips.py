"""Captured people rendered as a phone on a tripod sees them: sitting down, jumping, walking across, bending.

    python benchmarks/captured_clips.py [CLIP ...] [--quality NAME ...] [--cache outputs/captured_clips] [--no-balance]

The free body moves as people of CMU's motion capture did (KINEMA_DATA's `mocap`; NOTICE has the acknowledgement), in a
room, before a camera 3 to 4 m away; the truth is exact. Clips are rendered and tracked once and kept in the cache.
Prints, for each clip and preset: MPJPE and PA-MPJPE of the limbs in the camera's frame, mid-hip aligned, mm;
acceleration error, m/s2; the errors of the vertical and of the trunk's direction in the camera's frame, degrees;
precision and recall of contacts; of the frames in which the truth is in the air, the share in which a foot is taken to
be on the ground; the stature over the true one, percent; with that taken out, the pelvis' range of heights over the
true one, its mean height too much and how far the ground is too low, mm; the root's path, percent of its length; the
speed of feet that in truth stand, mm/s.
"""

from __future__ import annotations

import argparse
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.chains import Chain, Kept
from benchmarks.accuracy_parts.data import DATA, require_data
from benchmarks.accuracy_parts.rendered import MAKING
from tests.helpers.monocular import score, seen_from

from kinema.body import BodyModel, load_body
from kinema.body.kinematics import Rig
from kinema.body.sizes import stature
from kinema.commands._tables import print_table
from kinema.evaluation.motion import evaluate_motion
from kinema.formats.motion_files import load_motion
from kinema.geometry.camera import Camera, camera_from_fov
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.motion import Motion
from kinema.pipeline.keys import code_identity, digest
from kinema.skeleton import SMPL24
from kinema.synthetic import render_clip
from kinema.synthetic.mocap import leg_length_of, motion_from_mocap
from kinema.temporal.rate import frame_rate
from kinema.training.mocap import load_mocap

FOV = 60.0
"""Degrees over the longer side: of a phone's main camera that films."""

STATURE = 0.7
"""Standard deviation of the betas: people are not all average."""

AIR = 0.05
"""Metres from the ground beyond which all four contact points of somebody in the air are."""


@dataclass(frozen=True)
class Clip:
    """A piece of a capture and the camera before it.

    source: a sequence of CMU; start, end: seconds of it. side: degrees from where the person faces to the camera, to
    the person's left; height, distance: metres from the ground and the middle of the person's path.
    """

    source: str
    start: float
    end: float
    side: float
    height: float
    distance: float


CLIPS = {
    "sit": Clip("14_31", 6.0, 13.0, 45.0, 1.3, 3.8),
    "jump up": Clip("13_41", 0.3, 3.1, 40.0, 1.2, 3.6),
    "jump ahead": Clip("01_01", 0.4, 6.0, 25.0, 0.5, 4.0),
    "walk": Clip("16_15", 0.0, 3.9, 90.0, 1.4, 3.2),
    "bend": Clip("14_12", 0.3, 6.0, -45.0, 2.6, 3.4),
    "squat": Clip("13_30", 12.0, 17.5, -45.0, 1.2, 3.6),
}
"""Subject 14 and 16 are nobody that the lifters learned from, 13 and 01 are."""


def captured(clip: Clip, body: BodyModel, seed: int) -> Motion:
    """The motion of a clip before its camera."""
    if clip.source.startswith(("13_", "14_")):
        rotation, root, fps, leg, soles = from_bvh(clip.source, body)
    else:
        (found,) = [each for each in load_mocap(DATA / "mocap" / "cmu_train.npz") if each.name == clip.source]
        rotation, root, fps, leg = found.rotation, found.root, found.rate, None
        rig = Rig.of(body, "contacts", np.zeros(10))
        soles = rig.forward(np.asarray(rotation, float), np.asarray(root, float))[2][..., 1].min(axis=1)
    rows = slice(round(clip.start * fps), round(clip.end * fps))
    betas = np.random.default_rng([seed, 0xC11B]).normal(0, STATURE, 10)
    quaternions = Rotation.from_matrix(np.asarray(rotation[rows], float).reshape(-1, 3, 3)).as_quat()
    motion = motion_from_mocap(
        body, root[rows], quaternions.reshape(-1, 24, 4), fps, betas=betas, leg_length=leg, soles=soles[rows],
        source=clip.source,
    )  # fmt: skip
    return seen_from(motion, camera_beside(motion.people[0].joints_world, clip), body)


def from_bvh(name: str, body: BodyModel) -> tuple[np.ndarray, np.ndarray, float, float, np.ndarray]:
    """Of a capture of the archive: rotations (F,24,3,3), pelvis (F,3), frames a second, length of the legs and height
    (F,) of the lowest sole, metres."""
    with tarfile.open(DATA / "mocap" / "cmu_13_14_bvh30.tar.xz") as archive, TemporaryDirectory() as folder:
        archive.extract(f"cmu_13_14/{name}.bvh", folder, filter="data")
        motion = load_motion(Path(folder) / "cmu_13_14" / f"{name}.bvh")
    pose, betas, transl = motion.people[0].require("pose_world", "betas", "transl_world")
    rest = body.rest_joints(betas[0])
    soles = body.posed_points("contacts", pose, betas, transl)[..., 1].min(axis=1)
    rotation, leg = axis_angle_to_matrix(pose.reshape(-1, 24, 3)), leg_length_of(rest)
    return rotation, transl + rest[0], frame_rate(motion.times), leg, soles


def camera_beside(joints: np.ndarray, clip: Clip) -> Camera:
    """A level camera aimed at the middle of the path of joints (F,24,3), from a side of where the person faces then."""
    low, high = joints.min(axis=(0, 1)), joints.max(axis=(0, 1))
    middle = 0.5 * (low + high)
    hips = np.mean(np.diff(joints[:, SMPL24.indices(["right_hip", "left_hip"])], axis=1)[:, 0], axis=0)
    angle = np.arctan2(-hips[2], hips[0]) + np.radians(clip.side)  # of the direction that the person faces, from +z
    position = middle + clip.distance * np.array([np.sin(angle), 0.0, np.cos(angle)])
    position[1] = clip.height
    to = middle * [1.0, 0.0, 1.0] + [0.0, 0.9, 0.0] - position
    forward = to / np.linalg.norm(to)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    camera = camera_from_fov(1280, 720, FOV)
    return camera.replace(rotation=rotation, translation=-rotation @ position, moving=False)


def rendered(folder: Path, name: str, body: BodyModel) -> tuple[Path, Motion]:
    """The clip's file, rendered once, and its truth."""
    seed = list(CLIPS).index(name)
    truth = captured(CLIPS[name], body, seed)
    made = digest(code_identity(*MAKING), repr(CLIPS[name]))[:8]
    path = folder / f"{name.replace(' ', '_')}_{made}.mp4"
    if not path.is_file():
        print(f"rendering {path.name}", file=sys.stderr, flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        render_clip(truth, body, path, seed=seed)
    return path, truth


def scores(motion: Motion, truth: Motion, body: BodyModel) -> dict[str, float]:
    """The measures of the docstring, of the longest track."""
    longest = motion.replace(people=(max(motion.people, key=len),))
    total = evaluate_motion(longest, truth).total
    found = longest.people[0]
    true = truth.people[0].select(found.frames)
    soles = body.posed_points("contacts", true.pose_world, true.betas, true.transl_world)
    air = (soles[..., 1] > AIR).all(axis=1)
    size = stature(body, found.betas[0]) / stature(body, true.betas[0])
    height, true_height = found.joints_world[:, 0, 1] / size, true.joints_world[:, 0, 1]
    trunks = [each.joints[:, SMPL24.index("neck")] - each.joints[:, 0] for each in (found, true)]
    cosine = np.sum(trunks[0] * trunks[1], axis=1) / np.prod([np.linalg.norm(each, axis=1) for each in trunks], axis=0)
    eyes = [-each.camera.rotation.T @ each.camera.translation for each in (motion, truth)]
    return {
        **total,
        **score(longest, truth, body),
        "trunk": float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean()),
        "on_ground_in_air": float(found.contacts[air].any(axis=1).mean()) if air.any() else np.nan,
        "size": float(size),
        "range": float(np.ptp(height) / np.ptp(true_height)),
        "pelvis": float(1000 * (height - true_height).mean()),
        "low": float(1000 * (eyes[0][1] / size - eyes[1][1])),
        "found": len(found) / truth.num_frames,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", help=f"default all: {', '.join(CLIPS)}")
    parser.add_argument("--quality", nargs="+", default=["fast"], help="presets of `kinema run`")
    parser.add_argument("--cache", type=Path, default=Path("outputs/captured_clips"))
    parser.add_argument("--no-balance", action="store_true", help="also without balance in the fit")
    args = parser.parse_args()
    require_data(DATA / "mocap")
    body, kept, rows = load_body(), Kept(args.cache), []
    for name in args.clips or CLIPS:
        path, truth = rendered(args.cache, name, body)
        for quality in args.quality:
            for balance in (True, False) if args.no_balance else (True,):
                label = quality if balance else f"{quality}, no balance"
                motion = kept.result(path, Chain(label, {"quality": quality}, {} if balance else {"balance": False}))
                m = scores(motion, truth, body)
                rows.append([
                    name, label, f"{100 * m['found']:.0f}", f"{m['mpjpe_mm']:.0f} / {m['pa_mpjpe_mm']:.0f}",
                    f"{m['acceleration_error_m_s2']:.1f}", f"{m['gravity']:.1f}", f"{m['trunk']:.1f}",
                    f"{m['contact_precision']:.2f} / {m['contact_recall']:.2f}",
                    "-" if np.isnan(m["on_ground_in_air"]) else f"{100 * m['on_ground_in_air']:.0f}",
                    f"{100 * m['size']:.0f}", f"{100 * m['range']:.0f}", f"{m['pelvis']:.0f}", f"{m['low']:.0f}",
                    f"{m['trajectory']:.1f}", f"{m['sliding_truth']:.0f}",
                ])  # fmt: skip
    print_table(
        ["clip", "preset", "found, %", "MPJPE / PA", "acceleration", "vertical", "trunk", "contacts", "air, %",
         "size, %", "range, %", "pelvis", "ground", "path, %", "sliding"],
        rows,
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
