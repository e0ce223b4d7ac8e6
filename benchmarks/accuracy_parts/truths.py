"""Every ground truth at hand, and a result compared with one: positions by joint and axis, angles, the vertical."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from benchmarks.accuracy_parts.data import DATA

from kinema import metrics
from kinema.evaluation.calibration import read_camera
from kinema.evaluation.matching import pair_joints, points_of, root_of
from kinema.evaluation.moments import Moments, common_moments
from kinema.evaluation.motion import evaluate_motion
from kinema.evaluation.scoring import Comparison, mean
from kinema.evaluation.truth import Truth, load_truth
from kinema.geometry.alignment import kabsch
from kinema.geometry.camera import project
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import SMPL24, joint_set

AXES = ("right", "down", "depth")
BALANCE_VIEWS = ("cam01", "cam03")
WRISTS = ("left_wrist", "right_wrist")
FAST = 0.9
"""Wrists are fast in the frames in which the truth's speed is above this share of all."""


@dataclass(frozen=True)
class TruthClip:
    """A clip whose joints are known. name: in tables; what: how they are known; definition: whose joints they are;
    position: whether the distance from the camera is known, too; peers: results of other programs on it, by name."""

    name: str
    clip: Path
    what: str
    load: Callable[[], Truth]
    definition: str = "halpe"
    position: bool = True
    peers: Mapping[str, Path] = field(default_factory=dict)

    @cached_property
    def truth(self) -> Truth:
        return self.load()

    @cached_property
    def up(self) -> np.ndarray | None:
        """(3,): the vertical in the camera's axes, None if the truth does not tell it."""
        (person,) = self.truth.people
        if person.joints_world is None:
            return None
        both = np.isfinite(person.joints).all(-1) & np.isfinite(person.joints_world).all(-1)
        camera, world = person.joints[both], person.joints_world[both]
        return kabsch(world - world.mean(0), camera - camera.mean(0))[:, 1]


def in_both_frames(joints: Path, world: Path, calibration: Path) -> Truth:
    """The truth of two files: joints in the camera's frame and in the world's, at the same times, and the camera."""
    truth, other = load_truth(joints), load_truth(world)
    person = dataclasses.replace(truth.people[0], joints_world=other.people[0].joints_world)
    return dataclasses.replace(truth, people=(person,), camera=read_camera(calibration, "cam"))


def balance_truth(view: str, data: Path = DATA) -> Truth:
    """What Pose2Sim triangulated of `balance_single`, as one of BALANCE_VIEWS sees it."""
    folder = data / "gt" / "balance_single"
    return load_truth(
        folder / "Pose2Sim_markers.trc", calibration=folder / "Pose2Sim_cameras.toml", camera=f"cam_{view[3:]}"
    )


def truth_clips(data: Path = DATA) -> list[TruthClip]:
    """Those whose files are there."""
    gt, videos = data / "gt", data / "videos"
    squats, desk = gt / "opencap_squats_marker_truth", gt / "caliscope_upper_body"

    found = [
        *(
            TruthClip(
                f"balance {name}", videos / f"balance_single_multiview_{name}.mp4",
                "triangulated, 1-3 cm", partial(balance_truth, name, data),
            )
            for name in BALANCE_VIEWS
        ),
        TruthClip(
            "squats", videos / "opencap_squats_marker_truth.mp4", "optical markers",
            lambda: in_both_frames(
                squats / "truth_camera.npz", squats / "truth_world.npz", squats / "camera_estimated.toml"
            ),
            definition="opensim",
            position=False,
            peers={
                "OpenCap Monocular": squats / "peer_opencap_monocular_world.npz",
                "WHAM": squats / "peer_wham_opensim_world.npz",
            },
        ),
        TruthClip(
            "desk", videos / "arms_upper_body_multiview_cam02.mp4", "triangulated, about 1 cm",
            lambda: load_truth(desk / "camera_cam2.npz"), definition="coco",
        ),
    ]  # fmt: skip
    return [each for each in found if each.clip.is_file() and gt.is_dir()]


@dataclass(frozen=True, eq=False)
class Scores:
    """A result against a truth.

    measures: by the keys of `kinema.evaluation.scoring.MEASURES`, and "absolute_mm" (nothing aligned),
    "distance_percent", "vertical_deg", "wrists_percent", "keypoints_percent" (2D, of the body's height in the image).
    axes: {axis: mm}, mean distance along it; joints: {joint: mm}, of both sides together; at the mid-hip.
    """

    measures: dict[str, float]
    axes: dict[str, float]
    joints: dict[str, float]


