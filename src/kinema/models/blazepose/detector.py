"""BlazePose's person detector: hips and size of everyone in one square image.

A single-shot detector like BlazeFace (Bazarevsky et al. 2019) that predicts, in addition to a face box, the mid-hip and
a point above the head, which together define a circle around the person. Layout after MediaPipe's public documentation
of `pose_detection.tflite` (Apache-2.0): input 224x224 RGB in [-1, 1], 2254 anchors, per anchor 12 numbers (face box
centre and size; four points) in input pixels relative to the anchor's centre, and a score logit. Points 0 and 1 are the
mid-hip and the point on the full body's circle.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from kinema.geometry.circles import Circles, merge
from kinema.models.litert import LiteNetwork, check_shapes

INPUT = 224
_LAYERS = ((8, 2), (16, 2), (32, 6))  # stride, anchors in each cell (three layers share stride 32)
_NUM_ANCHORS = 2254


def anchors() -> np.ndarray:
    """Centres of the detector's anchors (2254, 2) in units of the input's side, row by row, stride by stride."""
    grids = []
    for stride, repeat in _LAYERS:
        line = (np.arange(INPUT // stride) + 0.5) * stride / INPUT
        y, x = np.meshgrid(line, line, indexing="ij")
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), repeat, axis=0))
    return np.concatenate(grids)


_ANCHORS = anchors()


class BlazePoseDetector:
    """The network, its square input and its decoding."""

    def __init__(self, path: str | Path, *, threads: int = 1) -> None:
        self._network = LiteNetwork(path, threads=threads)
        shapes = [(1, _NUM_ANCHORS, 12), (1, _NUM_ANCHORS, 1)]
        check_shapes(self._network, (1, INPUT, INPUT, 3), shapes, "blazepose-detector")
        self._tensor = np.empty((1, INPUT, INPUT, 3), dtype=np.float32)

    def __call__(self, image: np.ndarray, tile: np.ndarray, *, threshold: float = 0.5) -> Circles:
        """People in the square `tile` (x, y, side) pixels of `image` (H, W, 3) uint8 RGB, in image pixels.

        The tile may extend beyond the image: pixels outside are black, as in training.
        """
        x, y, side = (float(v) for v in tile)
        scale = side / INPUT
        matrix = np.array([[scale, 0.0, x], [0.0, scale, y]])
        pixels = cv2.warpAffine(
            image,
            matrix,
            (INPUT, INPUT),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
        )
        np.multiply(pixels, np.float32(2.0 / 255.0), out=self._tensor[0], casting="unsafe")
        self._tensor -= 1.0
        values, logits = self._network(self._tensor)
        found = merge(decode(values[0], logits[0, :, 0], threshold=threshold))
        return found.moved(side, np.array([x, y]))


def decode(values: np.ndarray, logits: np.ndarray, *, threshold: float = 0.5) -> Circles:
    """Every anchor with a sufficient score, best first, in units of the input's side.

    values (2254, 12), logits (2254,).
    """
    scores = 1.0 / (1.0 + np.exp(-np.clip(logits.astype(np.float64), -60.0, 60.0)))
    rows = np.flatnonzero(scores >= threshold)
    rows = rows[np.argsort(-scores[rows], kind="stable")]
    table = values[rows].astype(np.float64).reshape(-1, 6, 2) / INPUT
    centre = _ANCHORS[rows]
    return Circles(table[:, 2] + centre, table[:, 3] + centre, scores[rows])
