"""What FastPose sees of an image and how its heatmaps are read, as in AlphaPose.

A box is widened and shown in the middle of the network's input with black around it, never cropped. Points are in cells
of the heatmaps; `to_image` takes them to pixels of the image.
"""

from __future__ import annotations

import cv2
import numpy as np

from kinema.models.hrnet.pose import decode as quarter_peaks
from kinema.skeleton import COCO17

JOINTS = 17
WIDTH, HEIGHT = 256, 320
"""Width and height of the network's input, pixels."""

STRIDE = 4
"""Pixels of the input per cell of a heatmap."""

OFFSET = 0.2
"""Added to both coordinates of a peak, in cells."""

MEANS = np.array([0.406, 0.457, 0.480], dtype=np.float32)
"""Subtracted from red, green and blue in [0,1], in training and here alike."""

_WIDENED = 0.3
_LEAST = 5
"""Least width and height of a widened box, pixels."""

PAIRS = COCO17.mirror


def widened(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Boxes (n,4) x1 y1 x2 y2 with a margin of 15 % on each side, inside an image of this size, float32."""
    corners = np.asarray(boxes, dtype=np.float32).reshape(-1, 2, 2)
    margin = (corners[:, 1] - corners[:, 0]) * np.float32(_WIDENED / 2)
    low = np.maximum(corners[:, 0] - margin, 0)
    last = np.array([width - 1, height - 1], dtype=np.float32)
    high = np.maximum(np.minimum(corners[:, 1] + margin, last), low + _LEAST)
    return np.asarray(np.concatenate([low, high], axis=1), dtype=np.float32)


def cut(image: np.ndarray, box: np.ndarray, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    """A widened box (4,) of an image (H,W,3) uint8 RGB as the network's input (3,height,width) float32.

    size: width and height. The means are subtracted before, so black is their negative inside the box and 0 outside.
    """
    width, height = size
    low, high = box[:2].astype(int), (box[2:] - 1).astype(int)
    extent = high - low
    whole_height = max(float(extent[1]), extent[0] * height / width)
    pad = np.array([(whole_height * width / height - extent[0]) // 2, (whole_height - extent[1]) // 2])
    pixels = np.zeros(image.shape, dtype=np.float32)
    rows, columns = slice(low[1], high[1] + 1), slice(low[0], high[0] + 1)
    pixels[rows, columns] = image[rows, columns].astype(np.float32) / np.float32(255) - MEANS
    start, end = low - pad, high + pad
    # Corner to corner, the third point by a right angle: the scales along both axes are equal.
    matrix = cv2.getAffineTransform(_corners(start, end), _corners(np.zeros(2), np.array([width - 1.0, height - 1.0])))
    crop = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR)
    return np.ascontiguousarray(crop.transpose(2, 0, 1), dtype=np.float32)


def _corners(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    across = start - end
    return np.array([start, end, end + [-across[1], across[0]]], dtype=np.float32)


def mirrored_back(heatmaps: np.ndarray) -> np.ndarray:
    """Heatmaps (B,17,h,w) of mirrored images as those of the images: mirrored, left and right exchanged."""
    return heatmaps[:, PAIRS, :, ::-1]


def decode(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (...,17,2) in cells of heatmaps (...,17,h,w) and their values (...,17): peaks to a quarter of a cell."""
    points, values = quarter_peaks(heatmaps, border=1)
    return points + OFFSET, values


def to_image(points: np.ndarray, box: np.ndarray, cells: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    """Points (17,2) in cells of heatmaps as pixels of the image that a widened box (4,) belongs to.

    cells: rows of a heatmap; size: width and height of the network's input.
    """
    width, height = size
    extent = (box[2:] - box[:2]).astype(np.float64)
    middle = (box[2:] - 1 - box[:2]).astype(np.float64) / 2
    whole_height = max(extent[0] * height / width, extent[1])
    whole = np.array([whole_height * width / height, whole_height])
    border = np.maximum((whole - 1) / 2 - middle, 0)
    return np.asarray(points * (whole_height / cells) - border + box[:2])
