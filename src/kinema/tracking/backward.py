"""Backward tracking: a new track is followed back through the recent frames, to where the person came into view.

The detector searches each part of the image only at intervals, so a newcomer has been visible for a
while when detected. The recent frames are kept for this, within a fixed number of bytes.

A person who turned over while lost comes back turned: through such a gap the regions are turned as well, as in
`kinema.tracking.recovery`, from the end at which the network knows the pose again.

The first frames of a track are looked at once more on the way: their region came from the detector, which places it
less well than the keypoints of a neighbouring frame do.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from kinema.keypoints.source import BODY, Observation
from kinema.tracking.association import hip_distance, pose_distance
from kinema.tracking.perception import Perception
from kinema.tracking.recovery import LOST_SECONDS, SAME_APPEARANCE
from kinema.tracking.track import Pose, Track, height, moved
from kinema.video import Frame

_BYTES = 100_000_000
_SECONDS = 2.0
_DRIFT_MEMORY = 0.6
_DAZZLED = 0.1  # seconds for which nothing need be seen of somebody who turns over
_TURNS = (0.0, 0.5, -0.5, 1.0, -1.0)  # radians, of the region of somebody who turned over, from where the spin has it
_MOVES = 0.2  # of the height: keypoints hardly move further between two frames, on average, even in a somersault
_AGREES = 0.01  # of the height: mean distance of the keypoints of two looks at somebody; the median is 0.004


class RecentFrames:
    """The frames of the last two seconds, since a search of the whole image takes 1.5, and `least` more; fewer if
    they are large."""

    def __init__(self, least: int = 0) -> None:
        self._frames: deque[Frame] = deque()
        self._least = least

    def append(self, frame: Frame) -> None:
        self._frames.append(frame)
        while len(self._frames) > 1 and (
            len(self._frames) * frame.image.nbytes > _BYTES
            or (len(self._frames) > self._least and frame.time - self._frames[self._least].time > _SECONDS)
        ):
            self._frames.popleft()

    def forget(self, first: int) -> None:
        """Drop the frames before `first`."""
        while self._frames and self._frames[0].index < first:
            self._frames.popleft()

    def between(self, first: int, last: int) -> list[Frame]:
        """The frames with first < index < last, oldest first."""
        return [frame for frame in self._frames if first < frame.index < last]

    def find(self, index: int) -> Frame | None:
        """A frame, None if it is no longer kept."""
        return next((frame for frame in self._frames if frame.index == index), None)

    def time(self, index: int) -> float | None:
        """The time of a frame, None if it is no longer kept."""
        frame = self.find(index)
        return None if frame is None else frame.time


def look_back(track: Track, recent: RecentFrames, perception: Perception, others: list[Track]) -> None:
    """Observe the first frames of a track's last run again, from its last frame backwards, each in the region of the
    frame that follows it.

    Where the two observations disagree, each keypoint is taken from the one that has it nearer to its place in the
    frame that follows. A run whose last two frames do not agree either is left alone: the network is unsure all along.
    others: as in `track_backward`.
    """
    start = len(track.rows) - track.run
    rows = track.rows.array()
    region = rows["roi"][-1].astype(np.float64)
    for place in range(len(rows) - 2, start - 1, -1):
        frame = recent.find(int(rows["frame"][place]))
        seen = None if frame is None else _seen_in(frame, region, perception, others)
        if seen is None:
            return
        region = seen.next_roi
        first = Pose(rows["points"][place].astype(np.float64), rows["roi"][place].astype(np.float64))
        if pose_distance(seen, first, perception.parts) > _AGREES:
            if place == len(rows) - 2:
                return
            after = rows["points"][place + 1]
            nearer = np.linalg.norm(seen.points - after, axis=1) < np.linalg.norm(first.points - after, axis=1)
            track.rows.correct(place, seen, nearer)


def _seen_in(frame: Frame, region: np.ndarray, perception: Perception, others: list[Track]) -> Observation | None:
    """The person in a region (4,) of a frame; None if nobody is, or one of the others."""
    seen = perception.observe(perception.view(frame, region))
    if not perception.gate.expected(seen, region) or _taken(frame.index, seen, others, perception):
        return None
    return seen


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
    before = int(rows["frame"][start - 1]) if start else -1
    since = recent.time(before)
    lost = since is not None and time - since < LOST_SECONDS
    roi = rows["roi"][start].astype(np.float64)
    drift, spin = np.zeros(2), 0.0
    after = recent.time(int(rows["frame"][-2])) if track.run > 2 else None
    if after is not None:
        drift = (rows["roi"][-2] - rows["roi"][start])[:2] / (after - time)
        spin = _angle(rows["roi"][-2][3] - roi[3]) / (after - time)
    pose = Pose(rows["points"][start].astype(np.float64), roi)
    found = []
    for frame in reversed(recent.between(before, first)):
        elapsed = time - frame.time
        guess = moved(roi, -drift * elapsed)
        seen = _seen_in(frame, guess, perception, others)
        if seen is None and lost:
            seen = _turned(track, frame, guess - [0.0, 0.0, 0.0, spin * elapsed], pose, perception, others)
        if seen is None and lost and elapsed <= _DAZZLED:
            continue
        if seen is None:
            break
        drift = _DRIFT_MEMORY * drift + (1 - _DRIFT_MEMORY) * (roi - seen.next_roi)[:2] / elapsed
        spin = _DRIFT_MEMORY * spin + (1 - _DRIFT_MEMORY) * _angle(roi[3] - seen.next_roi[3]) / elapsed
        roi, pose, time = seen.next_roi, Pose(seen.points, seen.next_roi), frame.time
        found.append((frame.index, seen))
    track.rows.insert(start, found[::-1])


def _turned(
    track: Track, frame: Frame, region: np.ndarray, after: Pose, perception: Perception, others: list[Track]
) -> Observation | None:
    """The track's person, who may have turned over, in a region (4,) of a frame and turned ones; None if not seen.

    after: the pose in the frame that follows, which the nearest of several poses continues. Where somebody else is
    near, the person is more likely hidden than turned over.
    """
    poses = [other.rows.pose(frame.index) for other in others]
    if any(pose is not None and np.hypot(*(pose.next_roi - region)[:2]) < height(region[2]) for pose in poses):
        return None
    best, least = None, _MOVES
    for turn in _TURNS:
        view = perception.view(frame, region + [0.0, 0.0, 0.0, turn])
        seen = perception.observe(view)
        if seen.score < perception.thresholds.recovered_score or not perception.gate.expected(seen, region):
            continue
        if track.appearance.distance(perception.appearance(view, seen)) > SAME_APPEARANCE:
            continue
        distance = pose_distance(seen, after, perception.parts)
        if distance < least:
            best, least = seen, distance
    return best


def _angle(radians: float) -> float:
    """The same angle between -pi and pi."""
    return float(np.angle(np.exp(1j * radians)))


def _taken(frame: int, seen: Observation, others: list[Track], perception: Perception) -> bool:
    for other in others:
        past = other.rows.pose(frame)
        if past is None or hip_distance(seen, past) >= 0.5:
            continue
        if pose_distance(seen, past, perception.parts) < 0.13:
            return True
    return False
