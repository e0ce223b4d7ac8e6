"""The poses of everybody in a frame, without identities: the input of trackers by detection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinema.detection.scanning import TileSchedule
from kinema.detection.tiles import SMALLEST_PERSON
from kinema.geometry.circles import Circles, concatenate, merge
from kinema.geometry.roi import roi_from_circle
from kinema.keypoints.source import REGION_PER_HEIGHT, Observation
from kinema.tracking.perception import Perception
from kinema.video import Frame

_TILE = 1.3  # side of the detector's tile around somebody over that of their region
_SAME = 0.35  # of the smaller radius: hips of a detection and of somebody in the previous frame at most this far apart
_CARRIED = 0.5  # seconds for which somebody is followed whom the detector does not find


@dataclass(frozen=True, eq=False)
class Found:
    """Somebody in a frame. detected: when the detector last found them, in seconds; hit: whether it did in this frame,
    None if it did not search."""

    seen: Observation
    detected: float
    hit: bool | None = None


class Everybody:
    """Detects people in every frame: around everybody of the previous frame, and elsewhere in turn.

    Keypoints are read from the region of somebody in the previous frame where a detection lies in one, which is better
    placed, else from the detector's. Whom the detector misses is followed for half a second.
    """

    def __init__(self, perception: Perception) -> None:
        self._perception = perception
        options = perception.options
        self._schedule = TileSchedule(
            *perception.size,
            interval=options.detection_interval,
            smallest=options.smallest_person or SMALLEST_PERSON,
            smallest_in_tile=perception.detector.tile_range.smallest,
        )
        self.restart, self.state, self.restore = self._schedule.restart, self._schedule.state, self._schedule.restore

    def find(self, frame: Frame, before: Sequence[Found]) -> list[Found]:
        """Everybody in the frame, the surest detection first. before: in the previous one."""
        boxes = self._perception.boxes([each.seen for each in before])
        tiles = [self._schedule.due(frame.image, frame.time, boxes), *(_around(each.seen) for each in before)]
        detected = merge(concatenate(self._perception.detect(frame, np.concatenate(tiles))))
        free = list(before)
        found: list[Found] = []
        for place, roi in enumerate(roi_from_circle(detected.hips, detected.rims)):
            near = _nearest(free, detected, place)
            if near is not None:
                free.remove(near)
            seen = self._observe(frame, roi) if near is None else self.observe(frame, near.seen.next_roi)
            self._keep(found, seen, frame.time, hit=True)
        for each in free:
            if frame.time - each.detected <= _CARRIED:
                self._keep(found, self.observe(frame, each.seen.next_roi), each.detected, hit=False)
        return found

    def observe(self, frame: Frame, roi: np.ndarray) -> Observation | None:
        """The person in a region (4,), None if there is none."""
        seen = self._perception.observe(self._perception.view(frame, roi))
        return seen if self._perception.gate.person(seen) else None

    def doubled(self, seen: Observation, others: Sequence[Found]) -> bool:
        """Whether one of the others is the same body."""
        return any(self._perception.same_body(seen, other.seen) for other in others)

    def _observe(self, frame: Frame, roi: np.ndarray) -> Observation | None:
        """The person in a detector's region, which the first look corrects."""
        rough = self._perception.observe(self._perception.view(frame, roi))
        if rough.score < self._perception.options.landmark_threshold:
            return None
        return self.observe(frame, rough.next_roi)

    def _keep(self, found: list[Found], seen: Observation | None, detected: float, *, hit: bool) -> None:
        if seen is not None and not self.doubled(seen, found):
            found.append(Found(seen, detected, hit))


def _around(seen: Observation) -> np.ndarray:
    """The tile (1, 3) around somebody."""
    side = _TILE * float(seen.next_roi[2])
    return np.array([[*(seen.next_roi[:2] - side / 2), side]])


def _nearest(people: Sequence[Found], detected: Circles, place: int) -> Found | None:
    """Of the people of the previous frame, the one whose place and size a detection has; None if nobody has."""
    hip, radius = detected.hips[place], detected.radii[place]
    best, least = None, 1.0
    for each in people:
        own = float(each.seen.next_roi[2]) / (2.0 * REGION_PER_HEIGHT)
        gap = float(np.hypot(*(each.seen.next_roi[:2] - hip))) / (_SAME * min(radius, own))
        if gap < least and 0.5 < own / radius < 2.0:
            best, least = each, gap
    return best
