"""YOLOv3 as a detector of people for keypoint sources."""

from __future__ import annotations

import numpy as np

from kinema.geometry.circles import Circles, from_boxes
from kinema.keypoints.source import TileRange
from kinema.models.yolov3.torch_run import YoloDetector
from kinema.video import Frame
from kinema.weights import locate
from kinema.weights.hub import WeightsFile

TILE_RANGE = TileRange(smallest=0.1, largest_radius=0.85, sure=(0.08, 0.45))
"""Below a tenth of the input, about 40 of 416 pixels, people are found only now and then; those who fill it are found,
too."""


class Detector:
    """A YOLOv3 network as a `PersonDetector`."""

    tile_range = TILE_RANGE

    def __init__(self, network: YoloDetector) -> None:
        self._network = network

    def detect(self, frame: Frame, tile: np.ndarray, *, threshold: float) -> Circles:
        return from_boxes(*self._network(frame.image, tile, threshold=threshold))


def open_yolov3(name: str, *, threads: int = 1) -> tuple[Detector, WeightsFile]:
    """The detector `name`, "yolov3" or "yolov3-spp". Raises WeightsError if its weights are missing or wrong,
    ModuleNotFoundError without torch."""
    import torch  # noqa: F401  # before the weights are asked for: they are of no use without it

    weights = locate(name)
    return Detector(YoloDetector(weights.path, name, threads=threads)), weights
