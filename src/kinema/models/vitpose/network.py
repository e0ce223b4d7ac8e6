"""The network: a crop of 3 : 4 to one heatmap for each keypoint, decoded to fractions of a cell.

The decoding is the published one of ViTPose's configurations: distribution-aware ("DARK", Zhang et al., CVPR 2020),
with the coordinates of UDP (Huang et al., CVPR 2020), in which the centres of the first and the last cell are those of
the crop's first and last pixel.
"""

from __future__ import annotations

import cv2
import numpy as np

from kinema.errors import InputError
from kinema.models.image_network import ImageNetwork, tensor_of
from kinema.models.imagenet import MEAN, STD

KERNEL = 11
"""Cells of the Gaussian that smooths a heatmap before its peak is located; OpenCV derives sigma 2 from it."""

LEAST, MOST = 1e-3, 50.0
"""Bounds of a smoothed heatmap, whose logarithm is taken."""


def gives_heatmaps(network: ImageNetwork) -> bool:
    """Whether a network gives a heatmap for each keypoint, (1, K, h, w), of at most half the crop's size."""
    shapes = list(network.outputs.values())
    if len(shapes) != 1 or len(shapes[0]) != 4:
        return False
    height, width = shapes[0][2:]
    return bool(1 < 2 * height <= network.height and network.height * width == network.width * height)


class ViTPose:
    """The network in a ViTPose file. width, height: pixels of its crops; count: number of its keypoints."""

    def __init__(self, network: ImageNetwork) -> None:
        if not gives_heatmaps(network):
            raise InputError(f"{network.path} is not a ViTPose network: {network.found}")
        self._network = network
        self.height, self.width = network.height, network.width
        self.count = int(next(iter(network.outputs.values()))[1])

    def __call__(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (K, 2) in pixels of a crop (height, width, 3) uint8 RGB, centres at integers, and confidences (K,) in
        [0, 1]."""
        heatmaps = self._network(tensor_of(crop, 255 * MEAN, 255 * STD))[0][0]
        cells, confidence = decode(heatmaps.astype(np.float64))
        last = np.array(heatmaps.shape[:0:-1]) - 1.0
        return cells * (np.array([self.width, self.height]) - 1.0) / last, np.clip(confidence, 0.0, 1.0)


def decode(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The peaks (K, 2) of heatmaps (K, h, w), x and y in cells, and their values (K,).

    From the greatest cell, one step of Newton's method on the logarithm of the smoothed heatmap (Zhang et al. 2020,
    eq. 8); the step is left out where the logarithm has no maximum.
    """
    count, _, width = heatmaps.shape
    flat = heatmaps.reshape(count, -1)
    best = flat.argmax(axis=1)
    peaks = np.stack([best % width, best // width], axis=1).astype(np.float64)
    smooth = np.stack([cv2.GaussianBlur(each, (KERNEL, KERNEL), 0) for each in heatmaps])
    logs = np.log(np.clip(smooth, LEAST, MOST))
    padded = np.pad(logs, ((0, 0), (1, 1), (1, 1)), mode="edge")
    x, y = best % width + 1, best // width + 1

    def at(dx: int, dy: int) -> np.ndarray:
        return np.asarray(padded[np.arange(count), y + dy, x + dx])

    slope = 0.5 * np.stack([at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)], axis=1)
    xx, yy = at(1, 0) - 2 * at(0, 0) + at(-1, 0), at(0, 1) - 2 * at(0, 0) + at(0, -1)
    xy = 0.5 * (at(1, 1) - at(1, 0) - at(0, 1) + 2 * at(0, 0) - at(-1, 0) - at(0, -1) + at(-1, -1))
    curved = xx * yy - xy * xy
    step = np.stack([xy * slope[:, 1] - yy * slope[:, 0], xy * slope[:, 0] - xx * slope[:, 1]], axis=1)
    good = (curved > np.finfo(np.float64).eps) & (xx < 0)
    peaks[good] += step[good] / curved[good, None]
    return peaks, flat.max(axis=1)
