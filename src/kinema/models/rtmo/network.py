"""The network: OpenMMLab's export, boxes (1, N, 5) and keypoints (1, N, K, 3) in pixels of the letterboxed input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.errors import InputError
from kinema.models.image_network import ImageNetwork
from kinema.models.person_boxes import letterbox


@dataclass(frozen=True, eq=False)
class People:
    """The people in an image, best first: boxes (n, 4) x1 y1 x2 y2, scores (n,) in [0, 1], points (n, K, 2) pixels of
    the image, confidence (n, K) in [0, 1]."""

    boxes: np.ndarray
    scores: np.ndarray
    points: np.ndarray
    confidence: np.ndarray


def gives_people(network: ImageNetwork) -> bool:
    """Whether a network gives boxes (1, N, 5) and keypoints (1, N, K, 3)."""
    shapes = list(network.outputs.values())
    boxes = len(shapes) == 2 and len(shapes[0]) == 3 and shapes[0][2] == 5
    return boxes and len(shapes[1]) == 4 and shapes[1][:2] == shapes[0][:2] and shapes[1][3] == 3


class RTMO:
    """The network in an RTMO file. count: number of its keypoints."""

    def __init__(self, network: ImageNetwork) -> None:
        if not gives_people(network):
            raise InputError(f"{network.path} is not an RTMO network: {network.found}")
        self._network = network
        self.count = int(list(network.outputs.values())[1][2])

    def __call__(self, image: np.ndarray, tile: np.ndarray, *, threshold: float) -> People:
        """Everybody in the square `tile` (x, y, side) of `image`, an RGB image (H, W, 3) uint8."""
        box = letterbox(image, tile, self._network.height, self._network.width)
        if box is None:
            return People(np.zeros((0, 4)), np.zeros(0), np.zeros((0, self.count, 2)), np.zeros((0, self.count)))
        outputs = self._network(np.ascontiguousarray(box.pixels.transpose(2, 0, 1)[None], dtype=np.float32))
        dets, points = (output[0].astype(np.float64) for output in outputs)
        kept = np.flatnonzero(dets[:, 4] >= threshold)
        kept = kept[np.argsort(-dets[kept, 4], kind="stable")]
        return People(
            boxes=box.boxes_to_image(dets[kept, :4]),
            scores=np.clip(dets[kept, 4], 0.0, 1.0),
            points=box.to_image(points[kept, :, :2]),
            confidence=np.clip(points[kept, :, 2], 0.0, 1.0),
        )
