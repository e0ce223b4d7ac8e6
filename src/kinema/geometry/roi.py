"""The rotated square region of interest that a keypoint network takes.

A ROI is four numbers: centre x, centre y, side length (pixels) and angle (radians, clockwise in the
image). In the crop the person is upright: the crop's axes are the image's, rotated by the angle.
Batches are arrays (..., 4).
"""

from __future__ import annotations

import numpy as np


def roi_from_circle(centre: np.ndarray, rim: np.ndarray, *, scale: float = 1.25) -> np.ndarray:
    """The ROI (..., 4) around a circle given by its centre and the point on its rim above the head.

    centre, rim: (..., 2) pixels. BlazePose describes a person this way: the mid-hip, and the point above the
    head on the circle around the straightened body. `scale` is the margin that the network was trained with.
    """
    centre = np.asarray(centre, dtype=np.float64)
    up = np.asarray(rim, dtype=np.float64) - centre
    side = 2.0 * scale * np.hypot(up[..., 0], up[..., 1])
    angle = np.arctan2(up[..., 0], -up[..., 1])
    return np.concatenate([centre, side[..., None], angle[..., None]], axis=-1)


def crop_matrix(roi: np.ndarray, size: int) -> np.ndarray:
    """The affine map (2, 3) from pixels of the crop (`size` x `size`) to pixels of the image.

    The crop's pixel i covers the interval from i to i + 1 of `size` equal parts of the ROI's side, so its
    centre lies at i + 0.5. MediaPipe omits the half pixel; on mirrored images its landmarks differ from
    the mirrored ones by just that (0.3 to 0.7 pixels of the crop, measured on six clips), ours do not.
    """
    x, y, side, angle = (float(v) for v in roi)
    scale = side / size
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    half = (size - 1) / 2.0
    return np.array([[c, -s, x - c * half + s * half], [s, c, y - s * half - c * half]])


def from_crop(points: np.ndarray, roi: np.ndarray) -> np.ndarray:
    """Points (..., K, 2) in units of the crop's side ([0, 1] inside) to pixels of the image."""
    roi = np.asarray(roi, dtype=np.float64)
    centred = (np.asarray(points, dtype=np.float64) - 0.5) * roi[..., None, 2:3]
    return np.asarray(rotate(centred, roi[..., 3]) + roi[..., None, :2])


def to_crop(points: np.ndarray, roi: np.ndarray) -> np.ndarray:
    """Pixels of the image (..., K, 2) to units of the crop's side: the inverse of `from_crop`."""
    roi = np.asarray(roi, dtype=np.float64)
    centred = np.asarray(points, dtype=np.float64) - roi[..., None, :2]
    return np.asarray(rotate(centred, -roi[..., 3]) / roi[..., None, 2:3] + 0.5)


def rotate(points: np.ndarray, angle: np.ndarray | float) -> np.ndarray:
    """Rotate x and y of points (..., K, 2 or 3) by `angle` (...,): from the crop's axes to the image's."""
    c, s = np.cos(angle)[..., None], np.sin(angle)[..., None]
    turned = np.array(points, dtype=np.float64)
    turned[..., 0] = c * points[..., 0] - s * points[..., 1]
    turned[..., 1] = s * points[..., 0] + c * points[..., 1]
    return turned


def corners(roi: np.ndarray) -> np.ndarray:
    """The ROI's corners (..., 4, 2) in pixels, clockwise from the crop's top left."""
    unit = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    roi = np.asarray(roi, dtype=np.float64)
    return from_crop(np.broadcast_to(unit, (*roi.shape[:-1], 4, 2)), roi)
