"""The pose lifter's input features: landmarks as seen by a virtual camera that looks straight at the person.

A person's appearance depends on their position in the frame. Rotating the camera so that the torso lies on its axis
removes this exactly (it rotates the rays), and the predicted pose is rotated back afterwards. The same functions run on
numpy arrays (inference) and torch tensors (training): `xp` is the module, and only their common API is used.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from kinema.skeleton import BLAZEPOSE33

NUM_POINTS = len(BLAZEPOSE33)
NUM_VERTICAL = 4
"""What is known of the vertical (`kinema.models.pose_lifter.vertical`)."""

NUM_FEATURES = NUM_POINTS * 6 + 4 + NUM_VERTICAL
"""Per landmark: position in the rotated image plane (2), confidence (1), 3D estimate (3); then the torso's direction
(2), the logarithm of the person's angular size (1), whether anything was seen (1), and the vertical (4)."""

TAPS = (-48, -33, -21, -12, -9, -6, -3, 0, 3, 6, 9, 12, 21, 33, 48)
"""Frames that the networks see around the one that they predict, at 30 a second: dense where movement shows depth,
and further ones, which show what the person is doing."""

SEEN = 0.1
"""Landmarks below this confidence are hidden from the network."""

_TORSO = BLAZEPOSE33.indices(("left_shoulder", "right_shoulder", "left_hip", "right_hip"))
_SIZE_POINTS = BLAZEPOSE33.indices(
    (
        "nose", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_hip", "right_hip", "left_knee",
        "right_knee", "left_ankle", "right_ankle",
    )
)  # fmt: skip


def lifter_features(rays: Any, confidence: Any, landmarks: Any, xp: ModuleType) -> tuple[Any, Any]:
    """Features of frames, and the rotated cameras that they belong to.

    rays (..., 33, 2): undistorted image points at depth 1; confidence (..., 33) in [0, 1]; landmarks (..., 33, 3): the
    keypoint network's 3D estimate, metres, camera axes, mid-hip relative. Values of unseen points are ignored but must
    be finite. Returns features (..., NUM_FEATURES - NUM_VERTICAL), to which `with_vertical` adds the rest, and turn
    (..., 3, 3): camera from rotated camera.
    """
    flat, seen, visible, frame, turn = centred(rays, confidence, _TORSO, _SIZE_POINTS, xp)
    solid = (landmarks[..., None, :] * xp.stack([turn[..., None, :, i] for i in range(3)], -2)).sum(-1)
    solid = solid * visible[..., None] * 2
    parts = [
        flat.reshape((*seen.shape[:-1], NUM_POINTS * 2)),
        seen,
        solid.reshape((*seen.shape[:-1], NUM_POINTS * 3)),
        frame,
    ]
    return xp.concatenate(parts, -1), turn


def centred(
    rays: Any, confidence: Any, torso: np.ndarray, extent: np.ndarray, xp: ModuleType
) -> tuple[Any, Any, Any, Any, Any]:
    """The points as a camera sees them that looks at the torso, in units of the person's size.

    rays (..., K, 2), confidence (..., K) as above; torso, extent: indices of the points that give the centre and the
    size. Returns the points (..., K, 2); their confidences (..., K), 0 for those below SEEN; (..., K) 1 where they are
    seen, else 0; the person's direction, size and presence (..., 4); and turn (..., 3, 3).
    """
    seen = xp.where(confidence >= SEEN, confidence, confidence * 0)
    # If the torso is unseen, all seen points replace it, with a weight that is negligible otherwise.
    weight = seen * 1e-3
    weight[..., torso] = seen[..., torso] + 1e-6
    total = weight.sum(-1)[..., None]
    centre = (rays * weight[..., None]).sum(-2) / total
    turn = turn_towards(centre, xp)
    x, y = rays[..., 0], rays[..., 1]
    columns = [turn[..., None, 0, i] * x + turn[..., None, 1, i] * y + turn[..., None, 2, i] for i in range(3)]
    depth = xp.where(columns[2] > 0.1, columns[2], columns[2] * 0 + 0.1)
    flat = xp.stack([columns[0] / depth, columns[1] / depth], -1)
    spread = seen[..., extent] + 1e-6
    square = (flat[..., extent, :] ** 2).sum(-1)
    size = xp.sqrt((square * spread).sum(-1) / spread.sum(-1) + 1e-8)
    visible = xp.where(seen > 0, seen * 0 + 1, seen * 0)
    flat = flat / size[..., None, None] * visible[..., None]
    anything = xp.where(seen.sum(-1) > 0, total[..., 0] * 0 + 1, total[..., 0] * 0)
    frame = xp.concatenate([centre, (xp.log(size) + 2)[..., None], anything[..., None]], -1)
    return flat, seen, visible, frame, turn


def turn_towards(centre: Any, xp: ModuleType) -> Any:
    """Camera from rotated camera: the smallest rotation that brings the axis onto rays (..., 2) -> (..., 3, 3)."""
    length = xp.sqrt((centre**2).sum(-1) + 1)
    x, y, z = centre[..., 0] / length, centre[..., 1] / length, 1 / length
    share = 1 / (1 + z)
    rows = [
        xp.stack([1 - x * x * share, -x * y * share, x], -1),
        xp.stack([-x * y * share, 1 - y * y * share, y], -1),
        xp.stack([-x, -y, z], -1),
    ]
    return xp.stack(rows, -2)
