"""BlazePose as a keypoint source: 33 keypoints in 2D and 3D, masks, and its own detector."""

from __future__ import annotations

import numpy as np

from kinema.geometry.circles import Circles
from kinema.keypoints.detectors import DETECTORS, DetectorRow
from kinema.keypoints.source import KeypointSource, Observation, OpenedSource, Thresholds, TileRange, View
from kinema.models.blazepose.detector import BlazePoseDetector
from kinema.models.blazepose.landmarks import CROP, BlazePoseLandmarker
from kinema.video import Frame
from kinema.weights import locate
from kinema.weights.hub import WeightsFile

THRESHOLDS = Thresholds(
    visible=0.3,
    boxed=0.2,
    least_points=5,
    recovered_score=0.7,
    # Mean confidence over the landmarks inside the image: objects reach about 0.7, people 0.85.
    surely_person=0.78,
    certainly_person=0.85,
    certain_score=0.95,
    backward_visibility=0.7,
)

TILE_RANGE = TileRange(smallest=0.35, largest_radius=0.85, sure=(0.18, 0.42))
"""The detector finds people whose circle's radius is between about 0.15 and 0.5 of its input's side (nine in ten
between 0.2 and 0.4, measured on the real clips); in a person who extends far beyond a tile it finds a second, smaller
body."""


class Detector:
    """BlazePose's person detector as a `PersonDetector`."""

    tile_range = TILE_RANGE

    def __init__(self, network: BlazePoseDetector) -> None:
        self._network = network

    def detect(self, frame: Frame, tile: np.ndarray, *, threshold: float) -> Circles:
        return self._network(frame.image, tile, threshold=threshold)


class Estimator:
    """BlazePose's landmark network as a `KeypointEstimator`."""

    crop_size = CROP
    gives_masks = True
    thresholds = THRESHOLDS

    def __init__(self, network: BlazePoseLandmarker) -> None:
        self._network = network

    def observe(self, view: View, *, mask: bool = False) -> Observation:
        seen = self._network.run_crop(view.pixels, view.roi, mask=mask)
        return Observation(
            points=seen.points,
            visibility=seen.visibility,
            presence=seen.presence,
            score=seen.score,
            roi=seen.roi,
            next_roi=seen.next_roi,
            points3d=seen.world,
            mask=seen.mask,
        )


def open_blazepose_detector(row: DetectorRow, *, threads: int = 1) -> tuple[Detector, WeightsFile]:
    """The detector alone. Raises WeightsError if it is unavailable."""
    weights = locate(row.weights[0])
    return Detector(BlazePoseDetector(weights.path)), weights


def open_blazepose(source: KeypointSource, *, threads: int) -> OpenedSource:
    """Both networks, of which the source's row names the weights. Raises WeightsError if they are unavailable."""
    landmarks = locate(source.weights[1])
    detector, detector_weights = open_blazepose_detector(DETECTORS.find("blazepose"))
    estimator = Estimator(BlazePoseLandmarker(landmarks.path, threads=threads, name=landmarks.name))
    return OpenedSource(source, estimator, detector, (detector_weights, landmarks))
