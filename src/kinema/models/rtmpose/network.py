"""The network: a crop to keypoints, by the greatest value along each axis."""

from __future__ import annotations

import numpy as np

from kinema.errors import InputError
from kinema.models.image_network import ImageNetwork, tensor_of

MEAN = np.array([123.675, 116.28, 103.53], dtype=np.float32)
STD = np.array([58.395, 57.12, 57.375], dtype=np.float32)
"""ImageNet's mean and standard deviation of red, green and blue, 0 to 255."""

BINS = 2
"""Classes per pixel of the crop in the published networks."""


def gives_classes(network: ImageNetwork) -> bool:
    """Whether a network gives values of classes along both axes: (1, K, n width) and (1, K, m height)."""
    shapes = list(network.outputs.values())
    if len(shapes) != 2 or any(len(shape) != 3 for shape in shapes) or shapes[0][1] != shapes[1][1]:
        return False
    (across, down), (height, width) = (shape[2] for shape in shapes), (network.height, network.width)
    return bool(across >= width and down >= height and across * height == down * width)


class RTMPose:
    """The network in an RTMPose file. width, height: pixels of its crops; count: number of its keypoints."""

    def __init__(self, network: ImageNetwork) -> None:
        if not gives_classes(network):
            raise InputError(f"{network.path} is not an RTMPose network: {network.found}")
        self._network = network
        self.height, self.width = network.height, network.width
        _, self.count, across = next(iter(network.outputs.values()))
        self._bins = across / self.width

    def __call__(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (K, 2) in pixels of a crop (height, width, 3) uint8 RGB, centres at integers, and confidences (K,) in
        [0, 1]."""
        x, y = self._network(tensor_of(crop, MEAN, STD))
        return decode(x[0], y[0], self._bins)


def decode(x: np.ndarray, y: np.ndarray, bins: float = BINS) -> tuple[np.ndarray, np.ndarray]:
    """Points (K, 2) and confidences (K,) from the classes' values (K, bins width), (K, bins height)."""
    points = np.stack([x.argmax(axis=-1), y.argmax(axis=-1)], axis=-1) / bins
    confidence = np.minimum(x.max(axis=-1), y.max(axis=-1))
    return points, np.clip(confidence, 0.0, 1.0)
