"""A top-down network as a source's estimator: from a crop of the person's region to 2D keypoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kinema.geometry.roi import from_crop
from kinema.keypoints.source import BODY, Observation, Thresholds, View, region_of
from kinema.skeleton import JointSet


class CropNetwork(Protocol):
    """Keypoints from a crop. width, height: its pixels."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    def __call__(self, crop: np.ndarray, /) -> tuple[np.ndarray, np.ndarray]:
        """Points (K, 2) in pixels of the crop (height, width, 3) uint8 RGB, centres at integers, and confidences (K,)
        in [0, 1]."""


@dataclass(frozen=True)
class Calibration:
    """Calibration of a family's confidences. thresholds: on them; person: the mean confidence of the better half of the
    body's keypoints at which a crop shows a person as probably as not, which becomes a score of 0.5."""

    thresholds: Thresholds
    person: float


class TopDown:
    """A `KeypointEstimator` of a network that takes crops and of a joint set.

    The network sees the middle of the region, as much as its width shows at the region's full height.
    """

    gives_masks = False

    def __init__(self, network: CropNetwork, joints: JointSet, calibration: Calibration) -> None:
        self.network = network
        self._joints, self._calibration = joints, calibration
        self.thresholds = calibration.thresholds
        self.crop_size = max(network.width, network.height)
        self._left = (self.crop_size - network.width) // 2
        self._top = (self.crop_size - network.height) // 2

    def observe(self, view: View, *, mask: bool = False) -> Observation:
        width, height = self.network.width, self.network.height
        crop = view.pixels[self._top : self._top + height, self._left : self._left + width]
        points, confidence = self.network(np.ascontiguousarray(crop))
        unit = (points + [self._left, self._top] + 0.5) / self.crop_size
        return self.seen(view, from_crop(unit, view.roi), confidence)

    def seen(self, view: View, placed: np.ndarray, confidence: np.ndarray) -> Observation:
        """The observation of points (K, 2) in pixels of the image with confidences (K,)."""
        width, height = self.network.width, self.network.height
        region = region_of(
            placed, confidence, self._joints, visible=self.thresholds.visible, aspect=min(width / height, 1.0)
        )
        return Observation(
            points=placed,
            visibility=confidence,
            presence=np.ones(len(confidence)),
            score=score_of(confidence, self._calibration.person),
            roi=view.roi,
            next_roi=region,
        )


def score_of(confidence: np.ndarray, person: float) -> float:
    """How surely there is a person, in [0, 1], from keypoints' confidences (K,): 0.5 where the better half of the
    body's keypoints have the mean confidence `person`. Half of them, because half a body is a person, too."""
    body = np.sort(confidence[BODY])
    mean = float(body[len(body) // 2 :].mean())
    return float(1.0 / (1.0 + np.exp(_STEEP * (person - mean))))


_STEEP = 12.0  # people and background differ by 0.3 to 0.6 in this mean
