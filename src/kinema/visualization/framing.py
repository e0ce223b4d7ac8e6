"""Placing a camera so that a whole scene is in view."""

from __future__ import annotations

import numpy as np

FILL = 0.86
"""The share of each side of the image that the scene takes."""


def looking_from(azimuth: float, elevation: float) -> np.ndarray:
    """World-to-camera rotation (3,3) of a camera in this direction from the scene, looking at it.

    azimuth: radians about the world's y; at 0 the camera is along +z and looks along -z, at pi/2 it is along +x.
    elevation: radians above the horizon.
    """
    away = np.array([np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)])
    right = np.array([np.cos(azimuth), 0.0, -np.sin(azimuth)])
    return np.stack([right, np.cross(-away, right), -away])


def framing_translation(
    points: np.ndarray, rotation: np.ndarray, intrinsics: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """The translation (3,) of the nearest camera with this rotation that has all points (N,3) well inside its image.

    rotation (3,3): world to camera; size: width, height; `FILL` of each side is used.
    """
    return np.asarray(translation_of(limits(points[None], rotation, intrinsics, size), intrinsics, size)[0])


def limits(points: np.ndarray, rotation: np.ndarray, intrinsics: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What points (n,N,3), NaN where there is none, ask of the translation in each of n frames: (n,5).

    Each number only grows with more points, and translations that satisfy all of them have means that do, too.
    Arguments as of `framing_translation`.
    """
    seen = points @ rotation.T
    # The condition is linear in the camera's position: |x - cx| <= half (z - cz), and likewise for y. So the
    # extreme rays on each side decide.
    half = FILL * np.array(size) / (2 * np.diag(intrinsics)[:2])
    asked = [sign * seen[..., axis] - half[axis] * seen[..., 2] for axis in range(2) for sign in (1, -1)]
    everything = np.stack([*asked, -seen[..., 2]], axis=-1)
    found = np.max(np.nan_to_num(everything, nan=-np.inf), axis=1, initial=-np.inf)
    return np.asarray(np.where(np.isfinite(found), found, np.nan))


def translation_of(asked: np.ndarray, intrinsics: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The translations (n,3) of the nearest cameras that satisfy `limits` (n,5), none nearer than 1.5 m to a point."""
    half = FILL * np.array(size) / (2 * np.diag(intrinsics)[:2])
    right, left = asked[:, 0:4:2], asked[:, 1:4:2]
    distance = np.maximum(np.max((right + left) / (2 * half), axis=1), 1.5 + asked[:, 4])
    return np.column_stack([-(right - left) / 2, distance])
