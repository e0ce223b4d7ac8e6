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
from scipy.ndimage import uniform_filter1d

from kinema.body.kinematics import Rig
from kinema.refinement.sure_movement import WINDOW, half_at, seen_lately, sure_acceleration
from kinema.skeleton import SMPL24

FAST = 120.0
"""Angular acceleration, rad/s^2, that is half-way to a surely fast one: of a forearm, 30 m/s^2 of the wrist."""

AT_JOINT = 1e-6
"""Metres from its joint within which a point does not show how the joint turns."""

_ARMS = tuple(f"{side}_{point}" for side in ("left", "right") for point in ("elbow", "wrist"))
"""Points that come into sight in the middle of a movement: arms reach out from behind the trunk."""

_SHOWN_BY: Mapping[str, tuple[str, str]] = {
    "hip": ("knee", "hip"), "knee": ("ankle", "knee"), "ankle": ("ankle", "knee"),
    "collar": ("shoulder", "hip"), "shoulder": ("elbow", "shoulder"), "elbow": ("wrist", "elbow"),
    "wrist": ("wrist", "elbow"),
}  # fmt: skip
"""Joint of a side -> the points that show how it turns."""


def burst_trust(
    times: np.ndarray,
    confidence: np.ndarray,
    names: Sequence[str],
    between: tuple[float, float],
    *,
    shown: bool = False,
) -> np.ndarray:
    """How far accelerations are believed, in [0, 1], (F,25): of the 24 joints and, last, of the root's position.

    times (F,) seconds; confidence (F,K) of the points of these names, 0 where one is not seen. between: mean
    confidences over `WINDOW` at which trust begins and is complete. The less sure of two points that show a joint
    counts; the trunk is shown by its better side. Joints of which a set does not have the points are believed. Of
    elbows and wrists it suffices that they are clear over that long from a frame on, or until then; points of legs
    often return as those of the other leg. shown: for bursts that the image shows, of which blurred frames may be
    unsure (`seen_lately`).
    """
    trust = np.ones((len(times), len(SMPL24) + 1))
    if len(times) < 2:
        return trust
    size = max(1, round(WINDOW / float(np.median(np.diff(times)))))
    low, high = between
    level = seen_lately(times, confidence) if shown else _around(confidence, size)
    if not shown:
        arms = [column for column, name in enumerate(names) if name in _ARMS]
        beside = [_around(confidence[:, arms], size, shift) for shift in ((size - 1) // 2, -(size // 2))]
        level[:, arms] = np.max([level[:, arms], *beside], axis=0)
    clear = np.clip((level - low) / (high - low), 0.0, 1.0)
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


def _around(confidence: np.ndarray, size: int, shift: int = 0) -> np.ndarray:
    """(F,K) means over so many frames around each one; shift: frames by which they lie earlier."""
    return np.asarray(uniform_filter1d(confidence, size, axis=0, mode="nearest", origin=shift))


def sure_share(turns: np.ndarray) -> np.ndarray:
    """(F,24) in [0, 1]: how surely each joint is in a burst; turns (F,24): of `shown_turns`."""
    return half_at(FAST, turns)


def with_shown(trust: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The trust (F,25) of `burst_trust`, complete where the image surely shows a burst; share (F,24): of `sure_share`.

    Confidences fall where a fast limb is blurred, so that they alone would doubt just what is fastest.
    """
    return np.concatenate([np.maximum(trust[:, :-1], share), trust[:, -1:]], axis=1)


def emphasis(share: np.ndarray, rig: Rig, most: float) -> np.ndarray:
    """(F,K) from 1 to `most`: how much more the points of a rig count, those that a fast joint of a limb carries.

    share (F,24): of `sure_share`.
    """
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
            path = (rays[:, first] - rays[:, second]) * depth[:, None]
            shown[:, SMPL24.index(f"{side}_{part}")] = sure_acceleration(times, path, seen) / length
    return shown
