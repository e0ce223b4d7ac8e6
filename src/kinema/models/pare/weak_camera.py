"""The weak-perspective camera of a crop, and its equivalent in the full image.

A network that sees a crop of side b pixels around (cx, cy) places the body by (s, tx, ty): a point X of the body
(metres, without translation) projects to cx + b/2 * s * (X_x + tx), likewise y. SPIN and PARE interpret the same
numbers as a camera of focal length 5000 pixels for an image of 224 pixels.
"""

from __future__ import annotations

import numpy as np

from kinema.geometry.camera import Camera
from kinema.geometry.rotations import shortest_rotation
from kinema.models.pare.facts import FOCAL, IMAGE_SIZE

_SMALLEST_SCALE = 1e-2
"""At this scale a body of 2 m fills one hundredth of its box: smaller scales are clamped."""


def crop_translation(weak: np.ndarray, *, focal: float = FOCAL, size: int = IMAGE_SIZE) -> np.ndarray:
    """(n,3) s tx ty -> (n,3) metres: the translation for a camera of `focal` pixels and a crop of `size`."""
    weak = np.asarray(weak)
    depth = 2 * focal / (size * weak[:, 0] + 1e-9)
    return np.stack([weak[:, 1], weak[:, 2], depth], axis=-1)


def weak_camera(translation: np.ndarray, *, focal: float = FOCAL, size: int = IMAGE_SIZE) -> np.ndarray:
    """The inverse of `crop_translation`: (n,3) metres, camera of `focal` pixels, crop of `size` -> s tx ty."""
    translation = np.asarray(translation)
    return np.column_stack([2 * focal / (size * translation[:, 2] + 1e-9), translation[:, :2]])


def seen_translation(
    points: np.ndarray, pixels: np.ndarray, confidence: np.ndarray, *, focal: float = FOCAL, size: int = IMAGE_SIZE
) -> np.ndarray:
    """(n,3) metres: translations of bodies whose points (n,K,3) are seen at pixels (n,K,2) of crops of `size`.

    Linear least squares, weighted by confidence (n,K): x (Z + tz) = f (X + tx) with x relative to the crop's centre, as
    in the initialisation of SPIN and its SMPLify. A body with fewer than two visible points is undetermined: NaN.
    """
    points, confidence = np.asarray(points, dtype=np.float64), np.asarray(confidence, dtype=np.float64)
    seen = np.asarray(pixels, dtype=np.float64) - size / 2
    count, joints = confidence.shape
    system = np.zeros((count, joints, 2, 3))
    system[..., 0, 0] = system[..., 1, 1] = focal
    system[..., 2] = -seen
    target = seen * points[..., 2:] - focal * points[..., :2]
    weight = np.sqrt(confidence)[..., None]
    system, target = (system * weight[..., None]).reshape(count, -1, 3), (target * weight).reshape(count, -1)
    out = np.full((count, 3), np.nan)
    normal = np.einsum("nki,nkj->nij", system, system)
    known = np.linalg.matrix_rank(normal) == 3
    right = np.einsum("nki,nk->ni", system[known], target[known])
    out[known] = np.linalg.solve(normal[known], right[..., None])[..., 0]
    return out


def crop_pixels(points: np.ndarray, weak: np.ndarray) -> np.ndarray:
    """Points (n,K,3) of bodies in crops with cameras (n,3) -> (n,K,2), [-1,1] across the crop, PARE's projection."""
    placed = np.asarray(points, dtype=np.float64) + crop_translation(weak)[:, None]
    return np.asarray(FOCAL / (IMAGE_SIZE / 2) * placed[..., :2] / placed[..., 2:])


def image_pixels(normalized: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Points (n,K,2) in [-1,1] across their crops, boxes (n,4) cx cy w h -> (n,K,2) image pixels."""
    boxes = np.asarray(boxes, dtype=np.float64)[:, None]
    corner = boxes[..., :2] - boxes[..., 3:4] / 2
    return (np.asarray(normalized, dtype=np.float64) + 1) / 2 * boxes[..., 3:4] + corner


def image_camera(weak: np.ndarray, boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """PARE's `orig_cam` (n,4) sx sy tx ty: the weak cameras (n,3) of crops (n,4) cx cy w h for the full image."""
    weak, boxes = np.asarray(weak, dtype=np.float64), np.asarray(boxes, dtype=np.float64)
    half = np.array([width, height]) / 2
    scale = weak[:, :1] * boxes[:, 3:4] / (2 * half)
    shift = weak[:, 1:] + (boxes[:, :2] - half) / half / scale
    return np.hstack([scale, shift])


def full_translation(weak: np.ndarray, boxes: np.ndarray, focal: np.ndarray, width: int, height: int) -> np.ndarray:
    """(n,3) metres: the body's translation for a camera of `focal` (n,) pixels and the full image.

    weak (n,3), boxes (n,4) cx cy w h. The formula of PARE's variants with a known camera.
    """
    weak, boxes = np.asarray(weak, dtype=np.float64), np.asarray(boxes, dtype=np.float64)
    scale = weak[:, 0] * boxes[:, 3]
    across = weak[:, 1:] + 2 * (boxes[:, :2] - np.array([width, height]) / 2) / scale[:, None]
    return np.column_stack([across, 2 * np.asarray(focal) / scale])


def place(weak: np.ndarray, boxes: np.ndarray, pelvis: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Where a perspective camera sees the bodies at the size and position of their crops' weak cameras.

    weak (n,3); boxes (n,4) cx cy w h; pelvis (n,3): of the bodies without translation, metres. Returns the positions
    (n,3) of the pelvis in the camera's frame, and the rotations (n,3,3) from the crop's view to the camera's: a crop
    looks along the ray through its centre, so that a body at the image's edge is rotated by the angle of that ray (the
    network sees it as if it were in the middle).
    """
    weak, boxes = np.asarray(weak, dtype=np.float64), np.asarray(boxes, dtype=np.float64)
    focals, centre = camera.intrinsics[[0, 1], [0, 1]], camera.intrinsics[:2, 2]
    scale = np.maximum(weak[:, :1], _SMALLEST_SCALE) * boxes[:, 3:4] / 2
    depth = np.sqrt(focals.prod()) / scale
    pixel = boxes[:, :2] + scale * (np.asarray(pelvis)[:, :2] + weak[:, 1:])
    position = np.hstack([(pixel - centre) / focals * depth, depth])
    ray = np.column_stack([(boxes[:, :2] - centre) / focals, np.ones(len(boxes))])
    return position, shortest_rotation(np.array([0.0, 0.0, 1.0]), ray)
