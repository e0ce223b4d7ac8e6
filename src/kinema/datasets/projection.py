"""Projection as Human3.6M's authors define it; VideoPose3D's authors make the true 2D keypoints of their data with it.

The lens model differs from OpenCV's in the tangential part, and rays more than 45 degrees off the axis are clamped.
"""

from __future__ import annotations

import numpy as np


def project(points: np.ndarray, lens: np.ndarray, *, distorted: bool = True) -> np.ndarray:
    """Points (..., 3) in the camera's axes -> (..., 2) on the screen, where the image's width spans -1..1.

    lens (9,): `DatasetCamera.lens`. distorted: False leaves out the lens distortion.
    """
    focal, centre, radial, tangential = lens[:2], lens[2:4], lens[4:7], lens[7:]
    rays = np.clip(points[..., :2] / points[..., 2:], -1, 1)
    if not distorted:
        return np.asarray(focal * rays + centre)
    square = np.sum(rays**2, axis=-1, keepdims=True)
    growth = 1 + np.sum(radial * np.concatenate([square, square**2, square**3], axis=-1), axis=-1, keepdims=True)
    lean = np.sum(tangential * rays, axis=-1, keepdims=True)
    return np.asarray(focal * (rays * (growth + lean) + tangential * square) + centre)


def to_pixels(screen: np.ndarray, width: int, height: int) -> np.ndarray:
    """(..., 2) on the screen, where the image's width spans -1..1 -> pixels, the image's left edge at 0."""
    return np.asarray((screen + [1, height / width]) * (width / 2))
