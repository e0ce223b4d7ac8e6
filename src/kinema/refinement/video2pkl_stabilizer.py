"""video2pkl's stabiliser, number for number (profile "video2pkl"; `kinema stabilize --profile video2pkl`).

Facts: https://github.com/Ramesh0325/video2pkl, at 6aff3e0. What it does that the default does not: it treats a rotation
of 200 degrees per *second* as an outlier (a walking knee reaches 400) and replaces all joints of such a frame; it
smooths across the gaps that it cut as if the frames on either side were adjacent; it smooths depth by twelve frames and
the other axes by a few, whatever the frame rate; and it limits rotations to 210 degrees per second.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from kinema.geometry.rotations import axis_angle_to_quaternion, continuous_quaternions, quaternion_to_axis_angle

OUTLIER = 200.0
"""Degrees per second."""

FASTEST = 210.0
"""Degrees per second."""

ROOT_OUTLIER, ROOT_FASTEST = 0.50, 0.45
"""Metres per frame."""

WINDOW, ROOT_WINDOW = 5, 11
"""Frames."""

TOO_MANY = 0.30
"""Fraction of outliers above which its report says FAILED."""


def stabilize(
    pose: np.ndarray, trans: np.ndarray, global_orient: np.ndarray, fps: float, name: str = "", output: str = ""
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
    """Stabilised pose (F,72), trans (F,3), global_orient (F,3) and the report, from the same arrays of one person."""
    frames = len(pose)
    axis_angle = np.concatenate([global_orient[:, None], pose.reshape(frames, 24, 3)], axis=1)
    quaternions = continuous_quaternions(axis_angle_to_quaternion(axis_angle))
    rates = _rates(quaternions, fps)
    outliers = np.flatnonzero((rates > OUTLIER).any(axis=1)) + 1
    good = np.setdiff1d(np.arange(frames), outliers)
    quaternions = _replaced(quaternions, outliers, good)
    if len(good) > WINDOW:
        quaternions[good] = _savgol(quaternions[good], WINDOW, 2)
    root_outliers = np.flatnonzero(np.linalg.norm(100 * np.diff(trans, axis=0), axis=1) > 100 * ROOT_OUTLIER) + 1
    smooth = _smooth_root(np.array(trans, dtype=np.float64), root_outliers)
    smooth, held_root = _clamp_root(smooth)
    quaternions, held = _clamp_turns(quaternions, np.radians(FASTEST / fps))
    axis_angle = quaternion_to_axis_angle(quaternions)
    ratio = len(outliers) / frames if frames else 0.0
    report = {
        "input_pkl": name,
        "output_pkl": output,
        "fps": fps,
        "total_frames": frames,
        "outlier_detection": {
            "threshold_deg": OUTLIER,
            "outlier_frames": outliers.tolist(),
            "outlier_count": len(outliers),
            "outlier_ratio": ratio,
            "frames_fixed": len(outliers),
        },
        "angular_velocity": {
            "max_before_deg_per_sec": float(rates.max(initial=0.0)),
            "max_after_deg_per_sec": float(_rates(quaternions, fps).max(initial=0.0)),
            "clamp_threshold_deg_per_sec": FASTEST,
            "joints_clamped": held,
        },
        "smoothing": {
            "window_size": WINDOW,
            "root_translation_smoothed": True,
            "root_outlier_frames": root_outliers.tolist(),
            "root_outlier_count": len(root_outliers),
            "root_velocities_clamped": held_root,
            "max_root_velocity_cm_per_frame": 100 * ROOT_FASTEST,
        },
        "status": "FAILED" if ratio > TOO_MANY else "SUCCESS",
    }
    return axis_angle[:, 1:].reshape(frames, 72), smooth, axis_angle[:, 0], report


def _rates(quaternions: np.ndarray, fps: float) -> np.ndarray:
    """Degrees per second between consecutive rotations: (F,J,4) -> (F - 1,J)."""
    shape = quaternions[1:].shape[:-1]
    before, after = (Rotation.from_quat(q.reshape(-1, 4)) for q in (quaternions[:-1], quaternions[1:]))
    return np.degrees((before.inv() * after).magnitude()).reshape(shape) * fps if shape[0] else np.zeros(shape)


def _replaced(quaternions: np.ndarray, outliers: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Outlier frames interpolated between the nearest good ones, or held if only one side has one."""
    out = quaternions.copy()
    for frame in outliers:
        place = int(np.searchsorted(good, frame))
        if 0 < place < len(good):
            first, last = good[place - 1], good[place]
            out[frame] = _slerp(out[first], quaternions[last], (frame - first) / (last - first))
        elif len(good):
            out[frame] = out[good[min(place, len(good) - 1)]]
    return out


