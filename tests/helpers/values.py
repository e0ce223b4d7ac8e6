"""Small persons, cameras and motions, valid and complete, to be changed by the tests."""

from __future__ import annotations

import numpy as np

from kinema.geometry.camera import Camera
from kinema.motion import Motion
from kinema.person import Person

F = 4
SHAPES = {
    "boxes": (F, 4),
    "confidence": (F,),
    "observed": (F,),
    "keypoints": (F, 17, 2),
    "keypoint_confidence": (F, 17),
    "keypoints3d": (F, 17, 3),
    "joints": (F, 24, 3),
    "pose": (F, 72),
    "betas": (F, 10),
    "transl": (F, 3),
    "joints_world": (F, 24, 3),
    "pose_world": (F, 72),
    "transl_world": (F, 3),
    "contacts": (F, 4),
    "reprojection_error": (F,),
    "keypoint3d_uncertainty": (F, 17),
    "joint_uncertainty": (F, 24),
    "joint_seen": (F, 24),
    "scale": (F,),
}
FLAGS = ("observed", "contacts", "joint_seen")


def person(**changes) -> Person:
    """A person with every field filled."""
    rng = np.random.default_rng(0)
    fields = {name: rng.random(shape) > 0.5 if name in FLAGS else rng.random(shape) for name, shape in SHAPES.items()}
    return Person(**{"id": 3, "frames": np.arange(F) * 2, "keypoint_set": "coco17", **fields, **changes})


def camera(**changes) -> Camera:
    return Camera(**{"width": 64, "height": 48, "intrinsics": np.diag([50.0, 50.0, 1.0]), **changes})


def motion(**changes) -> Motion:
    return Motion(**{"times": np.arange(10) / 30, "width": 64, "height": 48, **changes})
