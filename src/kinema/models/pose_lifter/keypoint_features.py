"""The input features of the lifter of 2D keypoints: one vocabulary of points for all joint sets.

A point is known by its definition on the body (`kinema.body.points`), so that COCO's shoulder and Halpe's are the same
input and Human3.6M's hip and COCO's are not. Points that a set does not have, or that are not seen, are missing: their
inputs are 0, their presence too. As the network's first layer is linear, the bias that presence switches off is a
learned token for the missing point.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from kinema.body.points import definition
from kinema.models.pose_lifter.features import NUM_VERTICAL, centred
from kinema.skeleton import JOINT_SETS, JointSet, mirrored

LIFTED_SETS = ("coco17", "halpe26", "openpose25", "h36m17", "blazepose33")
"""Joint sets that the network has learned; subsets of their points do as well."""


def _vocabulary() -> tuple[str, ...]:
    return tuple(dict.fromkeys(definition(name, each) for each in LIFTED_SETS for name in JOINT_SETS[each].joints))


VOCABULARY = _vocabulary()
"""Definitions of the points, one for each input."""

MIRROR = np.array([VOCABULARY.index(mirrored(name)) for name in VOCABULARY])
"""(K,) index of each point's mirror image."""

NUM_POINTS = len(VOCABULARY)
NUM_FEATURES = NUM_POINTS * 4 + 4 + NUM_VERTICAL
"""Per point: position in the rotated image plane (2), confidence (1), presence (1); then the person's direction (2),
the logarithm of the angular size (1), whether anything was seen (1), and the vertical (4)."""

_HIPS = ("left_hip", "right_hip", "left_hip_lsp", "right_hip_lsp")
_TORSO = np.array([VOCABULARY.index(name) for name in ("left_shoulder", "right_shoulder", *_HIPS)])
_EXTENT = np.array(
    [
        VOCABULARY.index(name)
        for name in (
            "nose", "jaw_h36m", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", *_HIPS, "left_knee",
            "right_knee", "left_ankle", "right_ankle",
        )
    ]
)  # fmt: skip


def keypoint_features(rays: Any, confidence: Any, xp: ModuleType) -> tuple[Any, Any]:
    """Features of frames, and the rotated cameras that they belong to.

    rays (..., K, 2): undistorted image points at depth 1, in the order of VOCABULARY; confidence (..., K) in [0, 1], 0
    for missing points, whose rays are ignored but must be finite. Returns features (..., NUM_FEATURES - NUM_VERTICAL),
    to which `with_vertical` adds the rest, and turn (..., 3, 3): camera from rotated camera.
    """
    flat, seen, visible, frame, turn = centred(rays, confidence, _TORSO, _EXTENT, xp)
    parts = [flat.reshape((*seen.shape[:-1], NUM_POINTS * 2)), seen, visible, frame]
    return xp.concatenate(parts, -1), turn


@cache
def places(joints: JointSet) -> tuple[np.ndarray, np.ndarray]:
    """Which points of a set the network knows: their indices in the set, and in VOCABULARY."""
    known = [(row, definition(name, joints.name)) for row, name in enumerate(joints.joints)]
    known = [(row, name) for row, name in known if name in VOCABULARY]
    return np.array([row for row, _ in known], dtype=int), np.array([VOCABULARY.index(n) for _, n in known], dtype=int)