def _slerp(before: np.ndarray, after: np.ndarray, share: float) -> np.ndarray:
    """(J,4), (J,4) -> (J,4); nearly equal rotations are interpolated linearly."""
    before = before / np.linalg.norm(before, axis=-1, keepdims=True)
    after = after / np.linalg.norm(after, axis=-1, keepdims=True)
    cosine = np.sum(before * after, axis=-1, keepdims=True)
    after, cosine = np.where(cosine < 0, -after, after), np.abs(cosine).clip(max=1)
    angle = np.arccos(cosine)
    near = cosine > 0.9995
    sine = np.where(near, 1.0, np.sin(angle))
    mixed = np.where(
        near,
        (1 - share) * before + share * after,
        (np.sin((1 - share) * angle) * before + np.sin(share * angle) * after) / sine,
    )
    return np.asarray(mixed / np.linalg.norm(mixed, axis=-1, keepdims=True))


def _smooth_root(trans: np.ndarray, outliers: np.ndarray) -> np.ndarray:
    """Savitzky-Golay passes: one along x and y, two or three along z, and linear fits around outliers."""
    frames = len(trans)
    if frames <= ROOT_WINDOW:
        return trans
    smooth = trans.copy()
    smooth[:, :2] = _savgol(trans[:, :2], ROOT_WINDOW, 2)
    window = _odd(min(ROOT_WINDOW + 6, frames))
    passes = [(window, 2), (_odd(max(5, window - 4)), 2)]
    if len(outliers) > 10 or frames > 50:
        passes.append((_odd(max(5, passes[1][0] - 2)), 1))
    for length, degree in passes:
        smooth[:, 2] = _savgol(smooth[:, 2], length, degree)
    reach = _odd(min(ROOT_WINDOW + 4, frames)) // 2
    # Windows overlap, so their order matters: video2pkl's is that of a Python set.
    for frame in set(outliers.tolist()):
        rows = slice(max(0, frame - reach), min(frames, frame + reach + 1))
        length = _odd(min(2 * reach + 1, rows.stop - rows.start))
        if length >= 3:
            smooth[rows] = _savgol(smooth[rows], length, 1)
    return smooth


def _savgol(values: np.ndarray, window: int, degree: int) -> np.ndarray:
    """Savitzky-Golay along the first axis."""
    from scipy.signal import savgol_filter  # takes a tenth of a second to import, needed only here

    return np.asarray(savgol_filter(values, window, degree, axis=0))


def _odd(window: int) -> int:
    return window if window % 2 else window - 1


def _clamp_root(trans: np.ndarray) -> tuple[np.ndarray, int]:
    """Steps no longer than `ROOT_FASTEST`, each from the end of the previous one; and how many were shortened."""
    out, held = trans.copy(), 0
    for i in range(1, len(out)):
        step = trans[i] - out[i - 1]
        length = np.linalg.norm(step)
        if length > ROOT_FASTEST:
            out[i] = out[i - 1] + step * (ROOT_FASTEST / length)
            held += 1
    return out, held


def _clamp_turns(quaternions: np.ndarray, most: float) -> tuple[np.ndarray, int]:
    """Rotations (F,J,4) turning at most `most` radians per frame from the previous one; and how many were limited."""
    out, held = quaternions.copy(), 0
    for i in range(1, len(out)):
        before = Rotation.from_quat(out[i - 1])
        turn = before.inv() * Rotation.from_quat(out[i])
        angle = turn.magnitude()
        fast = angle > most
        if fast.any():
            held += int(fast.sum())
            shorter = Rotation.from_rotvec(turn[fast].as_rotvec() * (most / angle[fast])[:, None])
            out[i, fast] = (before[fast] * shorter).as_quat()
    return out, held
