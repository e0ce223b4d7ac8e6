"""Sudden changes: a person who disappears behind something may leave the track on a chair that stands there.

The keypoint network finds a body in almost anything that it is shown, and the next region comes from that body, so a
track can settle on an object for good. The frames before are right; what reveals it is the moment of the
change, when size, tilt, place or score jump, and that the detector finds nobody there from then on.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from kinema.keypoints.source import BODY, Observation
from kinema.tracking.association import STRANGER
from kinema.tracking.perception import Perception
from kinema.tracking.track import Known, Track, height
from kinema.video import Frame

MISSES, LOST_MISSES = 3, 2
"""Searches in a row without a find after which a changed track may be given up; and for one that is lost anyway."""

PATIENCE = 6
"""Searches in a row after which a changed track that still looks like the person is left alone."""

_GROWTH = 1.2  # factor by which a person's region hardly grows or shrinks at once
_TURN = 0.35  # radians
_JUMP = 0.15  # of the body's height, away from the predicted place
_SCORE = 0.8  # score below which a person is hardly seen
_OTHER = 0.3  # appearance distance from which it is hardly the person
_PERFECT = 0.93  # mean confidence of keypoints that no thing reaches


def note_change(track: Track, seen: Observation, time: float) -> None:
    """Remember the track's state if the observation of the next frame, at `time`, is a sudden change."""
    if track.known is not None or not _sudden(track, seen, time):
        return
    track.known = Known(
        track.last_frame,
        track.time,
        dataclasses.replace(track.seen, mask=None),
        track.velocity.copy(),
        track.drift.copy(),
        track.side,
        track.appearance.copy(),
    )
    track.misses = 0


def _sudden(track: Track, seen: Observation, time: float) -> bool:
    growth = abs(np.log(float(seen.next_roi[2]) / track.side))
    turn = abs(np.angle(np.exp(1j * (seen.next_roi[3] - track.seen.next_roi[3]))))
    jump = float(np.hypot(*(seen.next_roi[:2] - track.predict(time)))) / height(track.side)
    return bool(growth > np.log(_GROWTH) or turn > _TURN or jump > _JUMP or seen.score < _SCORE)


def give_up(track: Track, frame: Frame, perception: Perception, *, misses: int = MISSES) -> bool:
    """Return a track that `is_gone` to the state before the change; returns whether it was."""
    known = track.known
    if known is None or not is_gone(track, frame, perception, misses=misses):
        return False
    track.go_back(known)
    return True


def is_gone(track: Track, frame: Frame, perception: Perception, *, misses: int = MISSES) -> bool:
    """Whether the track has left the person: since a sudden change the detector has found nobody there, the keypoints
    are not those of somebody who is surely seen, and the colours are others. misses: least number of searches.
    """
    known = track.known
    if known is None or track.misses < misses:
        return False
    since = track.rows.array()
    since = since[since["frame"] > known.frame]
    if not len(since):
        return False
    confidence = float((since["visibility"] * since["presence"])[:, BODY].mean())
    surely = perception.thresholds.certainly_person, perception.thresholds.certain_score
    clear = confidence > surely[0] and float(since["score"].mean()) > surely[1]
    distance = known.appearance.distance(perception.appearance(perception.view(frame, track.seen.roi), track.seen))
    if (distance > STRANGER and confidence < _PERFECT) or (distance > _OTHER and not clear):
        return True
    if track.misses >= PATIENCE:
        track.known = None
    return False
