"""Placing a camera so that a whole scene is in view."""

from __future__ import annotations

import numpy as np


def looking_from(azimuth: float, elevation: float) -> np.ndarray:
    """World-to-camera rotation (3,3) of a camera in this direction from the scene, looking at it.

    azimuth: radians about the world's y; at 0 the camera is along +z and looks along -z, at pi/2 it is along +x.
    elevation: radians above the horizon.
    """
    away = np.array([np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)])
    right = np.array([np.cos(azimuth), 0.0, -np.sin(azimuth)])
    return np.stack([right, np.cross(-away, right), -away])


def framing_translation(
    points: np.ndarray, rotation: np.ndarray, intrinsics: np.ndarray, size: tuple[int, int], fill: float = 0.86
) -> np.ndarray:
    """The translation (3,) of the nearest camera with this rotation that has all points (N,3) well inside its image.

    rotation (3,3): world to camera; size: width, height; `fill` of each side is used.
    """
    seen = points @ rotation.T
    # The condition is linear in the camera's position: |x - cx| <= half (z - cz), and likewise for y. So the
    # extreme rays on each side decide.
    half = fill * np.array(size) / (2 * np.diag(intrinsics)[:2])
    middle, distance = np.zeros(2), 0.0
    for axis in range(2):
        right = np.max(seen[:, axis] - half[axis] * seen[:, 2])
        left = np.max(-seen[:, axis] - half[axis] * seen[:, 2])
        middle[axis] = (right - left) / 2
        distance = max(distance, (right + left) / (2 * half[axis]))
    distance = max(distance, 1.5 - float(seen[:, 2].min()))
    return np.array([-middle[0], -middle[1], distance])
