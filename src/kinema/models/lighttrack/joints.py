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
    """(N, K, 2) in any joint set with limbs -> (N, 15, 2) in `facts.JOINTS`; NaN where not seen or not in the set.

    A neck that is not in the set is the middle of the shoulders; the top of the head follows from neck and ears, where
    they are not seen from neck and nose. Raises UsageError for a set without the limbs.
    """
    out = np.full((len(points), len(JOINTS), 2), np.nan)
    out[:, :12] = points[:, joints.indices(_LIMBS)]
    out[:, 12] = _own(points, joints, "neck", "shoulder")
    out[:, 13] = points[:, joints.index("nose")] if "nose" in joints else np.nan
    out[:, 14] = _own(points, joints, "head_top")
    if "head_top" not in joints:
        ears = _own(points, joints, "ears", "ear")
        ears = np.where(np.isfinite(ears), ears, out[:, 13])
        out[:, 14] = ears + ABOVE * (ears - out[:, 12])
    return out


def confidence15(confidence: np.ndarray, joints: JointSet) -> np.ndarray:
    """(N, K) -> (N, 15): the confidences of those joints; of one that is made of others, their mean."""
    out = np.zeros((len(confidence), len(JOINTS)))
    out[:, :12] = confidence[:, joints.indices(_LIMBS)]
    out[:, 12] = _own(confidence, joints, "neck", "shoulder")
    out[:, 13] = confidence[:, joints.index("nose")] if "nose" in joints else 0.0
    out[:, 14] = _own(confidence, joints, "head_top", "ear")
    return np.nan_to_num(out)


def _own(values: np.ndarray, joints: JointSet, name: str, part: str | None = None) -> np.ndarray:
    """Values (N, ...) of a joint, else of the middle of a pair, else NaN."""
    if name in joints:
        return np.asarray(values[:, joints.index(name)])
    if part is not None and f"left_{part}" in joints:
        return np.asarray(values[:, joints.indices((f"left_{part}", f"right_{part}"))].mean(axis=1))
    return np.full((len(values), *values.shape[2:]), np.nan)


def graphs_of(points: np.ndarray, boxes: np.ndarray, joints: JointSet) -> np.ndarray:
    """(N, 15, 2) as the SGCN takes them; boxes (N, 4) x1 y1 x2 y2, whose corner is the origin. NaN where not seen."""
    return np.asarray(np.trunc(posetrack15(points, joints) - boxes[:, None, :2]))
