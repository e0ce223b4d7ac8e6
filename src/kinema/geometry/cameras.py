"""Pinhole cameras: projection, rays, default intrinsics. OpenCV axes: x right, y down, z forward."""

from __future__ import annotations

import math

import cv2
import numpy as np

from kinema.errors import UsageError
from kinema.motion import Camera

DEFAULT_FOV = 55.0
"""Vertical-or-horizontal field of view, degrees, over the longer image side, where nothing is known.

Phones' main cameras in video mode lie between 50 and 70 degrees, lenses of 24-50 mm between 40 and 74.
"""

NEAREST_DEPTH = 0.1
"""Metres: points nearer than this are projected as if they lay there, so that no division explodes."""


def camera_from_fov(width: int, height: int, fov: float = DEFAULT_FOV, source: str = "default") -> Camera:
    """A camera with square pixels, centred, whose longer side spans `fov` degrees."""
    if not 1.0 < fov < 175.0:
        raise UsageError(f"--fov must lie between 1 and 175 degrees, found {fov}")
    focal = 0.5 * max(width, height) / math.tan(math.radians(fov) / 2)
    return camera_from_focal(width, height, focal, source)


def camera_from_focal(width: int, height: int, focal: float, source: str) -> Camera:
    """A camera with square pixels, centred, of `focal` pixels. Pixel centres are at integers."""
    intrinsics = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    return Camera(width=width, height=height, intrinsics=intrinsics, focal_source=source)


def project(points: np.ndarray, intrinsics: np.ndarray, distortion: np.ndarray | None = None) -> np.ndarray:
    """Camera-frame points (..., 3) metres -> pixels (..., 2).

    distortion: OpenCV coefficients (4,), (5,) or (8,), or None.
    """
    points = np.asarray(points, dtype=np.float64)
    depth = np.maximum(points[..., 2:], NEAREST_DEPTH)
    if distortion is not None and points.size:
        flat = np.concatenate([points[..., :2], depth], axis=-1).reshape(-1, 3)
        pixels, _ = cv2.projectPoints(flat, np.zeros(3), np.zeros(3), np.asarray(intrinsics), np.asarray(distortion))
        return pixels.reshape(*points.shape[:-1], 2)
    normalized = points[..., :2] / depth
    return normalized @ np.asarray(intrinsics)[:2, :2].T + np.asarray(intrinsics)[:2, 2]


def unproject(pixels: np.ndarray, intrinsics: np.ndarray, distortion: np.ndarray | None = None) -> np.ndarray:
    """Pixels (..., 2) -> points of the rays at depth 1, (..., 2): the normalised image plane."""
    pixels = np.asarray(pixels, dtype=np.float64)
    if distortion is not None and pixels.size:
        # The default of five iterations is off by pixels towards the corners of wide lenses.
        flat = cv2.undistortPointsIter(
            pixels.reshape(-1, 1, 2),
            np.asarray(intrinsics),
            np.asarray(distortion),
            np.eye(3),
            np.eye(3),
            (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-12),
        )
        return flat.reshape(pixels.shape)
    inverse = np.linalg.inv(np.asarray(intrinsics))
    return pixels @ inverse[:2, :2].T + inverse[:2, 2]


def scaled_intrinsics(intrinsics: np.ndarray, scale: float) -> np.ndarray:
    """Intrinsics (3, 3) for the same picture at `scale` times its size; pixel centres are at integers."""
    shift = (scale - 1) / 2
    return np.array([[scale, 0, shift], [0, scale, shift], [0, 0, 1]]) @ np.asarray(intrinsics)


def to_camera(points: np.ndarray, camera: Camera) -> np.ndarray:
    """World points (F, ..., 3) -> camera frame; a moving camera's frame i applies to points[i]."""
    rotation, translation = _extrinsics(camera, np.ndim(points))
    return np.squeeze(rotation @ np.asarray(points)[..., None], -1) + translation


def to_world(points: np.ndarray, camera: Camera) -> np.ndarray:
    """Camera-frame points (F, ..., 3) -> world; a moving camera's frame i applies to points[i]."""
    rotation, translation = _extrinsics(camera, np.ndim(points))
    return np.squeeze(np.swapaxes(rotation, -1, -2) @ (np.asarray(points) - translation)[..., None], -1)


def _extrinsics(camera: Camera, ndim: int) -> tuple[np.ndarray, np.ndarray]:
    if camera.rotation is None or camera.translation is None:
        raise UsageError("the camera's place in the world is unknown; run the world stage first")
    rotation, translation = camera.rotation, camera.translation
    if rotation.ndim == 3:
        middle = (1,) * (ndim - 2)
        rotation = rotation.reshape(len(rotation), *middle, 3, 3)
        translation = translation.reshape(len(translation), *middle, 3)
    return rotation, translation
