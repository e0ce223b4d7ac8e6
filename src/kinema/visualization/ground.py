"""The ground of world-space views: a checkered floor, and shadows cast on y = 0."""

from __future__ import annotations

import cv2
import numpy as np

from kinema.geometry.camera import project, unproject
from kinema.visualization.raster import Box, bounding_box, corners_of, covered_pixels

_LIGHT, _DARK, _SKY = 232.0, 208.0, 244.0
_FADE = 2.5
"""Distance at which the floor has faded out, as a multiple of the camera's distance from the scene's centre."""


def checkered_ground(
    width: int,
    height: int,
    intrinsics: np.ndarray,
    rotation: np.ndarray,
    translation: np.ndarray,
    *,
    square: float = 0.5,
) -> np.ndarray:
    """A camera's view of an empty, checkered floor at y = 0, (H,W,3) uint8.

    rotation (3,3), translation (3,): world to camera; square: side of a square in metres. The floor fades
    into the background with distance.
    """
    oversampling = 2
    columns, rows = ((np.arange(n * oversampling) + 0.5) / oversampling - 0.5 for n in (width, height))
    u, v = np.meshgrid(columns, rows)
    rays = np.ones((*u.shape, 3))
    rays[..., :2] = unproject(np.stack([u, v], axis=-1), intrinsics)
    rays = rays @ rotation
    origin = -rotation.T @ translation
    below = rays[..., 1] < -1e-6
    reach = np.where(below, -origin[1] / np.where(below, rays[..., 1], -1), np.inf)
    reach = np.where(reach > 0, reach, np.inf)
    limit = _FADE * max(float(np.linalg.norm(translation)), 1.0)
    near = np.minimum(reach, limit)
    x, z = origin[0] + rays[..., 0] * near, origin[2] + rays[..., 2] * near
    parity = (np.floor(x / square) + np.floor(z / square)) % 2
    floor = np.where(parity == 0, _LIGHT, _DARK)
    strength = np.clip(1.6 * (1 - near / limit), 0, 1)
    gray = (_SKY + strength * (floor - _SKY)).astype(np.float32)
    gray = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA)
    return np.repeat(np.rint(gray).astype(np.uint8)[..., None], 3, axis=2)


def floor_shadow(
    vertices: np.ndarray,
    faces: np.ndarray,
    towards: np.ndarray,
    size: tuple[int, int],
    intrinsics: np.ndarray,
    rotation: np.ndarray,
    translation: np.ndarray,
    *,
    distortion: np.ndarray | None = None,
    fade: float = 0.03,
) -> tuple[np.ndarray, Box]:
    """The shadow that a body casts on the floor: (h,w) float32 in [0,1] inside the returned box of the image.

    vertices (V,3) world, metres; towards (3,): direction to the light, upwards; size: width, height of the
    image; rotation (3,3), translation (3,): world to camera; fade: width of the penumbra in metres.
    """
    empty = np.zeros((0, 0), np.float32), Box(0, 0, 0, 0)
    cast = vertices - vertices[:, 1:2] * (towards / towards[1])
    seen = cast @ rotation.T + translation
    usable = seen[:, 2] > 0.3
    corners = usable[faces.T]
    faces = faces[corners[0] & corners[1] & corners[2]]
    if not len(faces):
        return empty
    pixels = project(seen, intrinsics, distortion)
    corners = corners_of(pixels, faces)
    box = bounding_box(corners, *size)
    if box is None:
        return empty
    sigma = max(fade * float(intrinsics[0, 0]) / float(np.median(seen[usable, 2])), 0.5)
    pad = int(3 * sigma) + 1
    left, top = max(box.left - pad, 0), max(box.top - pad, 0)
    box = Box(left, top, min(box.right + pad, size[0]), min(box.bottom + pad, size[1]))
    blurred = cv2.GaussianBlur(covered_pixels(corners, box).astype(np.float32), (0, 0), sigma)
    return np.asarray(blurred, dtype=np.float32), box
