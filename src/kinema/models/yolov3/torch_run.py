"""YOLOv3 as a detector of people: an image, or a part of one, to boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kinema.models.person_boxes import part_of
from kinema.models.torch_inference import prepared, run
from kinema.models.yolov3.architecture import TITLES
from kinema.models.yolov3.darknet import read_weights
from kinema.models.yolov3.detections import Letterbox, letterbox_of, letterboxed, objects, unletterboxed

SIZES = {"yolov3": 416, "yolov3-spp": 608}
"""Side of the input with which each network is published and used, in pixels."""

OVERLAP = 0.4
"""Intersection over union from which two boxes are one person."""


class YoloDetector:
    """A YOLOv3 network with the weights of a `.weights` file.

    network: one of `SIZES`. size: side of the input, a multiple of 32. threads: of torch, for the whole process. Raises
    WeightsError and InputError as `read_weights` does, ModuleNotFoundError without torch.
    """

    def __init__(self, path: str | Path, network: str = "yolov3", *, size: int | None = None, threads: int = 1) -> None:
        import torch

        from kinema.models.yolov3.network import YoloV3

        self.name, self.size, self.overlap = TITLES[network], size or SIZES[network], OVERLAP
        tensors = {key: torch.from_numpy(value) for key, value in read_weights(path, network).items()}
        net = YoloV3.from_tensors(tensors, network, source=str(path))
        self._net = prepared(net, (1, 3, self.size, self.size), threads=threads)

    def boxes(self, image: np.ndarray, *, square: bool = False) -> tuple[np.ndarray, Letterbox]:
        """All boxes (N,85) of an image (H,W,3) uint8 RGB before suppression, in pixels of the input, and where the
        image lies in it. square: the input is a square, as published, not only as large as the image needs."""
        box = letterbox_of(image.shape[1], image.shape[0], self.size, square=square)
        return run(self._net, letterboxed(image, box)[None])[0], box

    def __call__(self, image: np.ndarray, tile: np.ndarray, *, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (n,4) x1 y1 x2 y2 and scores (n,) of the people in the square `tile` (x, y, side) of an image (H,W,3)
        uint8 RGB, in pixels of the image, best first.

        The tile may extend beyond the image. A score is the objectness of a box whose best class is a person.
        """
        part, corner = part_of(image, tile)
        if not part.size:
            return np.zeros((0, 4)), np.zeros(0)
        prediction, box = self.boxes(part)
        rows = objects(prediction, confidence=threshold, overlap=self.overlap, people_only=True)
        corners = unletterboxed(rows[:, :4], part.shape[1], part.shape[0], box).astype(np.float64)
        return corners + np.tile(corner, 2), rows[:, 4].astype(np.float64)
