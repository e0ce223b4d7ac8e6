"""The network and the decoding of both kinds of its files.

Megvii's own export (`tools/export_onnx.py`) gives for every cell of grids with strides 8, 16, 32 (and 64 in P6
networks) the offset of the centre in cells, the logarithm of the size in strides, the probability that there is
something, and that of each class (Ge et al. 2021, 2.1); `--decode_in_inference` gives centres and sizes in pixels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kinema.models.image_network import ImageNetwork
from kinema.models.person_boxes import PERSON, letterbox, suppressed

STRIDES = ((8, 16, 32), (8, 16, 32, 64))
OVERLAP = 0.45
"""Intersection over union of double boxes, as in Megvii's demo."""

FOCUS = 12
"""Channels of the first convolution: each pixel of half the size holds the colours of four."""

_NUMBERS = 5  # of a box, before the classes


def gives_boxes(network: ImageNetwork) -> bool:
    """Whether a network gives suppressed boxes (1, N, 5) and labels (1, N), as OpenMMLab's exports do."""
    shapes = list(network.outputs.values())
    return len(shapes) == 2 and len(shapes[0]) == 3 and shapes[0][2] == _NUMBERS and shapes[1] == shapes[0][:2]


def gives_cells(network: ImageNetwork) -> bool:
    """Whether a network gives numbers of every cell of YOLOX's grids."""
    shapes = list(network.outputs.values())
    return len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][2] > _NUMBERS and strides_of(network) is not None


def strides_of(network: ImageNetwork) -> tuple[int, ...] | None:
    """The strides of the grids that have as many cells as the network's first output; None: others."""
    cells = next(iter(network.outputs.values()))[1]
    for strides in STRIDES:
        if cells == sum((network.height // each) * (network.width // each) for each in strides):
            return strides
    return None


class YOLOX:
    """The network in a YOLOX file."""

    def __init__(self, network: ImageNetwork) -> None:
        self._network = network
        self._strides = strides_of(network) if gives_cells(network) else None
        self.overlap = None if self._strides is None else OVERLAP
        # In cells, most centres lie within a few cells of their own; in pixels, in the middle of the image.
        centres = network.raw[0][0, :, 0]
        self._in_pixels = self._strides is not None and float(np.median(np.abs(centres))) > min(self._strides) * 2

    @classmethod
    def open(cls, path: str | Path, *, threads: int = 1) -> YOLOX:
        return cls(ImageNetwork(path, threads=threads))

    def __call__(self, image: np.ndarray, tile: np.ndarray, *, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (n, 4) x1 y1 x2 y2 and scores (n,) of the people in the square `tile` (x, y, side) of `image`, an RGB
        image (H, W, 3) uint8; in pixels of the image, best first."""
        height, width = self._network.height, self._network.width
        box = letterbox(image, tile, height, width)
        if box is None:
            return np.zeros((0, 4)), np.zeros(0)
        outputs = self._network(np.ascontiguousarray(box.pixels.transpose(2, 0, 1)[None], dtype=np.float32))
        if self._strides is None:
            boxes, scores = of_people(outputs[0], outputs[1], threshold=threshold)
        else:
            values = outputs[0][0].astype(np.float64)
            if not self._in_pixels:
                values = decode(values, height, width, self._strides)
            boxes, scores = people_in_cells(values, threshold=threshold, overlap=self.overlap or OVERLAP)
        return box.boxes_to_image(boxes), scores


def of_people(dets: np.ndarray, labels: np.ndarray, *, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """The people among suppressed boxes (1, N, 5) with labels (1, N): boxes (n, 4), scores (n,), best first."""
    found = dets[0].astype(np.float64)
    kept = np.flatnonzero((labels[0] == PERSON) & (found[:, 4] >= threshold))
    kept = kept[np.argsort(-found[kept, 4], kind="stable")]
    return found[kept, :4], found[kept, 4]


def decode(values: np.ndarray, height: int, width: int, strides: tuple[int, ...]) -> np.ndarray:
    """Values (cells, 5 + classes) with centres and sizes in pixels of the input."""
    grids, sizes = [], []
    for stride in strides:
        y, x = np.mgrid[: height // stride, : width // stride]
        grids.append(np.stack([x.ravel(), y.ravel()], axis=1))
        sizes.append(np.full((x.size, 1), stride))
    stride_of = np.concatenate(sizes)
    result = values.copy()
    result[:, :2] = (values[:, :2] + np.concatenate(grids)) * stride_of
    result[:, 2:4] = np.exp(np.clip(values[:, 2:4], -20.0, 20.0)) * stride_of
    return result


def people_in_cells(values: np.ndarray, *, threshold: float, overlap: float = OVERLAP) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (n, 4), scores (n,) of people in decoded values (cells, 5 + classes), doubles suppressed, best first."""
    scores = values[:, 4] * values[:, _NUMBERS + PERSON]
    kept = np.flatnonzero(scores >= threshold)
    centres, halves = values[kept, :2], values[kept, 2:4] / 2.0
    boxes = np.concatenate([centres - halves, centres + halves], axis=1)
    best = suppressed(boxes, scores[kept], threshold=threshold, overlap=overlap)
    return boxes[best], scores[kept][best]
