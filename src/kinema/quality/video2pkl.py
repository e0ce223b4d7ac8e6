"""video2pkl's validator and motion types, reproduced exactly (`--profile video2pkl`).

Source: https://github.com/Ramesh0325/video2pkl, at 6aff3e0. Its limits depend neither on the frame rate (root steps are
in centimetres per frame) nor on the joint (a wrist may rotate no faster than the spine), and real movement exceeds
them; they are here so that files get the verdicts that they get there. docs/validation.md compares the default profile.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kinema.geometry.rotations import axis_angle_to_quaternion
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality.judging import Finding, PersonReport
from kinema.quality.problems import CLEANUP, FAIL, PASS, Problem

TURN_WARNING, TURN_ERROR = 120.0, 250.0
"""Degrees per second."""

STEP_WARNING, STEP_ERROR = 15.0, 45.0
"""Centimetres per frame, of the root."""

AXIS_WARNING, AXIS_ERROR = 0.3, 1.0
"""Centimetres per frame along one axis: counted, but without effect on the verdict."""

PASS_RATIO, CLEANUP_RATIO, FAIL_RATIO = 0.10, 0.30, 0.40
"""Fractions of bad frames. The middle one has no effect."""

STILL = 0.01
"""Metres: a root whose range is smaller on every axis does not move."""

THRESHOLDS = {
    "angular_velocity_warning_deg_per_sec": TURN_WARNING,
    "angular_velocity_error_deg_per_sec": TURN_ERROR,
    "root_jitter_warning_cm_per_frame": AXIS_WARNING,
    "root_jitter_error_cm_per_frame": AXIS_ERROR,
    "root_jitter_magnitude_warning_cm_per_frame": STEP_WARNING,
    "root_jitter_magnitude_error_cm_per_frame": STEP_ERROR,
    "bad_frame_ratio_pass": PASS_RATIO,
    "bad_frame_ratio_cleanup": CLEANUP_RATIO,
    "bad_frame_ratio_fail": FAIL_RATIO,
}
"""As listed in its reports."""


def turn_rates(axis_angle: np.ndarray, fps: float) -> np.ndarray:
    """Degrees per second between consecutive rotations: (F, ..., 3) axis-angle -> (F - 1, ...)."""
    quaternions = axis_angle_to_quaternion(axis_angle)
    before, after = quaternions[:-1], quaternions[1:]
    scalar = np.abs(np.sum(before * after, axis=-1))
    # The vector part of the relative rotation is accurate for small angles.
    vector = np.linalg.norm(
        before[..., 3:] * after[..., :3] - after[..., 3:] * before[..., :3] - np.cross(before[..., :3], after[..., :3]),
        axis=-1,
    )
    return np.asarray(np.degrees(2 * np.arctan2(vector, scalar)) * fps)


def validator_report(
    pose: np.ndarray, trans: np.ndarray, global_orient: np.ndarray, fps: float, name: str = ""
) -> dict[str, Any]:
    """Its validator's report on one person: pose (F,72), trans (F,3) metres, global_orient (F,3). Its own keys."""
    frames = len(pose)
    turns = turn_rates(pose.reshape(frames, 24, 3), fps)
    root_turns = turn_rates(global_orient, fps)
    steps = 100 * np.diff(trans, axis=0)
    sizes = np.linalg.norm(steps, axis=1)
    bad = np.flatnonzero((turns > TURN_ERROR).any(axis=1) | (root_turns > TURN_ERROR) | (sizes > STEP_ERROR)) + 1
    ratio = len(bad) / frames if frames else 0.0
    return {
        "pkl_path": name,
        "fps": fps,
        "total_frames": frames,
        "angular_velocity": {
            "max_per_joint": turns.max(axis=0, initial=0.0).tolist(),
            "max_global": float(root_turns.max(initial=0.0)),
            "warning_count": int(np.sum((turns > TURN_WARNING) & (turns <= TURN_ERROR))),
            "error_count": int(np.sum(turns > TURN_ERROR)),
            "global_warning_count": int(np.sum((root_turns > TURN_WARNING) & (root_turns <= TURN_ERROR))),
            "global_error_count": int(np.sum(root_turns > TURN_ERROR)),
        },
        "root_jitter": {
            "max_displacement_cm_per_frame": float(sizes.max(initial=0.0)),
            "max_per_axis_cm": np.abs(steps).max(axis=0, initial=0.0).tolist(),
            "warning_count": int(np.sum(sizes > STEP_WARNING)),
            "error_count": int(np.sum(sizes > STEP_ERROR)),
            "per_axis_warnings": np.sum(np.abs(steps) > AXIS_WARNING, axis=0).tolist(),
            "per_axis_errors": np.sum(np.abs(steps) > AXIS_ERROR, axis=0).tolist(),
        },
        "bad_frames": {
            "bad_frame_indices": bad.tolist(),
            "bad_frame_count": len(bad),
            "bad_frame_ratio": ratio,
            "decision": PASS if ratio <= PASS_RATIO else CLEANUP if ratio <= FAIL_RATIO else FAIL,
        },
        "thresholds": dict(THRESHOLDS),
    }


