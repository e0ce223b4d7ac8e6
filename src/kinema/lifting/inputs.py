"""The input of a lifter: the joints that it was trained on, in image coordinates.

The networks were trained on images that are nearly square, x from -1 to 1. For other images the longer side is -1 to 1,
so that a portrait video looks like part of a square one, neither squeezed nor beyond the trained range.
"""

from __future__ import annotations

import numpy as np

from kinema.errors import InputError, UsageError
from kinema.skeleton import COCO17, H36M17, JointSet

_MADE: dict[str, tuple[dict[str, float], ...]] = {
    "mid_hip": ({"left_hip": 0.5, "right_hip": 0.5},),
    "pelvis": ({"mid_hip": 1.0}, {"left_hip": 0.5, "right_hip": 0.5}),
    "thorax": ({"left_shoulder": 0.5, "right_shoulder": 0.5},),
    "spine": ({"left_shoulder": 0.25, "right_shoulder": 0.25, "left_hip": 0.25, "right_hip": 0.25},),
    "neck_nose": ({"nose": 1.0},),
    # As far above the eyes as the eyes are above the nose.
    "head_top": ({"left_eye": 1.0, "right_eye": 1.0, "nose": -1.0},),
}
"""Joints that are computed from others if a set lacks them: weights by name, the first that is possible."""


MPI3DHP17 = JointSet(
    "mpi3dhp17",
    ("head_top", "thorax", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
     "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "pelvis", "spine", "neck_nose"),
)  # fmt: skip
"""Human3.6M's joints in the order of MPI-INF-3DHP's test set, whose neck and head are their thorax and neck_nose."""

INPUT_SETS = {each.name: each for each in (COCO17, H36M17, MPI3DHP17)}
"""Joint sets of the keypoints that published lifters were trained on."""


def input_set_of(file: str, given: str | None) -> tuple[JointSet, bool]:
    """The joints that a published checkpoint takes, and whether that is certain.

    Its file's name tells: detections in COCO's order ("coco", "wild"), in Human3.6M's ("cpn", "gt", "h36m"), or in
    MPI-INF-3DHP's ("3dhp").
    """
    if given is not None:
        return INPUT_SETS[given], True
    name = file.lower()
    if "3dhp" in name:
        return MPI3DHP17, True
    if "coco" in name or "wild" in name:
        return COCO17, True
    if any(word in name for word in ("cpn", "_gt", "h36m")):
        return H36M17, True
    return COCO17, False


def output_of(taken: JointSet) -> tuple[JointSet, float]:
    """The joints that a network gives that takes these, and metres in its unit: 3DHP's own in mm, else Human3.6M's."""
    return (taken, 1e-3) if taken is MPI3DHP17 else (H36M17, 1.0)


def joint_weights(given: JointSet, wanted: JointSet) -> np.ndarray:
    """(W, K) weights by which the required joints are sums of the given ones. Raises UsageError that names the joints
    that cannot be computed.
    """
    weights = np.zeros((len(wanted), len(given)))
    missing = []
    for row, name in enumerate(wanted.joints):
        recipes = ({name: 1.0}, *_MADE.get(name, ()))
        recipe = next((each for each in recipes if all(part in given for part in each)), None)
        if recipe is None:
            missing.append(name)
            continue
        for part, weight in recipe.items():
            weights[row, given.index(part)] = weight
    if missing:
        raise UsageError(
            f"the lifter takes keypoints of {wanted.name}; those of {given.name} lack {', '.join(missing)}"
        )
    return weights


def joints_from(keypoints: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(F, W, 2) sums of keypoints (F, K, 2) by weights (W, K); NaN where one of a joint's parts is."""
    known = np.isfinite(keypoints).all(axis=-1)
    sums = np.einsum("wk,fkc->fwc", weights, np.where(known[..., None], keypoints, 0.0))
    lacking = (~known).astype(float) @ (weights != 0).T > 0
    return np.where(lacking[..., None], np.nan, sums)


def to_screen(keypoints: np.ndarray, width: int, height: int, scale: float | None = None) -> np.ndarray:
    """Pixels (..., 2) -> the image's centre is 0, `scale` pixels are 2; by default the longer side.

    Pixels are taken as in the networks' training, the image's left edge at 0. Raises InputError without an image size.
    """
    if width <= 0 or height <= 0:
        raise InputError("the keypoints' image size is not known, which lifting needs; give it with `size`")
    scale = max(width, height) if scale is None else scale
    return np.asarray((keypoints - np.array([width, height]) / 2) * (2 / scale))


def mirrored(points: np.ndarray, joints: JointSet) -> np.ndarray:
    """Points (..., J, 2|3) of the mirror image: x negated, left and right exchanged."""
    out = points[..., joints.mirror, :].copy()
    out[..., 0] *= -1
    return np.asarray(out)
