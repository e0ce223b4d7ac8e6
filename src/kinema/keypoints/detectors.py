"""The person detectors by name, for sources that have none, or in place of a source's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from kinema.geometry.circles import Circles, from_boxes
from kinema.keypoints.source import PersonDetector, TileRange, explained
from kinema.models.detecting import Detecting
from kinema.registry import Registry, resolve
from kinema.video import Frame
from kinema.weights.hub import WeightsFile

DEFAULT_DETECTOR = "blazepose"


@dataclass(frozen=True)
class DetectorRow:
    """A row of the registry of person detectors.

    open: "module:function" of a function `(row, *, threads) -> (PersonDetector, WeightsFile)`, imported when it is
    needed. weights: entries of the weights catalogue. extra: the package extra that must be installed.
    """

    name: str
    summary: str
    open: str
    weights: tuple[str, ...]
    extra: str | None = None

    def opened(self, *, threads: int = 1) -> tuple[PersonDetector, WeightsFile]:
        """The network, ready to run, and its file.

        Raises WeightsError if it is unavailable, UsageError if the extra that it needs is not installed.
        """
        with explained(f"person detector {self.name}", self.extra):
            opened: tuple[PersonDetector, WeightsFile] = resolve(self.open)(self, threads=threads)
        return opened


_BOXES = "kinema.keypoints.onnx_sources:open_detector"
_YOLOV3 = "kinema.keypoints.torch_sources:open_yolov3"
_NLF = "kinema.keypoints.torch_sources:open_nlf"

DETECTORS: Registry[DetectorRow] = Registry(
    "person detector",
    group="kinema.detectors",
    rows=(
        DetectorRow(
            DEFAULT_DETECTOR, "BlazePose's: hips and size of everybody in a square (default)",
            "kinema.keypoints.blazepose:open_blazepose_detector", ("blazepose-detector",),
        ),
        *(
            DetectorRow(f"yolox-{size}", f"YOLOX-{size}, boxes of people: small people in fewer tiles", _BOXES,
                        (f"yolox-{size}",))
            for size in ("nano", "tiny", "s", "m", "l", "x", "nano-coco", "tiny-coco", "s-coco")
        ),
        *(
            DetectorRow(f"rtmdet-{size}", f"RTMDet-{size}, boxes of people", _BOXES, (f"rtmdet-{size}",))
            for size in ("nano", "m")
        ),
        *(
            DetectorRow(f"yolov3{kind}", f"YOLOv3{kind.upper()}, boxes of people, in torch", _YOLOV3,
                        (f"yolov3{kind}",), extra="torch")
            for kind in ("", "-spp")
        ),
        *(
            DetectorRow(f"nlf-{size}", f"the detector in the program NLF-{size.upper()}, which is run on a GPU", _NLF,
                        (f"nlf-{size}",), extra="torch")
            for size in ("l", "s")
        ),
    ),
)  # fmt: skip
"""Every person detector."""


class BoxNetwork(Protocol):
    """Boxes of people in a tile (x, y, side) of an RGB image: (n, 4) pixels of the image, and scores (n,).

    Networks whose boxes Kinema suppresses have a number `overlap`, from which two boxes are one person's.
    """

    def __call__(self, image: np.ndarray, tile: np.ndarray, *, threshold: float) -> tuple[np.ndarray, np.ndarray]: ...


@runtime_checkable
class Looking(BoxNetwork, Protocol):
    """A network of boxes that looks at mirrored images, and drops double boxes, itself."""

    def looking(self, wanted: Detecting) -> BoxNetwork:
        """The same network with these settings."""


BOX_TILES = TileRange(smallest=0.12, largest_radius=1.0, sure=(0.1, 0.5))
"""Detectors of boxes find people of a tenth of their input, and people who fill it."""


class BoxDetector:
    """A detector of boxes as a `PersonDetector`: the network's boxes of people in a tile of an RGB image."""

    tile_range = BOX_TILES

    def __init__(self, network: BoxNetwork) -> None:
        self.network = network

    def detect(self, frame: Frame, tile: np.ndarray, *, threshold: float) -> Circles:
        found = from_boxes(*self.network(frame.image, tile, threshold=threshold))
        return large_enough(found, tile, self.tile_range)


def large_enough(found: Circles, tile: np.ndarray, tile_range: TileRange) -> Circles:
    """The people in a tile (x, y, side) who are not so small that they are left to smaller tiles: otherwise each
    spectator of a match would be examined in every frame."""
    return found.select(2.0 * found.radii >= _SMALLER * tile_range.smallest * float(tile[2]))


_SMALLER = 0.75
