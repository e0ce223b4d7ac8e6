"""The keypoints that tracking compares, by the names of their joint set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kinema.skeleton import LIMBS12, JointSet

_BODY = (*LIMBS12, "nose", "left_ear", "right_ear")  # fingers and toes only add noise
_TORSO = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
_THIGHS = ("left_hip", "left_knee", "right_hip", "right_knee")


@dataclass(frozen=True, eq=False)
class BodyParts:
    """Indices into a joint set; empty if the set lacks one of the names (`body`: those that it has).

    body: limbs and head, all points if the set has none of them. torso (4,): left and right shoulder, left and right
    hip. thighs (4,): left hip and knee, right hip and knee. ears, shoulders, hips, ankles (2,): left, right.
    """

    body: np.ndarray
    torso: np.ndarray
    thighs: np.ndarray
    ears: np.ndarray
    shoulders: np.ndarray
    hips: np.ndarray
    ankles: np.ndarray


@lru_cache
def body_parts(joints: JointSet) -> BodyParts:
    """The body parts of a joint set."""

    def all_of(names: tuple[str, ...]) -> np.ndarray:
        return joints.indices(names if all(name in joints for name in names) else ())

    body = joints.indices([name for name in _BODY if name in joints] or joints.joints)
    pairs = (all_of((f"left_{name}", f"right_{name}")) for name in ("ear", "shoulder", "hip", "ankle"))
    return BodyParts(body, all_of(_TORSO), all_of(_THIGHS), *pairs)
