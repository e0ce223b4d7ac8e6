"""Looking for people who were lost a moment ago, where they should be.

Somebody who falls or turns over leaves the upright crop within a frame or two, and the detector hardly
knows such poses: the landmark network is tried in turned and wider crops. It is easily pleased, so what it
finds must wear the same clothes.
"""

from __future__ import annotations

import numpy as np

from kinema.models.blazepose.landmarks import BlazePoseLandmarker, Landmarks, crop
from kinema.tracking.appearance import look
from kinema.tracking.gate import Gate
from kinema.tracking.masks import shared_outline, without
from kinema.tracking.track import Track
from kinema.video import Frame

MOST = 2
"""People who are searched for in one frame: the longest followed first."""

SAME_CLOTHES = 0.45
"""Distance of clothes up to which a doubtful find may be the person."""

SHARED = 0.2
"""Part of an outline shared with somebody else's, from which a doubtful find is not believed."""

_SECONDS = 1.0
_ESTABLISHED = 10  # frames that somebody must have been followed
_TURNS = ((0.0, 1.0), (0.5, 1.0), (-0.5, 1.0), (0.0, 1.25), (1.5, 1.0), (-1.5, 1.0))  # radians, scale of the crop
_SMALL_TURNS = 4  # of them for somebody who was upright
_AT_ONCE = 2  # crops in a frame, after all were tried in the first
_SURE_SCORE = 0.7
_UPRIGHT = 0.7  # radians: the detector finds people who lean less
_DOUBTFUL_HITS, _DOUBTFUL_ROWS = 3, 30  # so rarely found by the detector, after so many frames
_ASK_SECONDS = 0.5
_TILE = 1.3  # side of the detector's tile as a part of the crop's
_TILE_SECONDS = 1.5
_TILE_ROWS = 5
_TILE_FRAMES, _TILE_STEP = 8, 4  # frames in which there is a tile each time; later every fourth


def worth_searching(tracks: list[Track], frame: Frame, gate: Gate) -> list[Track]:
    """The lost people whose place is searched with turned crops in this frame."""
    wanted = [
        track
        for track in tracks
        if len(track.rows) >= _ESTABLISHED
        and frame.time - track.time < _SECONDS
        and gate.inside(track.predict(frame.time))
    ]
    return sorted(wanted, key=lambda track: -len(track.rows))[:MOST]


def search(
    track: Track, frame: Frame, landmarker: BlazePoseLandmarker, gate: Gate, near: list[Landmarks]
) -> Landmarks | None:
    """The lost person, if one of this frame's crops shows them; near: the others who are there."""
    missing = frame.index - track.last_frame
    expected = track.expected(frame.time)
    upright = abs(expected[3]) < _UPRIGHT
    if upright and (near or track.rivals):
        return None  # rather hidden than turned over
    turns = _TURNS[:_SMALL_TURNS] if upright else _TURNS
    crops = turns[1:] if missing <= 1 else [turns[(_AT_ONCE * missing + i) % len(turns)] for i in range(_AT_ONCE)]
    best, strangeness = None, SAME_CLOTHES
    for turn, scale in crops:
        roi = expected * [1.0, 1.0, scale, 1.0] + [0.0, 0.0, 0.0, turn]
        pixels = without(crop(frame.image, roi), roi, [(other, np.zeros(2)) for other in near])
        seen = landmarker.run_crop(pixels, roi, outline=bool(near))
        if seen.score < _SURE_SCORE or not gate.expected(seen, expected):
            continue
        strange = track.appearance.distance(look(pixels, seen))
        if strange < strangeness and not any(shared_outline(seen, other) > SHARED for other in near):
            best, strangeness = seen, strange
    return best


def search_tiles(lost: list[Track], frame: Frame, gate: Gate) -> np.ndarray:
    """Tiles (n, 3) in which the detector looks for people who were lost a moment ago."""
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


def doubt_tiles(active: list[Track], frame: Frame, gate: Gate) -> np.ndarray:
    """Tiles (n, 3) for people whom the detector has hardly found again, one at a time, each around one of them.

    The tiles that cover the picture may all show somebody badly who stands at its edge.
    """
    for track in active:
        doubtful = track.hits < _DOUBTFUL_HITS and len(track.rows) >= _DOUBTFUL_ROWS
        if doubtful and frame.time - track.asked >= _ASK_SECONDS and gate.inside(track.centre):
            track.asked = frame.time
            side = _TILE * track.side
            return np.array([[*(track.centre - side / 2), side]])
    return np.zeros((0, 3))
