"""Tracking's access to a keypoint source: cropping regions, observing people in them, and comparing them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.geometry.circles import Circles
from kinema.geometry.crops import crop
from kinema.keypoints.source import KeypointEstimator, Observation, OpenedSource, PersonDetector, View
from kinema.tracking import association
from kinema.tracking.appearance import Appearance, appearance_of
from kinema.tracking.body_parts import body_parts
from kinema.tracking.gate import Gate
from kinema.tracking.options import TrackingOptions
from kinema.tracking.people import boxes_of
from kinema.video import Frame


class Perception:
    """A keypoint source together with the frame size (width, height) and the settings."""

    def __init__(self, source: OpenedSource, size: tuple[int, int], options: TrackingOptions) -> None:
        if source.detector is None:
            raise ValueError(f"{source.about.name} was opened without a detector; use kinema.keypoints.open_source")
        self.estimator: KeypointEstimator = source.estimator
        self.detector: PersonDetector = source.detector
        self.thresholds = source.estimator.thresholds
        self.joints = source.joint_set
        self.parts = body_parts(source.joint_set)
        self.size = size
        self.options = options
        self.gate = Gate(size, options.landmark_threshold, self.thresholds)

    def view(self, frame: Frame, roi: np.ndarray) -> View:
        """A region (4,) of the frame, cropped."""
        return View(frame, roi, crop(frame.image, roi, size=self.estimator.crop_size))

    def observe(self, view: View, *, mask: bool = False) -> Observation:
        """The person in the view, with their mask if requested and the source has masks."""
        return self.estimator.observe(view, mask=mask and self.estimator.gives_masks)

    def detect(self, frame: Frame, tiles: np.ndarray) -> list[Circles]:
        """The people in each of the tiles (n, 3), without those better seen in a larger tile."""
        largest = self.detector.tile_range.largest_radius
        parts = []
        for tile in tiles:
            found = self.detector.detect(frame, tile, threshold=self.options.detection_threshold)
            whole = tile[2] >= max(self.size)
            parts.append(found if whole else found.select(found.radii < largest * tile[2]))
        return parts

    def appearance(self, view: View, seen: Observation) -> Appearance:
        """The appearance of the person observed in the view."""
        return appearance_of(view.pixels, seen, self.parts)

    def same_body(self, a: Observation, b: Observation) -> bool:
        """Whether two observations show the same person."""
        return association.same_body(a, b, self.parts)

    def boxes(self, people: Sequence[Observation]) -> np.ndarray:
        """The bounding boxes (n, 4) of people."""
        return boxes_of(people, self.size, self.parts, self.thresholds.boxed)
