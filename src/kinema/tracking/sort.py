"""SORT: tracking boxes by a constant-velocity Kalman filter and the overlap with its prediction.

Bewley et al. 2016, "Simple online and realtime tracking", with the settings and rules of the tracker in
PARE's demo, for parity with that demo. Kinema's own tracker is `kinema.tracking.track_people`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

_TRANSITION = np.eye(7) + np.diag(np.ones(3), k=4)
_OBSERVED = np.eye(4, 7)
_NOISE = np.diag([1.0, 1.0, 10.0, 10.0])
_DRIFT = np.diag([1.0, 1.0, 1.0, 1.0, 0.01, 0.01, 0.0001])
_UNCERTAINTY = np.diag([10.0, 10.0, 10.0, 10.0, 1e4, 1e4, 1e4])


@dataclass(frozen=True)
class SortOptions:
    """max_age: frames that a track survives undetected. min_hits: consecutive detections before a track is reported.
    min_overlap: intersection over union from which a detection may continue a track. sleep: whether a frame without
    any detection leaves the tracks unchanged, as in PARE's demo; else they age.
    """

    max_age: int = 1
    min_hits: int = 3
    min_overlap: float = 0.3
    sleep: bool = True


class _Track:
    """One tracked box. state (7,): centre x y, area, aspect ratio, and the velocities of the first three."""

    def __init__(self, box: np.ndarray, id: int) -> None:
        self.id = id
        self.state = np.concatenate([_measure(box), np.zeros(3)])
        self.covariance = _UNCERTAINTY.copy()
        self.unseen = 0
        self.streak = 0

    def predict(self) -> np.ndarray:
        if self.state[6] + self.state[2] <= 0:
            self.state[6] = 0.0
        self.state = _TRANSITION @ self.state
        self.covariance = _TRANSITION @ self.covariance @ _TRANSITION.T + _DRIFT
        if self.unseen > 0:
            self.streak = 0
        self.unseen += 1
        return self.box

    def update(self, box: np.ndarray) -> None:
        self.unseen = 0
        self.streak += 1
        innovation = _measure(box) - self.state[:4]
        spread = self.covariance[:4, :4] + _NOISE
        gain = np.linalg.solve(spread, self.covariance[:4]).T
        self.state = self.state + gain @ innovation
        rest = np.eye(7) - gain @ _OBSERVED
        self.covariance = rest @ self.covariance @ rest.T + gain @ _NOISE @ gain.T

    @property
    def box(self) -> np.ndarray:
        """(4,) x1 y1 x2 y2 of the state; NaN where the area has become negative."""
        x, y, area, aspect = self.state[:4]
        with np.errstate(invalid="ignore"):
            width = np.sqrt(area * aspect)
            height = area / width if width else np.nan
        return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])


def _measure(box: np.ndarray) -> np.ndarray:
    """(4,) x1 y1 x2 y2 -> centre x y, area, width over height."""
    width, height = box[2] - box[0], box[3] - box[1]
    return np.array([box[0] + width / 2, box[1] + height / 2, width * height, width / height])


class Sort:
    """The tracker. Ids count from 1."""

    def __init__(self, options: SortOptions | None = None) -> None:
        self.options = options or SortOptions()
        self._tracks: list[_Track] = []
        self._frames = 0
        self._ids = 0

    def step(self, boxes: np.ndarray) -> list[tuple[int, np.ndarray]]:
        """The next frame: detections (n,4) x1 y1 x2 y2 -> (id, filtered box (4,)) of each track seen in it, the
        newest first.
        """
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        if not len(boxes) and self.options.sleep:
            return []
        self._frames += 1
        predicted = [(track, track.predict()) for track in self._tracks]
        predicted = [(track, box) for track, box in predicted if np.all(np.isfinite(box))]
        self._tracks = [track for track, _ in predicted]
        pairs = _matches(boxes, np.array([box for _, box in predicted]).reshape(-1, 4), self.options.min_overlap)
        for detection, track in pairs:
            self._tracks[track].update(boxes[detection])
        for detection in sorted(set(range(len(boxes))) - {detection for detection, _ in pairs}):
            self._ids += 1
            self._tracks.append(_Track(boxes[detection], self._ids))
        early = self._frames <= self.options.min_hits
        reported = [
            (track.id, track.box)
            for track in reversed(self._tracks)
            if track.unseen == 0 and (track.streak >= self.options.min_hits or early)
        ]
        self._tracks = [track for track in self._tracks if track.unseen <= self.options.max_age]
        return reported


def _matches(boxes: np.ndarray, predicted: np.ndarray, least: float) -> list[tuple[int, int]]:
    """The pairs (detection, track) of the assignment with the largest overlap, where it is at least `least`."""
    if not len(boxes) or not len(predicted):
        return []
    overlap = intersection_over_union(boxes, predicted)
    clear = overlap > least
    if clear.sum(axis=1).max() == 1 and clear.sum(axis=0).max() == 1:
        return [(int(i), int(j)) for i, j in np.argwhere(clear)]
    rows, columns = linear_sum_assignment(-overlap)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if overlap[i, j] >= least]


def intersection_over_union(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n,4), (m,4) corners -> (n,m)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=-1)
    area_a, area_b = (np.prod(x[:, 2:] - x[:, :2], axis=-1) for x in (a, b))
    return np.asarray(shared / (area_a[:, None] + area_b[None] - shared))


def sort_tracks(
    detections: Iterable[np.ndarray], options: SortOptions | None = None
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Detections (n,4) of each frame -> {id: (frames (F,), boxes (F,4) corners)}, in the order of appearance."""
    tracker = Sort(options)
    rows: dict[int, list[tuple[int, np.ndarray]]] = {}
    for frame, boxes in enumerate(detections):
        for id, box in tracker.step(boxes):
            rows.setdefault(id, []).append((frame, box))
    return {
        id: (np.array([frame for frame, _ in seen]), np.array([box for _, box in seen])) for id, seen in rows.items()
    }
