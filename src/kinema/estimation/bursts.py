"""Bursts of movement: of which joints sudden accelerations are believed.

People mostly move gently and occasionally strike, kick and jump. A fit that gives way wherever its own poses accelerate
follows the slips of points that are hardly seen as readily; one that never gives way swallows the strikes. The
keypoints' confidence tells them apart: a limb that is clearly seen over some frames may accelerate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.ndimage import uniform_filter1d

from kinema.skeleton import SMPL24

WINDOW = 0.2
"""Seconds over which confidences are averaged."""

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
