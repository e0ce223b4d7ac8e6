"""What counts as seeing a person at all, and as seeing the person who was expected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.models.blazepose.landmarks import Landmarks
from kinema.tracking.track import height

_MAX_JUMP = 0.45  # of the body's height: hips do not move further between frames that follow each other
_MAX_GROWTH = 2.0  # nor does a body grow or shrink more
_LEAST_POINTS = 5  # of the body must be in the picture and likely visible
_VISIBLE = 0.3


@dataclass(frozen=True)
class Gate:
    """size: width and height of the frame; threshold: score from which a crop holds a person."""

    size: tuple[int, int]
    threshold: float

    def person(self, seen: Landmarks) -> bool:
        """Whether the network saw a person who is in the picture."""
        if seen.score < self.threshold:
            return False
        inside = np.all((seen.points >= 0) & (seen.points < self.size), axis=1)
        return np.count_nonzero(inside & (seen.visibility * seen.presence > _VISIBLE)) >= _LEAST_POINTS

    def expected(self, seen: Landmarks, roi: np.ndarray) -> bool:
        """Whether it saw a person who may be the one expected in that ROI (4,)."""
        if not self.person(seen) or not 1 / _MAX_GROWTH < seen.next_roi[2] / roi[2] < _MAX_GROWTH:
            return False
        return bool(np.hypot(*(seen.next_roi - roi)[:2]) < _MAX_JUMP * height(roi[2]))

    def inside(self, place: np.ndarray) -> bool:
        """Whether a place (2,) lies in the picture."""
        return bool(0 <= place[0] < self.size[0] and 0 <= place[1] < self.size[1])
