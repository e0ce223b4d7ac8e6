"""The network: OpenMMLab's export, with its normalisation."""

from __future__ import annotations

import numpy as np

from kinema.models.image_network import ImageNetwork, tensor_of
from kinema.models.person_boxes import letterbox
from kinema.models.yolox.network import of_people

MEAN = np.array([103.53, 116.28, 123.675], dtype=np.float32)
STD = np.array([57.375, 57.12, 58.395], dtype=np.float32)
"""Mean and standard deviation of blue, green and red, the order in which RTMDet was trained."""


class RTMDet:
    """The network in an RTMDet file."""

    def __init__(self, network: ImageNetwork) -> None:
        self._network = network

    def __call__(self, image: np.ndarray, tile: np.ndarray, *, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (n, 4) x1 y1 x2 y2 and scores (n,) of the people in the square `tile` (x, y, side) of `image`, an RGB
        image (H, W, 3) uint8; in pixels of the image, best first."""
        box = letterbox(image, tile, self._network.height, self._network.width)
        if box is None:
            return np.zeros((0, 4)), np.zeros(0)
        dets, labels = self._network(tensor_of(box.pixels, MEAN, STD))[:2]
        boxes, scores = of_people(dets, labels, threshold=threshold)
        return box.boxes_to_image(boxes), scores
