"""The ground of world-space views: a checkered floor, and shadows cast on y = 0."""

from __future__ import annotations

import cv2
import numpy as np

from kinema.geometry.camera import project
from kinema.geometry.meshes import corners_of
from kinema.visualization.raster import Box, bounding_box, covered_pixels

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
    inverse = np.linalg.inv(intrinsics)
    # A pixel (u, v) sees along u * rays[0] + v * rays[1] + rays[2], in the world's axes, at depth 1.
    rays = (rotation.T @ inverse).T
    origin = -rotation.T @ translation
    limit = _FADE * max(float(np.linalg.norm(translation)), 1.0)
    u, v = np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]
    down = np.float32(rays[1, 1]) * v + np.float32(rays[2, 1])
    if abs(rays[0, 1]) * width > 1e-6:  # else the camera is level: a row of pixels is at one depth
        down = down + np.float32(rays[0, 1]) * u
    with np.errstate(divide="ignore"):
        depth = np.float32(-origin[1]) / down
    floor = np.flatnonzero(((depth > 0) & (depth < limit)).any(axis=1))
    gray = np.full((height, width), round(_SKY), dtype=np.uint8)
    if len(floor):
        rows = slice(int(floor[0]), int(floor[-1]) + 1)
        depth = np.where((depth[rows] > 0) & (depth[rows] < limit), depth[rows], np.float32(limit))
        strength = np.minimum(np.float32(1.6) * (1 - depth / np.float32(limit)), 1)
        pattern = _stripes(origin[0], rays[:, 0], rays[:, 1], u, v[rows], depth, origin[1], square)
        pattern *= _stripes(origin[2], rays[:, 2], rays[:, 1], u, v[rows], depth, origin[1], square)
        pattern *= np.float32((_LIGHT - _DARK) / 2) * strength
        pattern += np.float32(_SKY + 0.5) - np.float32(_SKY - (_LIGHT + _DARK) / 2) * strength
        gray[rows] = pattern.astype(np.uint8)
    return np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB), dtype=np.uint8)


def _stripes(
    start: float,
    rays: np.ndarray,
    downs: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    depth: np.ndarray,
    height: float,
    square: float,
) -> np.ndarray:
    """Stripes of the floor across an axis, 1 and -1 in turn, (h,w) float32, blurred where pixels are wide.

    start: the viewer's coordinate on that axis; rays, downs (3,): how the axis and the height change with u and with v,
    and what they are at pixel (0, 0), per unit of depth; depth (h,w) or (h,1) of the floor; height: the viewer's.
    """
    su, sv, s0 = (np.float32(value / square) for value in rays)
    du, dv = (np.float32(value / height) for value in downs[:2])
    du = np.float32(0) if depth.shape[1] == 1 else du  # the camera is level
    place = (sv * v + s0) + su * u
    place *= depth
    # Depth is -height / (down), so it changes by depth^2 * down' / height; so much of the axis does a pixel span.
    wide = place * dv
    wide += sv
    np.abs(wide, out=wide)
    wide += np.abs(su + place * du) if du else np.abs(su)
    wide *= depth
    place += np.float32(start / square + 0.5)
    place -= 2 * np.floor(place * np.float32(0.5))
    place -= 1
    np.abs(place, out=place)
    np.subtract(np.float32(0.5), place, out=place)  # the signed distance to the next edge of a stripe
    place *= 2
    place /= np.maximum(wide, np.float32(1e-6))
    return np.asarray(np.clip(place, -1, 1, out=place))


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
    faces = faces[usable.take(faces.T).all(axis=0)]
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
