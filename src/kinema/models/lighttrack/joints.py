"""Poses of any joint set as LightTrack's graph: fifteen joints, whole pixels from the corner of the person's box."""

from __future__ import annotations

import numpy as np

from kinema.models.lighttrack.facts import JOINTS
from kinema.skeleton import JointSet

_LIMBS = JOINTS[:12]

ABOVE = 0.5
"""How far the top of the head is above the middle of the ears, where no joint marks it, as a fraction of the distance
from the neck to there: 12 of 24 cm in a standing adult."""


def posetrack15(points: np.ndarray, joints: JointSet) -> np.ndarray:
    """(N, K, 2) in any joint set with limbs -> (N, 15, 2) in `facts.JOINTS`.

    A neck that is not in the set is the middle of the shoulders; the top of the head follows from neck and ears, or
    from neck and nose. Raises UsageError for a set without the limbs.
    """
    out = np.full((len(points), len(JOINTS), 2), np.nan)
    out[:, :12] = points[:, joints.indices(_LIMBS)]
    out[:, 12] = points[:, joints.index("neck")] if "neck" in joints else _middle(points, joints, "shoulder")
    out[:, 13] = points[:, joints.index("nose")] if "nose" in joints else np.nan
    if "head_top" in joints:
        out[:, 14] = points[:, joints.index("head_top")]
    else:
        ears = _middle(points, joints, "ear") if "left_ear" in joints else out[:, 13]
        ears = np.where(np.isfinite(ears), ears, out[:, 13])
        out[:, 14] = ears + ABOVE * (ears - out[:, 12])
    return out


def graphs_of(points: np.ndarray, boxes: np.ndarray, joints: JointSet) -> np.ndarray:
    """(N, 15, 2) as the SGCN takes them; boxes (N, 4) x1 y1 x2 y2, whose corner is the origin. NaN where not seen."""
    return np.asarray(np.trunc(posetrack15(points, joints) - boxes[:, None, :2]))


def _middle(points: np.ndarray, joints: JointSet, part: str) -> np.ndarray:
    return np.asarray(points[:, joints.indices((f"left_{part}", f"right_{part}"))].mean(axis=1))
