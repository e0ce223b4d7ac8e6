"""The scores of one person: matched points of both sides, and the measures on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kinema import metrics
from kinema.brief import Brief
from kinema.evaluation.matching import JointPair, root_of
from kinema.evaluation.moments import Moments
from kinema.evaluation.truth import TruthPerson
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.metrics import nan_mean
from kinema.person import Person
from kinema.skeleton import SMPL24

MEASURES = {
    "coverage": "coverage",  # fraction of the truth's frames in which the person was found
    "mpjpe_mm": "MPJPE, mm",
    "pa_mpjpe_mm": "PA-MPJPE, mm",
    "n_mpjpe_mm": "N-MPJPE, mm",
    "pck150_percent": "PCK 150 mm, %",
    "auc_percent": "AUC 0-150 mm, %",
    "bend_error_deg": "joint angles, deg",  # flexion of elbows, knees, shoulders, hips, from positions
    "rotation_error_deg": "joint rotations, deg",  # geodesic, where the truth has rotations
    "orientation_error_deg": "root rotation, deg",
    "acceleration_error_m_s2": "acceleration, m/s2",
    "jitter_m_s3": "jitter (jerk), m/s3",
    "jitter_truth_m_s3": "jitter of the truth, m/s3",
    "jitter_ratio": "jitter, times the truth's",  # 1 is right; above it shakes, below it is too smooth
    "root_error_percent": "root path, % of distance",
    "root_error_mm": "root path, mm",
    "distance_m": "distance travelled, m",
    "wa_mpjpe_mm": "WA-MPJPE 100 frames, mm",
    "w_mpjpe_mm": "W-MPJPE 100 frames, mm",
    "rte_percent": "RTE, % of distance",
    "feet_sliding_mm": "feet sliding, mm a frame",
}
"""Every measure: key in scores and JSON, and short name in tables. docs/evaluation.md defines them."""

_STILL = 1e-3
"""m/s3: a truth with less jitter does not move, and the ratio to it is undefined."""

_BODY_JOINTS = slice(1, 22)
"""SMPL joints whose rotations are compared: all but the root and the two hands, which are not estimated."""


@dataclass(frozen=True, repr=False)
class PersonScores(Brief):
    """Scores of one person of the truth. truth, result: the person's label on each side (None: not found).

    frames: number compared; truth_frames: number in which the truth has the person. measures: by the
    keys of `MEASURES`, NaN where undefined. joints: {joint: {"mpjpe_mm", "pa_mpjpe_mm",
    "acceleration_error_m_s2"}}; bends: {joint: degrees}.
    """

    truth: str
    result: int | None
    frames: int
    truth_frames: int
    measures: dict[str, float]
    joints: dict[str, dict[str, float]] = field(default_factory=dict)
    bends: dict[str, float] = field(default_factory=dict)


class Comparison:
    """The points of a person of the result and of a person of the truth, at the N matched frames.

    pairs, names (J): of the joints compared. result, truth (N, J, 3): aligned as `align` says, NaN where a side is
    missing. result_at_root, truth_at_root: relative to the midpoint of the hips. roots, truth_roots (N, 3):
    these midpoints, as given. yaw (3,3): in the world,
    the rotation about the vertical axis that best aligns the whole clip to the truth; else the identity.
    """

    def __init__(
        self,
        pairs: Sequence[JointPair],
        names: Sequence[str],
        points: np.ndarray,
        truth_names: Sequence[str],
        truth_points: np.ndarray,
        *,
        align: str,
        frame: str,
    ) -> None:
        self.pairs = tuple(pairs)
        self.names = tuple(pair.name for pair in pairs)
        result = points[:, [names.index(pair.result) for pair in pairs]]
        self.truth = truth_points[:, [truth_names.index(pair.truth) for pair in pairs]]
        root, truth_root = root_of(points, names), root_of(truth_points, truth_names)
        self.roots, self.truth_roots = root, truth_root
        self.truth_at_root = self.truth - truth_root[:, None]
        at_root = result - root[:, None]
        self.yaw = _heading(at_root, self.truth_at_root) if frame == "world" else np.eye(3)
        self.result_at_root = at_root @ self.yaw.T
        if align == "mid_hip":
            self.result, self.truth = self.result_at_root, self.truth_at_root
        elif frame == "world":
            path = metrics.align_trajectory(root @ self.yaw.T, truth_root, "translation")
            self.result = self.result_at_root + path[:, None]
        else:
            self.result = result

    @property
    def cost(self) -> np.ndarray:
        """(N,) mean distance of the joints relative to the hips: how well the two people match."""
        return metrics.mpjpe(self.result_at_root, self.truth_at_root)


def score(
    comparison: Comparison, moments: Moments, truth_present: np.ndarray, truth_label: str, person: Person
) -> PersonScores:
    """All measures computed from positions. truth_present (N,) bool: moments in which the person is there."""
    errors = metrics.joint_errors(comparison.result, comparison.truth)
    both = np.isfinite(errors).any(axis=-1)
    if not both.any():
        return absent(truth_label, truth_present)
    errors = errors[both]
    timing = (moments.times[both], moments.largest_step, moments.pieces[both])
    # What is missing on one side is missing on both, so that both are judged by the same joints.
    ours = np.where(np.isfinite(errors)[..., None], comparison.result[both], np.nan)
    theirs = np.where(np.isfinite(errors)[..., None], comparison.truth[both], np.nan)
    aligned = metrics.pa_joint_errors(ours, theirs)
    acceleration = metrics.acceleration_error(ours, theirs, *timing)
    jitter, true_jitter = (mean(metrics.jitter(points, *timing)) for points in (ours, theirs))
    bends = _bend_errors(ours, theirs, comparison.names)
    measures = dict.fromkeys(MEASURES, math.nan)
    measures.update(
        coverage=float(both.sum() / truth_present.sum()),
        mpjpe_mm=1000 * mean(metrics.mpjpe(ours, theirs)),
        pa_mpjpe_mm=1000 * mean(metrics.pa_mpjpe(ours, theirs)),
        n_mpjpe_mm=1000 * mean(metrics.n_mpjpe(comparison.result_at_root[both], comparison.truth_at_root[both])),
        pck150_percent=metrics.pck(errors, 0.15),
        auc_percent=metrics.auc(errors),
        bend_error_deg=mean(np.array(list(bends.values()))),
        acceleration_error_m_s2=mean(acceleration),
        jitter_m_s3=jitter,
        jitter_truth_m_s3=true_jitter,
        jitter_ratio=_ratio(jitter, true_jitter),
    )
    joints = {
        name: {
            "mpjpe_mm": 1000 * mean(errors[:, j]),
            "pa_mpjpe_mm": 1000 * mean(aligned[:, j]),
            "acceleration_error_m_s2": mean(acceleration[:, j]),
        }
        for j, name in enumerate(comparison.names)
    }
    return PersonScores(truth_label, person.id, int(both.sum()), int(truth_present.sum()), measures, joints, bends)


def absent(truth_label: str, truth_present: np.ndarray) -> PersonScores:
    """The scores of a person who was not found."""
    measures = dict.fromkeys(MEASURES, math.nan)
    if truth_present.any():
        measures["coverage"] = 0.0
    return PersonScores(truth_label, None, 0, int(truth_present.sum()), measures)


def rotation_scores(
    person: Person,
    truth: TruthPerson,
    clip_frames: int,
    rows: np.ndarray,
    frame: str,
    yaw: Any,
) -> dict[str, float]:
    """Errors of the SMPL rotations at `rows` (N,) of the clip, if both sides have them in this frame.

    truth: at the same N moments.
    """
    pose, true_pose = (person.pose, truth.pose) if frame == "camera" else (person.pose_world, truth.pose_world)
    if pose is None or true_pose is None:
        return {}
    every = np.full((clip_frames, pose.shape[1]), np.nan)
    every[person.frames] = pose
    ours, theirs = every[rows], true_pose
    both = np.isfinite(ours).all(axis=-1) & np.isfinite(theirs).all(axis=-1)
    if not both.any():
        return {}
    a = axis_angle_to_matrix(ours[both].reshape(-1, 24, 3))
    b = axis_angle_to_matrix(theirs[both].reshape(-1, 24, 3))
    a[:, 0] = yaw @ a[:, 0]
    errors = np.degrees(metrics.rotation_errors(a, b))
    return {"rotation_error_deg": mean(errors[:, _BODY_JOINTS]), "orientation_error_deg": mean(errors[:, 0])}


def trajectory_scores(person: Person, truth: TruthPerson, clip_frames: int, rows: np.ndarray) -> dict[str, float]:
    """Errors of the root's path after one rigid alignment of the whole path. truth: at the frames `rows` (N,).

    In the world (rotation about the vertical axis, and translation) if both sides know it, else in the camera's frame
    (any rotation, and translation). The path is that of the midpoint of the hips.
    """
    if person.joints_world is not None and truth.joints_world is not None:
        joints, true_joints, how = person.joints_world, truth.joints_world, "yaw"
    elif person.joints is not None and truth.joints is not None:
        joints, true_joints, how = person.joints, truth.joints, "rigid"
    else:
        return {}
    every = np.full((clip_frames, 3), np.nan)
    every[person.frames] = root_of(joints, SMPL24.joints)
    path, true_path = every[rows], root_of(true_joints, truth.names)
    both = np.isfinite(path).all(axis=-1) & np.isfinite(true_path).all(axis=-1)
    if both.sum() < 2:
        return {}
    path, true_path = path[both], true_path[both]
    distance = np.linalg.norm(metrics.align_trajectory(path, true_path, how) - true_path, axis=-1)
    return {
        "root_error_percent": metrics.root_trajectory_error(path, true_path, how),
        "root_error_mm": 1000 * mean(distance),
        "distance_m": metrics.path_length(true_path),
    }


def total(people: Sequence[PersonScores]) -> dict[str, float]:
    """The people's measures averaged, weighted by their frames; coverage by the truth's frames.

    The jitter ratio is that of the averages: people who shake do not make up for others who are too smooth.
    """
    result = {}
    for key in MEASURES:
        weights = np.array([p.truth_frames if key == "coverage" else p.frames for p in people], dtype=np.float64)
        values = np.array([p.measures[key] for p in people])
        known = np.isfinite(values) & (weights > 0)
        result[key] = float(np.average(values[known], weights=weights[known])) if known.any() else math.nan
    result["jitter_ratio"] = _ratio(result["jitter_m_s3"], result["jitter_truth_m_s3"])
    return result


def _ratio(ours: float, true: float) -> float:
    return ours / true if true > _STILL else math.nan


def mean(values: np.ndarray | Sequence[float]) -> float:
    """Mean of the finite values, as a float."""
    return float(nan_mean(np.asarray(values)))


def without_nan(value: Any) -> Any:
    """Containers with None for every number that is not finite, which JSON cannot represent."""
    if isinstance(value, dict):
        return {key: without_nan(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _bend_errors(result: np.ndarray, truth: np.ndarray, names: tuple[str, ...]) -> dict[str, float]:
    ours, theirs = metrics.bend_angles(result, names), metrics.bend_angles(truth, names)
    return {joint: mean(np.degrees(np.abs(ours[joint] - theirs[joint]))) for joint in ours}


def _heading(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(3,3): the rotation about y that best aligns all joints (N, J, 3) of the clip to the truth's."""
    a, b = result[..., 0] + 1j * result[..., 2], truth[..., 0] + 1j * truth[..., 2]
    known = np.isfinite(a) & np.isfinite(b)
    # In the plane x + iz a rotation by `angle` about +y multiplies by exp(-i angle).
    angle = -float(np.angle(np.sum(b[known] * np.conj(a[known]))))
    return axis_angle_to_matrix(np.array([0.0, angle, 0.0]))
