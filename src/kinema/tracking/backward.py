"""Backward tracking: a new track is followed back through the recent frames, to where the person came into view.

The detector searches each part of the image only at intervals, so a newcomer has been visible for a
while when detected. The recent frames are kept for this, within a fixed number of bytes.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from kinema.keypoints.source import BODY, Observation
from kinema.tracking.association import hip_distance, pose_distance
from kinema.tracking.perception import Perception
from kinema.tracking.track import Track, moved
from kinema.video import Frame

_BYTES = 100_000_000
_SECONDS = 1.5
_DRIFT_MEMORY = 0.6


class RecentFrames:
    """The frames of the last 1.5 seconds, fewer if they are large."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()

    def append(self, frame: Frame) -> None:
        self._frames.append(frame)
        while len(self._frames) > 1 and (
            len(self._frames) * frame.image.nbytes > _BYTES or frame.time - self._frames[0].time > _SECONDS
        ):
            self._frames.popleft()

    def forget(self, first: int) -> None:
        """Drop the frames before `first`."""
        while self._frames and self._frames[0].index < first:
            self._frames.popleft()

    def between(self, first: int, last: int) -> list[Frame]:
        """The frames with first < index < last, oldest first."""
        return [frame for frame in self._frames if first < frame.index < last]

    def time(self, index: int) -> float | None:
        """The time of a frame, None if it is no longer kept."""
        return next((frame.time for frame in self._frames if frame.index == index), None)


def track_backward(track: Track, recent: RecentFrames, perception: Perception, others: list[Track]) -> None:
    """Extend a track to frames before its last run in which the person was already visible.

    others: tracks that may have the person in those frames; backward tracking ends where one of them does.
    """
    rows = track.rows.array()
    start = len(rows) - track.run
    first = int(rows["frame"][start])
    time = recent.time(first)
    if time is None or rows["visibility"][start:, BODY].mean() < perception.thresholds.backward_visibility:
        return
    roi = rows["roi"][start].astype(np.float64)
    drift = np.zeros(2)
    after = recent.time(int(rows["frame"][-2])) if track.run > 2 else None
    if after is not None:
        drift = (rows["roi"][-2] - rows["roi"][start])[:2] / (after - time)
    found = []
    for frame in reversed(recent.between(int(rows["frame"][start - 1]) if start else -1, first)):
        guess = moved(roi, -drift * (time - frame.time))
        seen = perception.observe(perception.view(frame, guess))
        if not perception.gate.expected(seen, guess) or _taken(frame.index, seen, others, perception):
            break
        drift = _DRIFT_MEMORY * drift + (1 - _DRIFT_MEMORY) * (roi - seen.next_roi)[:2] / (time - frame.time)
        roi, time = seen.next_roi, frame.time
        found.append((frame.index, seen))
    track.rows.insert(start, found[::-1])


def _taken(frame: int, seen: Observation, others: list[Track], perception: Perception) -> bool:
    for other in others:
        past = other.rows.pose(frame)
        if past is None or hip_distance(seen, past) >= 0.5:
            continue
        if pose_distance(seen, past, perception.parts) < 0.13:
            return True
    return False
