"""What such a file takes and gives: RGB in [0, 1] -> (1, 4 + classes, M), centre, size and scores of M boxes.

Boxes are in pixels of the input and not suppressed; people are the first of COCO's classes. The wrapper in the NLF
program uses its YOLOv8x in the same way (`kinema.models.nlf.detector`).
"""

from __future__ import annotations

import numpy as np

from kinema.models.image_network import ImageNetwork, tensor_of
from kinema.models.person_boxes import PERSON, letterbox, suppressed

STRIDES = (8, 16, 32)
OVERLAP = 0.7
"""Intersection over union of double boxes, as in the NLF pipeline."""

_BOX = 4
_NONE, _WHITE = np.zeros(3, np.float32), np.full(3, 255.0, np.float32)


def gives_candidates(network: ImageNetwork) -> bool:
    """Whether a network gives a column of box and scores for every cell of the grids."""
    shapes = list(network.outputs.values())
    cells = sum((network.height // each) * (network.width // each) for each in STRIDES)
    return len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][1] > _BOX and shapes[0][2] == cells


class YOLOv8:
    """The network in a YOLOv8 file."""

    def __init__(self, network: ImageNetwork) -> None:
        self._network, self.overlap = network, OVERLAP

    def __call__(self, image: np.ndarray, tile: np.ndarray, *, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (n, 4) x1 y1 x2 y2 and scores (n,) of the people in the square `tile` (x, y, side) of `image`, an RGB
        image (H, W, 3) uint8; in pixels of the image, best first."""
        box = letterbox(image, tile, self._network.height, self._network.width)
        if box is None:
            return np.zeros((0, 4)), np.zeros(0)
        values = self._network(tensor_of(box.pixels[..., ::-1], _NONE, _WHITE))[0][0].astype(np.float64)
        scores = values[_BOX + PERSON]
        kept = np.flatnonzero(scores >= threshold)
        centres, halves = values[:2, kept].T, values[2:_BOX, kept].T / 2.0
        boxes = np.concatenate([centres - halves, centres + halves], axis=1)
        best = suppressed(boxes, scores[kept], threshold=threshold, overlap=self.overlap)
        return box.boxes_to_image(boxes[best]), scores[kept][best]
