"""Acceptance of observations: as a person at all, and as the expected person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.keypoints.source import BODY, Observation, Thresholds
from kinema.tracking.track import height

_MAX_JUMP = 0.45  # of the body's height: hips do not move further between consecutive frames
_MAX_GROWTH = 2.0  # factor by which a body's size may change between frames


def clearness(points: np.ndarray, confidence: np.ndarray, size: tuple[int, int]) -> float:
    """Mean confidence of the body's keypoints inside the image, 0 if none is.

    points (..., K, 2) pixels, confidence (..., K); size: width and height of the frame.
    """
    points, confidence = points[..., BODY, :], confidence[..., BODY]
    inside = np.all((points >= 0) & (points < size), axis=-1)
    return float(confidence[inside].mean()) if inside.any() else 0.0


@dataclass(frozen=True)
class Gate:
    """size: width and height of the frame; threshold: score from which a view holds a person."""

    size: tuple[int, int]
    threshold: float
    thresholds: Thresholds

    def person(self, seen: Observation) -> bool:
        """Whether a person was seen inside the image."""
        if seen.score < self.threshold:
            return False
        inside = np.all((seen.points >= 0) & (seen.points < self.size), axis=1)
        visible = inside & (seen.confidence > self.thresholds.visible)
        return np.count_nonzero(visible) >= self.thresholds.least_points

    def expected(self, seen: Observation, roi: np.ndarray) -> bool:
        """Whether a person was seen who may be the one expected in this ROI (4,)."""
        if not self.person(seen) or not 1 / _MAX_GROWTH < seen.next_roi[2] / roi[2] < _MAX_GROWTH:
            return False
        return bool(np.hypot(*(seen.next_roi - roi)[:2]) < _MAX_JUMP * height(roi[2]))

    def inside(self, place: np.ndarray) -> bool:
        """Whether a point (2,) lies inside the image."""
        return bool(0 <= place[0] < self.size[0] and 0 <= place[1] < self.size[1])
