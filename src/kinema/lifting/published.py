"""The output of the authors' programs for ordinary video, defects included, for comparison.

Every video is taken for one of 1000 x 1002 pixels, every frame for the neighbour of the one before it, at the network's
rate; the world is Human3.6M's, seen by one of its cameras, moved so that the lowest joint of the clip lies at 0.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from kinema.lifting.inputs import to_screen
from kinema.lifting.lifting import lift_clip
from kinema.lifting.registry import LiftingNetwork
from kinema.skeleton import COCO17

SIZE = (1000, 1002)
"""Pixels of every video."""

CAMERA = (0.14070565, -0.15007018, -0.7552408, 0.62232804)
"""Rotation of the camera in the world, quaternion w x y z: subject 1's first camera, as rounded by the authors."""


def lift_as_published(network: LiftingNetwork, keypoints: np.ndarray, *, centred: bool) -> np.ndarray:
    """Keypoints (F, 17, 2) pixels of COCO -> (F, 17, 3) metres in the camera's axes.

    centred: the root is set to 0 (P-STMO), or kept as predicted (VideoPose3D).
    """
    joints = lift_clip(network, to_screen(keypoints, *SIZE, SIZE[0]), COCO17)
    if centred:
        joints[:, 0] = 0.0
    return joints


def to_published_world(joints: np.ndarray) -> np.ndarray:
    """(F, 17, 3) in the camera's axes -> in a z-up world whose lowest joint lies at 0."""
    w, x, y, z = CAMERA
    world = Rotation.from_quat([x, y, z, w]).apply(joints.reshape(-1, 3)).reshape(joints.shape)
    world[..., 2] -= world[..., 2].min()
    return np.asarray(world)
