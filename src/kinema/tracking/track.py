"""One track while it is being followed: where the person is, how they move, what was seen so far."""

from __future__ import annotations

import numpy as np

from kinema.keypoints.blazepose import NUM_LANDMARKS, Landmarks
from kinema.tracking.appearance import Appearance

ROW = np.dtype(
    [
        ("frame", np.int64),
        ("points", np.float32, (NUM_LANDMARKS, 2)),
        ("visibility", np.float32, (NUM_LANDMARKS,)),
        ("presence", np.float32, (NUM_LANDMARKS,)),
        ("world", np.float32, (NUM_LANDMARKS, 3)),
        ("score", np.float32),
        ("side", np.float32),
        ("crowded", bool),
    ]
)
"""One frame of one track, as the landmark network saw it. side: of the crop, pixels; crowded: somebody
else was in the crop."""

_VELOCITY_MEMORY = 0.6
_SIZE_MEMORY = 0.8
_COAST = 0.4  # seconds for which a lost person is thought to keep the velocity


class Rows:
    """A growing array of `ROW`: the only thing of a track that grows with the clip."""

    def __init__(self) -> None:
        self._data = np.zeros(64, dtype=ROW)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, frame: int, seen: Landmarks, *, crowded: bool) -> None:
        if self._count == len(self._data):
            self._data = np.concatenate([self._data, np.zeros_like(self._data)])
        row = self._data[self._count]
        row["frame"], row["points"], row["visibility"] = frame, seen.points, seen.visibility
        row["presence"], row["world"], row["score"] = seen.presence, seen.world, seen.score
        row["side"], row["crowded"] = seen.next_roi[2], crowded
        self._count += 1

    def array(self) -> np.ndarray:
        """The rows so far, (n,) of `ROW`."""
        return self._data[: self._count]


class Track:
    """A person being followed. Times are seconds, places pixels.

    rows: what was seen. seen: the last landmarks. velocity (2,): of the hips, pixels per second. side: of
    the crop, smoothed. hits, looks: how often the detector found the person again, and how often it looked.
    """

    def __init__(self, number: int, frame: int, time: float, seen: Landmarks, appearance: Appearance) -> None:
        self.number = number
        self.rows = Rows()
        self.velocity = np.zeros(2)
        self.side = float(seen.next_roi[2])
        self.appearance = appearance
        self.hits = 1
        self.looks = 1
        self.seen = seen
        self.time = time
        self.rows.append(frame, seen, crowded=False)

    @property
    def centre(self) -> np.ndarray:
        """(2,) pixels: the hips when last seen."""
        return self.seen.next_roi[:2]

    @property
    def last_frame(self) -> int:
        return int(self.rows.array()["frame"][-1])

    def predict(self, time: float) -> np.ndarray:
        """(2,) pixels: where the hips should be at `time`; the velocity fades out while the person is lost."""
        elapsed = max(time - self.time, 0.0)
        return self.centre + self.velocity * _COAST * (1.0 - np.exp(-elapsed / _COAST))

    def next_roi(self, time: float) -> np.ndarray:
        """(4,): where to look for the person at `time`.

        The network's own next ROI, moved along where the person is fast: a steady person's crop must not
        inherit the velocity's noise.
        """
        roi = self.seen.next_roi.copy()
        step = self.predict(time) - self.centre
        speed = float(np.hypot(*step)) / max(self.side, 1e-6)
        roi[:2] += step * np.clip((speed - 0.03) / 0.04, 0.0, 1.0)
        return roi

    def add(self, frame: int, time: float, seen: Landmarks, *, crowded: bool) -> None:
        """The person was seen in another frame."""
        elapsed = time - self.time
        if elapsed > 0.0:
            velocity = (seen.next_roi[:2] - self.centre) / elapsed
            memory = _VELOCITY_MEMORY if elapsed < 0.25 else 0.0
            self.velocity = memory * self.velocity + (1.0 - memory) * velocity
        self.side = _SIZE_MEMORY * self.side + (1.0 - _SIZE_MEMORY) * float(seen.next_roi[2])
        self.seen, self.time = seen, time
        self.rows.append(frame, seen, crowded=crowded)
