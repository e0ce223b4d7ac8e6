"""One track: the person's position, motion and observations so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kinema.keypoints.source import REGION_PER_HEIGHT, Observation
from kinema.tracking.appearance import Appearance


def row_dtype(num_points: int, num_points3d: int) -> np.dtype[np.void]:
    """The dtype of one frame of a track as observed; without `points3d` for 2D sources.

    roi: the person's own region (`Observation.next_roi`); crowded: another person was near.
    """
    fields: list[tuple[Any, ...]] = [
        ("frame", np.int64),
        ("points", np.float32, (num_points, 2)),
        ("visibility", np.float32, (num_points,)),
        ("presence", np.float32, (num_points,)),
        ("points3d", np.float32, (num_points3d, 3)),
        ("score", np.float32),
        ("roi", np.float32, (4,)),
        ("crowded", bool),
    ]
    return np.dtype([each for each in fields if each[0] != "points3d" or num_points3d])


_VELOCITY_MEMORY = 0.6
_SIZE_MEMORY = 0.8
_DRIFT_SECONDS = 0.4
_COAST = 0.4  # seconds: time constant at which a lost person's velocity decays


@dataclass(frozen=True, eq=False)
class Pose:
    """A body's position in a frame, as needed for comparisons: points (K, 2), next_roi (4,)."""

    points: np.ndarray
    next_roi: np.ndarray


class Rows:
    """A growing array of rows (`row_dtype`): the only part of a track that grows with the clip."""

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        self._data: np.ndarray = np.zeros(8, dtype=dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, frame: int, seen: Observation, *, crowded: bool) -> None:
        if self._count == len(self._data):
            self._data = np.concatenate([self._data, np.zeros(max(len(self._data), 8), dtype=self._data.dtype)])
        _fill(self._data[self._count], frame, seen, crowded)
        self._count += 1

    def insert(self, place: int, seen: list[tuple[int, Observation]]) -> None:
        """Insert earlier frames, in order, before row `place`."""
        new = np.zeros(len(seen), dtype=self._data.dtype)
        for row, (frame, observation) in zip(new, seen, strict=True):
            _fill(row, frame, observation, False)
        self._data = np.concatenate([self._data[:place], new, self._data[place:]])
        self._count += len(new)

    def correct(self, place: int, seen: Observation, which: np.ndarray) -> None:
        """Replace some keypoints (K,) bool of row `place`, and the region, by those of another observation of its
        frame."""
        row = self._data[place]
        new = np.zeros(1, dtype=self._data.dtype)[0]
        _fill(new, int(row["frame"]), seen, bool(row["crowded"]))
        for name in ("points", "visibility", "presence", "points3d"):
            if name in self._data.dtype.names and len(row[name]) == len(which):
                row[name][which] = new[name][which]
        row["roi"] = new["roi"]

    def cut(self, frame: int) -> np.ndarray:
        """Remove and return the rows of all frames after `frame`."""
        keep = int(np.searchsorted(self.array()["frame"], frame, side="right"))
        removed = self.array()[keep:].copy()
        self._count = keep
        return removed

    def extend(self, rows: np.ndarray) -> None:
        """Append rows of later frames."""
        self._data = np.concatenate([self.array(), rows])
        self._count = len(self._data)

    def pose(self, frame: int) -> Pose | None:
        """The body's pose in a frame, None if the track has no row for it."""
        rows = self.array()
        place = int(np.searchsorted(rows["frame"], frame))
        if place == len(rows) or rows["frame"][place] != frame:
            return None
        return Pose(rows["points"][place].astype(np.float64), rows["roi"][place].astype(np.float64))

    def run(self) -> int:
        """The number of rows since the last gap."""
        breaks = np.flatnonzero(np.diff(self.array()["frame"]) != 1)
        return self._count - (int(breaks[-1]) + 1 if len(breaks) else 0)

    def array(self) -> np.ndarray:
        """The rows so far, (n,) of `row_dtype`."""
        return self._data[: self._count]


@dataclass(frozen=True, eq=False)
class Encounter:
    """A meeting with another track: the distance (pixels) and the frame of the closest approach."""

    other: Track
    gap: float
    frame: int


@dataclass(frozen=True, eq=False)
class Known:
    """The state of a track in the last frame before a sudden change: restored if the change turns out to be onto
    something that is nobody.
    """

    frame: int
    time: float
    seen: Observation
    velocity: np.ndarray
    drift: np.ndarray
    side: float
    appearance: Appearance


