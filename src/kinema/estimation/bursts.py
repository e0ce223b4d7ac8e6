"""Bursts of movement: of which joints sudden accelerations are believed, and when the image counts for more.

People mostly move gently and occasionally strike, kick and jump. A fit that gives way wherever its own poses accelerate
follows the slips of points that are hardly seen as readily; one that never gives way swallows the strikes. The
keypoints' confidence tells them apart: a limb that is clearly seen over some frames may accelerate. Where the image
shows that it does, by far more than keypoints tremble, smoothness and the prior are what is wrong, and its points count
for more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from kinema.body.kinematics import Rig
from kinema.skeleton import SMPL24

WINDOW = 0.2
"""Seconds over which confidences are averaged."""

SURE = 4.0
"""Standard deviations of its noise that an acceleration must exceed."""

FEWEST = 4
"""Frames of a window in which a point must be seen: three determine a parabola."""

FAST = 120.0
"""Angular acceleration, rad/s^2, that is half-way to a surely fast one."""

AT_JOINT = 1e-6
"""Metres from its joint within which a point does not show how the joint turns."""

_SHOWN_BY: Mapping[str, tuple[str, str]] = {
    "hip": ("knee", "hip"), "knee": ("ankle", "knee"), "ankle": ("ankle", "knee"),
    "collar": ("shoulder", "hip"), "shoulder": ("elbow", "shoulder"), "elbow": ("wrist", "elbow"),
    "wrist": ("wrist", "elbow"),
}  # fmt: skip
"""Joint of a side -> the points that show how it turns."""


def burst_trust(
    times: np.ndarray, confidence: np.ndarray, names: Sequence[str], between: tuple[float, float]
) -> np.ndarray:
    """How far accelerations are believed, in [0, 1], (F,25): of the 24 joints and, last, of the root's position.

    times (F,) seconds; confidence (F,K) of the points of these names, 0 where one is not seen. between: mean
    confidences over `WINDOW` at which trust begins and is complete. The less sure of two points that show a joint
    counts; the trunk is shown by its better side. Joints of which a set does not have the points are believed.
    """
    trust = np.ones((len(times), len(SMPL24) + 1))
    if len(times) < 2:
        return trust
    size = max(1, round(WINDOW / float(np.median(np.diff(times)))))
    low, high = between
    clear = np.clip((uniform_filter1d(confidence, size, axis=0, mode="nearest") - low) / (high - low), 0.0, 1.0)
    seen = dict(zip(names, clear.T, strict=True))
    for side in ("left", "right"):
        for part, points in _SHOWN_BY.items():
            first, second = (seen.get(f"{side}_{point}") for point in points)
            if first is not None and second is not None:
                trust[:, SMPL24.index(f"{side}_{part}")] = np.minimum(first, second)
    sides = SMPL24.indices(["left_collar", "right_collar"])
    trunk = [j for j, name in enumerate(SMPL24.joints) if not name.startswith(("left_", "right_"))]
    trust[:, trunk] = trust[:, sides].max(axis=1, keepdims=True)
    hips = [seen[name] for name in ("left_hip", "right_hip") if name in seen]
    if hips:
        trust[:, -1] = np.max(hips, axis=0)
    return trust


def emphasis(turns: np.ndarray, trust: np.ndarray, rig: Rig, most: float) -> np.ndarray:
    """(F,K) from 1 to `most`: how much more the points of a rig count, those that a fast joint of a limb carries.

    turns (F,24): angular accelerations that the image shows, rad/s^2; trust (F,25): of `burst_trust`.
    """
    square = (turns * trust[:, :-1]) ** 2
    share = square / (square + FAST**2)
    limbs = np.array([name.startswith(("left_", "right_")) for name in SMPL24.joints])
    carried = rig.ancestry[rig.point_joint] & limbs
    at_joint = np.linalg.norm(rig.point_offset, axis=1) < AT_JOINT
    carried[at_joint, rig.point_joint[at_joint]] = False
    return 1 + (most - 1) * np.stack([share[:, row].max(axis=1, initial=0.0) for row in carried], axis=1)


def shown_turns(
    times: np.ndarray, rays: np.ndarray, confidence: np.ndarray, depth: np.ndarray, names: Sequence[str], rig: Rig
) -> np.ndarray:
    """Angular accelerations (F,24), rad/s^2, that the image shows of each joint; 0 where nothing beyond noise is seen.

    rays (F,K,2) and confidence (F,K) of the points of these names; depth (F,) metres of the person.
    """
    shown = np.zeros((len(times), len(SMPL24)))
    rest = rig.forward(np.tile(np.eye(3), (1, len(SMPL24), 1, 1)), np.zeros((1, 3)))[1][0]
    for side in ("left", "right"):
        for part, points in _SHOWN_BY.items():
            pair = [f"{side}_{point}" for point in points]
            if part == "collar" or any(name not in names for name in pair):
                continue
            first, second = (names.index(name) for name in pair)
            length = np.linalg.norm(np.diff(rest[SMPL24.indices(pair)], axis=0))
            seen = np.minimum(confidence[:, first], confidence[:, second])
            path = (rays[:, first] - rays[:, second]) * (depth / length)[:, None]
            shown[:, SMPL24.index(f"{side}_{part}")] = sure_acceleration(times, path, seen)
    return shown


def sure_acceleration(times: np.ndarray, path: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(F,) size of the second derivative of a path (F,2) where it is surely more than noise; the most within `WINDOW`.

    From a parabola fitted by least squares to the frames of a window about each, with weights (F,). The noise is how
    far the path is from its parabolas: in that window, or in the median if that is more.
    """
    frames = len(times)
    interval = float(np.median(np.diff(times))) if frames > 1 else WINDOW
    reach = max(2, round(WINDOW / 2 / interval))
    if frames <= 2 * reach:
        return np.zeros(frames)
    index = np.clip(np.arange(frames)[:, None] + np.arange(-reach, reach + 1), 0, frames - 1)
    offset = (times[index] - times[:, None]) / (reach * interval)
    inside = (np.abs(offset) < 1.5) & (np.diff(index, axis=1, prepend=-1) > 0)
    used = np.where(inside, weight[index], 0.0)
    powers = offset[..., None] ** np.arange(3)
    normal = np.einsum("fwa,fw,fwb->fab", powers, used, powers)
    known = ((used > 0).sum(axis=1) >= FEWEST) & (weight > 0)
    normal[~known] = np.eye(3)
    inverse = np.linalg.inv(normal + 1e-9 * np.eye(3))
    fitted = np.einsum("fab,fwb,fw,fwc->fac", inverse, powers, used, path[index])
    if not known.any():
        return np.zeros(frames)
    spread = inverse @ np.einsum("fwa,fw,fwb->fab", powers, used**2, powers) @ inverse
    left = np.sqrt(np.clip(1 - weight * inverse[:, 0, 0], 0.05, 1.0))  # share of white noise that a parabola leaves
    noise = np.median((np.linalg.norm(path - fitted[:, 0], axis=1) / left)[known]) / np.sqrt(2 * np.log(2))
    off = path[index] - np.einsum("fwa,fac->fwc", powers, fitted)
    freedom = np.maximum((used > 0).sum(axis=1) - 3, 1)
    here = np.sqrt(np.sum((used > 0) * np.sum(off**2, axis=-1), axis=1) / (2 * freedom))
    size, doubt = np.linalg.norm(fitted[:, 2], axis=1), SURE * np.maximum(noise, here) * np.sqrt(2 * spread[:, 2, 2])
    beyond = np.where(known, np.sqrt(np.maximum(size**2 - doubt**2, 0.0)), 0.0) * 2 / (reach * interval) ** 2
    return np.asarray(maximum_filter1d(beyond, 2 * reach + 1, mode="nearest"))