def motion_type_report(trans: np.ndarray, fps: float) -> dict[str, Any]:
    """Its motion type of a root trans (F,3) metres. Keys as in its report; distances in centimetres."""
    frames = len(trans)
    steps = 100 * np.diff(trans, axis=0)
    sizes = np.linalg.norm(steps, axis=1)
    path = float(sizes.sum())
    distance = float(100 * np.linalg.norm(trans[-1] - trans[0])) if frames else 0.0
    ratio = distance / path if path > 0 else 0.0
    correlation = _halves_correlation(trans)
    turns = np.sum(np.diff(np.sign(steps), axis=0) != 0, axis=0)
    moved = np.abs(steps).sum(axis=0)
    if path < 10:
        kind = "STATIONARY"
    elif ratio > 0.5 and distance > 50:
        kind = "PROGRESSING"
    elif correlation > 0.7:
        kind = "LOOPING"
    else:
        kind = "OSCILLATING" if ratio < 0.3 else "MIXED"
    depth = 100 * trans[:, 2] if frames else np.zeros(1)
    return {
        "motion_type": kind,
        "total_frames": frames,
        "duration_sec": frames / fps,
        "total_displacement_cm": distance,
        "cumulative_path_cm": path,
        "progress_ratio": ratio,
        "correlation_first_second_half": correlation,
        "direction_changes": dict(zip("XYZ", (int(n) for n in turns), strict=True)),
        "axis_movements_cm": dict(zip("XYZ", (float(m) for m in moved), strict=True)),
        "max_displacement_per_frame_cm": float(sizes.max(initial=0.0)),
        "mean_displacement_per_frame_cm": float(sizes.mean()) if len(sizes) else 0.0,
        "dominant_axis": "XYZ"[int(np.argmax(moved))],
        "z_axis_range_cm": {
            "min": float(depth.min()),
            "max": float(depth.max()),
            "delta": float(100 * np.ptp(trans[:, 2])) if frames else 0.0,
        },
    }


def _halves_correlation(trans: np.ndarray) -> float:
    """Correlation between the first and second half of a path, each relative to its start."""
    middle = len(trans) // 2
    if middle == 0:
        return 0.0
    first, second = trans[:middle] - trans[0], trans[middle:] - trans[middle]
    if len(second) > len(first):
        second = second[np.linspace(0, len(second) - 1, len(first)).astype(int)]
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def judge_person(motion: Motion, person: Person, checks: tuple[str, ...], structure: list[Problem]) -> PersonReport:
    """Judge one person by these rules, in the camera's frame where the motion has one."""
    pose = person.pose_world if person.pose is None else person.pose
    transl = person.transl_world if person.transl is None else person.transl
    problems, reasons, findings, figures = list(structure), [], [], {}
    bad: np.ndarray = np.zeros(0, dtype=np.int64)
    if "motion" in checks:
        extent = 0.0 if transl is None else float(np.ptp(transl, axis=0).max())
        if extent < STILL:
            sentence = "the root is constant" if transl is not None else "there is no root translation"
            problems.append(
                Problem(
                    person.id, "motion", "still", value=extent, limit=STILL, unit="m", sentence=sentence, severe=True,
                    verdict=FAIL,
                )
            )  # fmt: skip
    if "quality" in checks:
        if pose is None or transl is None:
            sentence = "these rules need a pose and a root translation"
            problems.append(Problem(person.id, "quality", "pose", sentence=sentence, severe=True, verdict=FAIL))
        else:
            figures = validator_report(pose, transl, pose[:, :3], motion.fps, motion.source or "")
            figures["motion_type"] = motion_type_report(transl, motion.fps)
            bad = np.array(figures["bad_frames"]["bad_frame_indices"], dtype=np.int64)
            findings = _findings(pose, transl, motion.fps)
            reasons = _reasons(person, figures["bad_frames"]["decision"], bad)
    return PersonReport(person, checks, bad, tuple(findings), tuple(problems), tuple(reasons), figures)


def _reasons(person: Person, decision: str, bad: np.ndarray) -> list[Problem]:
    """Its decision on the frames, where that is not PASS."""
    if decision == PASS:
        return []
    share, sentence = len(bad) / max(1, len(person)), f"{len(bad)} of {len(person)} frames exceed a limit"
    return [
        Problem(person.id, "quality", "bad_frames", value=share, unit="of frames", sentence=sentence, verdict=decision)
    ]


def _findings(pose: np.ndarray, transl: np.ndarray, fps: float) -> list[Finding]:
    """The frames beyond its error limits."""
    turns = turn_rates(pose.reshape(len(pose), 24, 3), fps)
    joint = turns.argmax(axis=1) if len(turns) else np.zeros(0, dtype=int)
    top = turns[np.arange(len(turns)), joint]
    fast = np.flatnonzero(top > TURN_ERROR)
    speeds = np.linalg.norm(np.diff(transl, axis=0), axis=1) * fps
    limit = STEP_ERROR / 100 * fps
    far = np.flatnonzero(speeds > limit)

    def finding(measure: str, rows: np.ndarray, joints: Any, values: np.ndarray, most: float) -> Finding:
        return Finding(measure, rows + 1, joints, values, np.full(len(rows), most), np.zeros(len(rows), dtype=bool))

    return [
        finding("turn", fast, joint[fast], top[fast], TURN_ERROR),
        finding("speed", far, "pelvis", speeds[far], limit),
    ]