def scores_of(motion: Motion, known: TruthClip) -> Scores:
    """The scores of the person who fits the truth best."""
    found = evaluate_motion(motion, known.truth)
    (person,) = found.people
    measures = dict(found.total)
    if person.result is None:
        return Scores(measures, {}, {})
    moments = common_moments(motion, known.truth)
    track, true = motion.person(person.result), moments.truth.people[0]
    points = points_of(motion, track, "body", "camera")[moments.rows]
    names = SMPL24.joints
    both = Comparison(pair_joints(names, true.names, "limbs12"), names, points, true.names, true.joints,
                      align="mid_hip", frame="camera")  # fmt: skip
    off = 1000 * np.abs(both.result - both.truth)
    by_joint = dict(
        zip(both.names, np.nanmean(1000 * metrics.joint_errors(both.result, both.truth), axis=0), strict=True)
    )
    pairs = {name.partition("_")[2] for name in both.names}
    measures["absolute_mm"] = np.nan
    if known.position:
        measures["absolute_mm"] = evaluate_motion(motion, known.truth, align="none").total["mpjpe_mm"]
    root, true_root = (1000 * root_of(each, which) for each, which in ((points, names), (true.joints, true.names)))
    measures["distance_percent"] = 100 * mean(np.abs(root[:, 2] / true_root[:, 2] - 1)) if known.position else np.nan
    measures["vertical_deg"] = np.nan
    if placed(motion) and known.up is not None:
        measures["vertical_deg"] = between(motion.camera.rotation[:, 1], known.up)
    measures["wrists_percent"] = wrist_speed(both, moments.times)
    measures["keypoints_percent"] = keypoint_error(motion, track.id, known, moments)
    return Scores(
        measures,
        dict(zip(AXES, np.nanmean(off, axis=(0, 1)), strict=True)),
        {name: mean([by_joint[f"{side}_{name}"] for side in ("left", "right")]) for name in sorted(pairs)},
    )


def placed(motion: Motion) -> bool:
    return motion.camera is not None and motion.camera.rotation is not None and motion.camera.rotation.ndim == 2


def between(a: np.ndarray, b: np.ndarray) -> float:
    """Degrees between two vectors."""
    return float(np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))))


def wrist_speed(both: Comparison, times: np.ndarray) -> float:
    """Percent of the truth's speed that the wrists have, relative to the hips, in the tenth in which it is fastest."""
    kept = []
    for name in WRISTS:
        if name not in both.names:
            continue
        column = both.names.index(name)
        ours, true = (
            np.linalg.norm(np.diff(points[:, column], axis=0), axis=-1) / np.diff(times)
            for points in (both.result, both.truth)
        )
        known = np.isfinite(ours) & np.isfinite(true)
        fast = known & (true >= np.quantile(true[known], FAST))
        kept.append(ours[fast].mean() / true[fast].mean())
    return 100 * float(np.mean(kept)) if kept else np.nan


def keypoint_error(motion: Motion, track: int, known: TruthClip, moments: Moments) -> float:
    """Mean distance of the 2D keypoints of the limbs from the projected truth, percent of the truth's height in the
    image; NaN where the truth's camera is not known."""
    person, camera = motion.person(track), known.truth.camera
    if camera is None or person.keypoints is None:
        return np.nan
    true = moments.truth.people[0]
    joints = joint_set(str(person.keypoint_set))
    names = [pair.name for pair in pair_joints(joints.joints, true.names, "limbs12")]
    pixels = project(true.joints[:, [true.names.index(name) for name in names]], camera.intrinsics, camera.distortion)
    every = np.full((motion.num_frames, len(names), 2), np.nan)
    every[person.frames] = person.keypoints[:, joints.indices(names)]
    height = np.nanmax(np.nanmax(pixels[..., 1], axis=1) - np.nanmin(pixels[..., 1], axis=1))
    return 100 * mean(np.linalg.norm(every[moments.rows] - pixels, axis=-1)) / height


def peer_scores(known: TruthClip) -> dict[str, dict[str, float]]:
    """{peer: measures}: in the world, after one turn about the vertical, like Kinema's own there."""
    return {
        name: evaluate_motion(peer_motion(path), known.truth, frame="world").total for name, path in known.peers.items()
    }


def peer_motion(path: Path) -> Motion:
    """A peer's joints as a motion: SMPL's joints of the same names, the others unknown."""
    truth = load_truth(path)
    (person,) = truth.people
    joints = np.full((len(truth.times), len(SMPL24), 3), 0.0)
    joints[:, SMPL24.indices(person.names)] = person.joints_world
    one = Person(1, np.arange(len(truth.times)), joints_world=joints)
    return Motion(truth.times, 2, 2, people=(one,))
