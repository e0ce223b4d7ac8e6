"""Networks that find everybody in one pass: detector and estimator at once.

The network runs once on the whole image, however many people are tracked. A person too small to be found there is
searched for in their own region.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque

import numpy as np

from kinema.geometry.circles import Circles
from kinema.geometry.roi import corners
from kinema.keypoints.detectors import large_enough
from kinema.keypoints.source import REGION_PER_HEIGHT, Observation, Thresholds, TileRange, View, region_of
from kinema.models.rtmo.network import RTMO, People
from kinema.skeleton import JointSet
from kinema.video import Frame

SHOWN = 0.3
"""Score above which RTMO's authors draw somebody; it becomes a score of 0.5."""

LEAST = 0.15
"""Score above which somebody found in a pass is kept; callers choose among them."""

TILE_RANGE = TileRange(smallest=0.12, largest_radius=1.0, sure=(0.1, 0.4))
"""Of the published networks: people of 80 of the input's 640 pixels are found."""

_REMEMBERED = 64  # images whose people are kept, as long as the images themselves are
_NEAR = 0.5  # of the body's height: distance of the hips up to which a pose may be the view's person
_GROWTH = 2.0  # factor in size, likewise
_AROUND = 1.3  # side of the tile around a person over that of the region


class OneStage:
    """A `KeypointEstimator` and a `PersonDetector` in one. Both may be called at once."""

    gives_masks = False
    crop_size = 128
    """Of views, from which only colours are taken."""

    tile_range = TILE_RANGE

    def __init__(self, network: RTMO, joints: JointSet, thresholds: Thresholds) -> None:
        self._network, self._joints = network, joints
        self.thresholds = thresholds
        self._seen: deque[tuple[weakref.ref[np.ndarray], People]] = deque(maxlen=_REMEMBERED)
        self._lock = threading.Lock()

    def detect(self, frame: Frame, tile: np.ndarray, *, threshold: float) -> Circles:
        found = self._everybody(frame) if _covers(tile, frame) else self._in_tile(frame, tile)
        scores = _surely(found.scores)
        rows = np.flatnonzero(scores >= threshold)
        regions = np.array([self._region(found, row) for row in rows]).reshape(-1, 4)
        radii = regions[:, 2:3] / (2.0 * REGION_PER_HEIGHT)
        up = np.stack([np.sin(regions[:, 3]), -np.cos(regions[:, 3])], axis=1)
        circles = Circles(regions[:, :2], regions[:, :2] + radii * up, scores[rows])
        return large_enough(circles, tile, self.tile_range)

    def observe(self, view: View, *, mask: bool = False) -> Observation:
        seen = self._nearest(self._everybody(view.frame), view.roi)
        if seen is None:
            side = _AROUND * float(np.ptp(corners(view.roi), axis=0).max())
            tile = np.array([*(view.roi[:2] - side / 2), side])
            seen = self._nearest(self._in_tile(view.frame, tile), view.roi)
        if seen is not None:
            return seen
        nobody = np.zeros(len(self._joints))
        points = np.tile(view.roi[:2], (len(self._joints), 1))
        return Observation(points, nobody, np.ones(len(nobody)), 0.0, view.roi, np.array(view.roi, dtype=np.float64))

    def _nearest(self, found: People, roi: np.ndarray) -> Observation | None:
        """The person in this region (4,), None if nobody is."""
        best, least = None, np.inf
        for row in range(len(found.scores)):
            region = self._region(found, row)
            gap = float(np.hypot(*(region[:2] - roi[:2]))) * REGION_PER_HEIGHT / float(roi[2])
            growth = abs(float(np.log(region[2] / roi[2])))
            if gap < _NEAR and growth < np.log(_GROWTH) and gap + growth < least:
                least = gap + growth
                best = Observation(
                    points=found.points[row],
                    visibility=found.confidence[row],
                    presence=np.ones(len(self._joints)),
                    score=float(_surely(found.scores[row])),
                    roi=roi,
                    next_roi=region,
                )
        return best

    def _region(self, found: People, row: int) -> np.ndarray:
        return region_of(found.points[row], found.confidence[row], self._joints, visible=self.thresholds.visible)

    def _everybody(self, frame: Frame) -> People:
        """The people in the whole image, from the one pass over it."""
        with self._lock:
            for image, people in self._seen:
                if image() is frame.image:
                    return people
            people = self._network(frame.image, _whole(frame), threshold=LEAST)
            self._seen.append((weakref.ref(frame.image), people))
            return people

    def _in_tile(self, frame: Frame, tile: np.ndarray) -> People:
        with self._lock:
            return self._network(frame.image, tile, threshold=LEAST)


def _surely(scores: np.ndarray) -> np.ndarray:
    """RTMO's scores on the scale of tracking, [0, 1], on which `SHOWN` is 0.5."""
    return np.asarray(np.interp(scores, [0.0, SHOWN, 1.0], [0.0, 0.5, 1.0]))


def _whole(frame: Frame) -> np.ndarray:
    return np.array([0.0, 0.0, max(frame.image.shape[:2])])


def _covers(tile: np.ndarray, frame: Frame) -> bool:
    """Whether a tile (x, y, side) holds the whole image."""
    height, width = frame.image.shape[:2]
    inside = tile[0] <= 0 and tile[1] <= 0
    return bool(inside and tile[0] + tile[2] >= width and tile[1] + tile[2] >= height)
