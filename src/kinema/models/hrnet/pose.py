"""What the published HRNet pose networks see and how their heatmaps are read: crops around boxes, peaks, coordinates.

Sun et al. 2019, section 4. A crop is given by its centre in pixels and its scale, width and height in units of 200
pixels. Two defects of video-to-pose3D's copy are reproduced on request (`parity`): boxes get the proportions of the
image on its side instead of the network's, and red's mean and deviation are applied to blue and blue's to red.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kinema.models.imagenet import MEAN, STD

JOINTS = 17
"""Number of COCO's joints."""

WIDTHS = {"hrnet-w32": 32, "hrnet-w48": 48}
"""Channels of the branch of the highest resolution."""

SIZES = {"hrnet-w32": (192, 256), "hrnet-w48": (288, 384)}
"""Width and height of the crops that each network is published for, in pixels."""

STRIDE = 4
"""Pixels of a crop per cell of a heatmap."""

_UNIT = 200.0
_MARGIN = 1.25


@dataclass(frozen=True, eq=False)
class Crop:
    """A part of an image: centre (2,) in pixels, scale (2,) width and height in units of 200 pixels; both float32."""

    centre: np.ndarray
    scale: np.ndarray

    def matrix(self, width: int, height: int) -> np.ndarray:
        """The affine map (2,3) from pixels of the image to those of a crop (or heatmap) of this size.

        Only the width decides the scale: the crop's proportions are those of `width` and `height`.
        """
        zoom = width / (float(self.scale[0]) * _UNIT)
        shift = np.array([width / 2, height / 2]) - zoom * self.centre.astype(np.float64)
        return np.array([[zoom, 0.0, shift[0]], [0.0, zoom, shift[1]]])


def crop_of(box: np.ndarray, aspect: float) -> Crop:
    """The crop around a box (4,) x1 y1 x2 y2 of at least a pixel: its shorter side enlarged to the proportions width /
    height = `aspect`, and a margin."""
    corners = np.asarray(box, dtype=np.float64).reshape(2, 2)
    width, height = np.maximum(corners[1] - corners[0], 1.0)
    size = np.array([max(width, aspect * height), max(height, width / aspect)])
    scale = (size / _UNIT).astype(np.float32) * np.float32(_MARGIN)
    return Crop(corners.mean(axis=0).astype(np.float32), scale)


def aspect_of(network_size: tuple[int, int], image_size: tuple[int, int], *, parity: bool) -> float:
    """Width over height of crops: that of the network's input; in parity, of the image with its sides exchanged."""
    width, height = image_size[::-1] if parity else network_size
    return width / height


def cut(image: np.ndarray, crop: Crop, size: tuple[int, int]) -> np.ndarray:
    """A crop of an image (H,W,3) uint8 as (height,width,3) uint8, black outside; size: (width, height)."""
    return cv2.warpAffine(image, crop.matrix(*size), size, flags=cv2.INTER_LINEAR)


def normalized(crops: np.ndarray, *, parity: bool = False) -> np.ndarray:
    """Crops (B,H,W,3) uint8 RGB as the network's input (B,3,H,W) float32."""
    mean, std = (MEAN[::-1], STD[::-1]) if parity else (MEAN, STD)
    images = (crops.astype(np.float32) / np.float32(255) - mean) / std
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32)


def peaks(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The greatest cell (...,K,2), x and y, (0, 0) where none is above 0, and its value (...,K)."""
    flat = heatmaps.reshape(*heatmaps.shape[:-2], -1)
    best, values = flat.argmax(axis=-1), flat.max(axis=-1)
    cells = np.stack([best % heatmaps.shape[-1], best // heatmaps.shape[-1]], axis=-1)
    return cells * (values > 0)[..., None], values


def decode(heatmaps: np.ndarray, *, border: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Points (...,K,2) in cells of heatmaps (...,K,h,w) and their values (...,K): the greatest cell, moved by a quarter
    towards its greater neighbour along each axis, unless it lies within `border` cells of the edge at the low and one
    less at the high end."""
    cells, values = peaks(heatmaps)
    height, width = heatmaps.shape[-2:]
    x, y = cells[..., 0], cells[..., 1]
    inside = (x >= border) & (x < width - 1) & (y >= border) & (y < height - 1)
    padded = np.pad(heatmaps, [(0, 0)] * (heatmaps.ndim - 2) + [(1, 1), (1, 1)])

    def at(dx: int, dy: int) -> np.ndarray:
        rows = np.take_along_axis(padded, (y + 1 + dy)[..., None, None], axis=-2)
        return np.asarray(np.take_along_axis(rows, (x + 1 + dx)[..., None, None], axis=-1)[..., 0, 0])

    slope = np.stack([at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)], axis=-1)
    return cells + 0.25 * np.sign(slope) * inside[..., None], values


def to_image(points: np.ndarray, crop: Crop, width: int, height: int) -> np.ndarray:
    """Points (...,2) in cells of a heatmap of this size as pixels of the image."""
    matrix = crop.matrix(width, height)
    return np.asarray((points - matrix[:, 2]) / matrix[0, 0])
