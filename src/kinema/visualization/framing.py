"""Cameras that see the whole of something."""

from __future__ import annotations

import numpy as np


def looking_from(azimuth: float, elevation: float) -> np.ndarray:
    """World to camera (3,3) for a camera that stands in this direction from the scene and looks at it.

    azimuth: radians about the world's y; 0 stands along +z and looks along -z, a quarter turn stands along +x.
    elevation: radians above the horizon.
    """
    away = np.array([np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)])
    right = np.array([np.cos(azimuth), 0.0, -np.sin(azimuth)])
    return np.stack([right, np.cross(-away, right), -away])


def framing_translation(
    points: np.ndarray, rotation: np.ndarray, intrinsics: np.ndarray, size: tuple[int, int], fill: float = 0.86
) -> np.ndarray:
    """The translation (3,) of the nearest camera of this rotation that has all points (N,3) well inside its image.

    rotation (3,3): world to camera; size: width, height; `fill` of each side is used.
    """
    seen = points @ rotation.T
    # What must hold is linear in the camera's place: |x - cx| <= half (z - cz), and the same for y. So the
    # extreme lines of sight on each side decide.
    half = fill * np.array(size) / (2 * np.diag(intrinsics)[:2])
    middle, distance = np.zeros(2), 0.0
    for axis in range(2):
        right = np.max(seen[:, axis] - half[axis] * seen[:, 2])
        left = np.max(-seen[:, axis] - half[axis] * seen[:, 2])
        middle[axis] = (right - left) / 2
        distance = max(distance, (right + left) / (2 * half[axis]))
    distance = max(distance, 1.5 - float(seen[:, 2].min()))
    return np.array([-middle[0], -middle[1], distance])