class Track:
    """A tracked person. Times are in seconds, positions in pixels.

    rows: all frames so far. seen: the last observation. velocity, drift (2,): of the hips, pixels per second, now
    and over the last half second. side: of the region, smoothed. hits, searches: how often the detector found
    the person, and how often it searched where the person was; misses: searches in a row that did not find the person;
    verified: when it last searched for them alone. known: the state before the first sudden change since the detector
    last found the person, None without one.
    run: frames without a gap up to the last. number: exchanged together with the past when two people turn out
    to have been switched. appearance: learned while nobody else is near. rivals: the people met since then, with the
    frame and the distance of the closest approach; before: time, position and drift when the first of them came near;
    fresh, fresh_looks: the appearance since the last of them left, and in how many frames it was seen.
    """

    def __init__(self, number: int, frame: int, time: float, seen: Observation, appearance: Appearance) -> None:
        self.number = number
        self.rows = Rows(row_dtype(len(seen.points), 0 if seen.points3d is None else len(seen.points3d)))
        self.velocity = np.zeros(2)
        self.drift = np.zeros(2)
        self.side = float(seen.next_roi[2])
        self.appearance = appearance
        self.hits = 1
        self.searches = 1
        self.misses = 0
        self.verified = time
        self.known: Known | None = None
        self.run = 1
        self.seen = seen
        self.time = time
        self.rivals: dict[int, Encounter] = {}
        self.before: tuple[float, np.ndarray, np.ndarray] | None = None
        self.fresh: Appearance | None = None
        self.fresh_looks = 0
        self.rows.append(frame, seen, crowded=False)

    @property
    def centre(self) -> np.ndarray:
        """(2,) pixels: the hips when last seen."""
        return self.seen.next_roi[:2]

    @property
    def last_frame(self) -> int:
        return int(self.rows.array()["frame"][-1])

    def predict(self, time: float) -> np.ndarray:
        """(2,) pixels: predicted hips at `time`; the velocity decays while the person is lost."""
        elapsed = max(time - self.time, 0.0)
        return np.asarray(self.centre + self.velocity * _COAST * (1.0 - np.exp(-elapsed / _COAST)))

    def next_roi(self, time: float) -> np.ndarray:
        """(4,): the region to observe at `time`.

        The source's own next region, shifted by the velocity if the person is fast: a steady person's region must
        not inherit the velocity's noise.
        """
        return moved(self.seen.next_roi, self.predict(time) - self.centre)

    def expected(self, time: float) -> np.ndarray:
        """(4,): the ROI of the person at `time` at constant velocity."""
        return np.array([*self.predict(time), self.side, self.seen.next_roi[3]])

    def add(self, frame: int, time: float, seen: Observation, *, crowded: bool) -> None:
        """Add the observation of a further frame."""
        elapsed = time - self.time
        if elapsed > 0.0:
            velocity = (seen.next_roi[:2] - self.centre) / elapsed
            memory = _VELOCITY_MEMORY if elapsed < 0.25 else 0.0
            self.velocity = memory * self.velocity + (1.0 - memory) * velocity
            memory = float(np.exp(-elapsed / _DRIFT_SECONDS)) if len(self.rows) > 3 else 0.0
            self.drift = memory * self.drift + (1.0 - memory) * velocity
        self.side = _SIZE_MEMORY * self.side + (1.0 - _SIZE_MEMORY) * float(seen.next_roi[2])
        self.run = self.run + 1 if frame == self.last_frame + 1 else 1
        self.seen, self.time = seen, time
        self.rows.append(frame, seen, crowded=crowded)

    def looked_for(self, *, found: bool) -> None:
        """Count a search of the detector where the person should be."""
        self.searches += 1
        self.hits += found
        self.misses = 0 if found else self.misses + 1
        if found:
            self.known = None

    def go_back(self, known: Known) -> None:
        """Forget everything after `known`."""
        self.rows.cut(known.frame)
        self.run = self.rows.run()
        self.seen, self.time, self.side = known.seen, known.time, known.side
        self.velocity, self.drift = known.velocity, known.drift
        self.appearance = known.appearance
        self.fresh, self.fresh_looks = None, 0
        self.misses, self.known = 0, None


def height(side: Any) -> Any:
    """Pixels of a standing person whose region has this side, a number or an array of them."""
    return side / REGION_PER_HEIGHT


def moved(roi: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The ROI (4,) shifted by `step` (2,) pixels if that exceeds the jitter of a steady person."""
    speed = float(np.hypot(*step)) / max(float(roi[2]), 1e-6)
    result = np.array(roi, dtype=np.float64)
    result[:2] += step * np.clip((speed - 0.03) / 0.04, 0.0, 1.0)
    return result


def _fill(row: Any, frame: int, seen: Observation, crowded: bool) -> None:
    row["frame"], row["points"], row["visibility"] = frame, seen.points, seen.visibility
    row["presence"], row["score"] = seen.presence, seen.score
    if seen.points3d is not None:
        row["points3d"] = seen.points3d
    row["roi"], row["crowded"] = seen.next_roi, crowded
