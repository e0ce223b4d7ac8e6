"""Recovery of recently lost people where they are expected, and verification of doubtful tracks.

A person who falls or turns over leaves the upright region within a frame or two, and detectors hardly
know such poses: the estimator is tried in rotated and wider regions. It has many false positives there, so
the result must match the appearance of the lost person.
"""

from __future__ import annotations

import numpy as np

from kinema.keypoints.source import BODY, Observation
from kinema.tracking.association import ALIKE, has_double
from kinema.tracking.gate import Gate, clearness
from kinema.tracking.masks import hide_people, mask_overlap, shown
from kinema.tracking.perception import Perception
from kinema.tracking.track import Track
from kinema.video import Frame

MOST = 2
"""Number of people whose recovery is tried in one frame: the longest tracks first."""

SAME_APPEARANCE = 0.45
"""Appearance distance up to which a doubtful observation may be the person."""

MAX_OVERLAP = 0.2
"""Mask overlap with another person above which a doubtful observation is dropped."""

UPRIGHT = 0.7
"""Radians of tilt below which detectors find people."""

LOST_SECONDS = 1.0
"""For how long a lost person may have turned over."""

_ESTABLISHED = 10  # least number of frames of a track
_TURNS = ((0.0, 1.0), (0.5, 1.0), (-0.5, 1.0), (0.0, 1.25), (1.5, 1.0), (-1.5, 1.0))  # radians, scale of the region
_SMALL_TURNS = 4  # the first ones, for a person who was upright
_AT_ONCE = 2  # regions per frame, after all were tried in the first
_DOUBTFUL_HITS, _DOUBTFUL_ROWS = 3, 30  # a track is doubtful with fewer detections after more frames
_VERIFY_SECONDS, _CHANGED_SECONDS = 0.5, 0.12  # between two looks at one person
_COVERED = 0.1  # share of the body's keypoints in somebody else's mask: more, and the person is not in plain view
_UNCLEAR, _USUAL_ROWS = 0.85, 30  # share of the usual confidence of the keypoints; frames that tell what is usual
_TILE = 1.3  # side of the detector's tile over the region's
_TILE_SECONDS = 1.5
_TILE_ROWS = 5
_TILE_FRAMES, _TILE_STEP = 8, 4  # first frames, with a tile in each; then in every fourth


def recoverable(tracks: list[Track], frame: Frame, gate: Gate) -> list[Track]:
    """The lost people whose recovery is tried in this frame."""
    wanted = [
        track
        for track in tracks
        if len(track.rows) >= _ESTABLISHED
        and frame.time - track.time < LOST_SECONDS
        and gate.inside(track.predict(frame.time))
        and not has_double(track, tracks, frame.time)  # the double may come out where this one is expected
    ]
    return sorted(wanted, key=lambda track: -len(track.rows))[:MOST]


def recover(
    track: Track, frame: Frame, perception: Perception, near: list[Observation], *, hidden: bool = False
) -> Observation | None:
    """The lost person, if found in one of this frame's regions.

    near: the other people there; hidden: somebody else who is lost may come out there.
    """
    missing = frame.index - track.last_frame
    expected = track.expected(frame.time)
    upright = abs(expected[3]) < UPRIGHT
    beside = upright and bool(near or track.rivals)  # more likely hidden than turned over
    if beside and hidden:
        return None
    turns = _TURNS[:1] if beside else _TURNS[:_SMALL_TURNS] if upright else _TURNS
    few = min(_AT_ONCE, len(turns))  # none twice
    tried = turns[1:] if missing <= 1 else [turns[(_AT_ONCE * missing + i) % len(turns)] for i in range(few)]
    best, least = None, ALIKE if beside else SAME_APPEARANCE
    for turn, scale in tried:
        roi = expected * [1.0, 1.0, scale, 1.0] + [0.0, 0.0, 0.0, turn]
        view = hide_people(perception.view(frame, roi), [(other, np.zeros(2)) for other in near])
        seen = perception.observe(view, mask=bool(near))
        if seen.score < perception.thresholds.recovered_score or not perception.gate.expected(seen, expected):
            continue
        if beside and not _in_plain_view(seen, perception, near):
            continue
        distance = track.appearance.distance(perception.appearance(view, seen))
        if distance < least and not any(mask_overlap(seen, other) > MAX_OVERLAP for other in near):
            best, least = seen, distance
    return best


def _in_plain_view(seen: Observation, perception: Perception, near: list[Observation]) -> bool:
    """Whether it is surely a person, none of those near, and hardly covered by any of them."""
    if clearness(seen.points, seen.confidence, perception.size) < perception.thresholds.surely_person:
        return False
    body = seen.points[BODY]
    return not any(perception.same_body(seen, other) or shown(other, body).mean() > _COVERED for other in near)


def recovery_tiles(lost: list[Track], frame: Frame, gate: Gate) -> np.ndarray:
    """Tiles (n, 3) in which the detector searches for recently lost people."""
    tiles = []
    for track in sorted(lost, key=lambda track: -len(track.rows)):
        missing = frame.index - track.last_frame
        place = track.predict(frame.time)
        if len(track.rows) < _TILE_ROWS or frame.time - track.time > _TILE_SECONDS or not gate.inside(place):
            continue
        if missing <= _TILE_FRAMES or missing % _TILE_STEP == 0:
            side = _TILE * track.side
            tiles.append([*(place - side / 2), side])
    return np.array(tiles[:MOST]).reshape(-1, 3)


def verification_tiles(active: list[Track], frame: Frame, gate: Gate) -> np.ndarray:
    """Tiles (n, 3) around people whom the detector has rarely found again: at most one per frame.

    The tiles that cover the image may all show a person at its edge badly.
    """
    rare = [track for track in active if track.hits < _DOUBTFUL_HITS and len(track.rows) >= _DOUBTFUL_ROWS]
    return _around_one_of(rare, frame, gate, _VERIFY_SECONDS)


def changed_tile(active: list[Track], frame: Frame, gate: Gate) -> np.ndarray:
    """The tile (n, 3) around somebody who suddenly changed: at most one per frame."""
    return _around_one_of([track for track in active if track.known is not None], frame, gate, _CHANGED_SECONDS)


def unclear_tile(active: list[Track], frame: Frame, gate: Gate) -> np.ndarray:
    """The tile (n, 3) around somebody alone whose keypoints have become unclear: at most one per frame.

    Somebody else may have come up behind or before them, to whom the track would go over unless both are tracked.
    """
    return _around_one_of([track for track in active if _unclear(track)], frame, gate, _VERIFY_SECONDS)


def _unclear(track: Track) -> bool:
    rows = track.rows.array()[-_USUAL_ROWS:]
    if len(rows) < _ESTABLISHED or rows["crowded"][-1]:
        return False
    clear = (rows["visibility"] * rows["presence"])[:, BODY].mean(axis=1)
    return bool(clear[-1] < _UNCLEAR * np.median(clear))


def _around_one_of(doubtful: list[Track], frame: Frame, gate: Gate, wait: float) -> np.ndarray:
    for track in doubtful:
        if frame.time - track.verified >= wait and gate.inside(track.centre):
            track.verified = frame.time
            side = _TILE * track.side
            return np.array([[*(track.centre - side / 2), side]])
    return np.zeros((0, 3))
