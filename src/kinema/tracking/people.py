"""From tracks to people: which tracks are real, in what order, and how a row becomes a person's frame."""

from __future__ import annotations

import numpy as np

from kinema.motion import Person
from kinema.skeleton import BLAZEPOSE33
from kinema.tracking.options import TrackingOptions
from kinema.tracking.track import Track

_MIN_SUPPORT = 0.34  # of the detector's looks that must have found the person again
_MARGIN = 0.06  # of a box's longer side: landmarks lie inside the body
_HEAD_TOP = 1.5  # the head's top lies so much farther from the shoulders than the ears
_OUTSIDE = 0.1  # factor on the confidence of a landmark outside the picture, where it is a guess


def real_tracks(tracks: list[Track], num_frames: int, options: TrackingOptions) -> list[Track]:
    """The tracks that are people, the most present first.

    A track is a person when it is long enough and the detector has found it again whenever it looked:
    things that look like a person once (a chair, a poster, a ball) do so only from time to time.
    """
    least = min(options.min_track_frames, max(1, num_frames // 2))
    kept = []
    for track in tracks:
        rows = track.rows.array()
        if len(rows) < least or track.hits / track.looks < _MIN_SUPPORT:
            continue
        kept.append((len(rows) * float(np.mean(rows["side"])) ** 0.5, track))
    kept.sort(key=lambda entry: (-entry[0], entry[1].number))
    return [track for _, track in kept[: options.max_persons]]


def person_from(track: Track, number: int, size: tuple[int, int]) -> Person:
    """The track as a `Person` with this id; size: width and height of the frame."""
    rows = track.rows.array()
    points = rows["points"].astype(np.float64)
    confidence = rows["visibility"].astype(np.float64) * rows["presence"]
    outside = np.any((points < -0.5) | (points > np.array(size) - 0.5), axis=-1)
    confidence[outside] *= _OUTSIDE
    return Person(
        number,
        rows["frame"],
        boxes=body_boxes(points, confidence, size),
        confidence=np.clip(rows["score"].astype(np.float64), 0.0, 1.0),
        observed=np.ones(len(rows), dtype=bool),
        keypoint_set=BLAZEPOSE33.name,
        keypoints=points,
        keypoint_confidence=np.clip(confidence, 0.0, 1.0),
        keypoints3d=rows["world"].astype(np.float64),
    )


def body_boxes(points: np.ndarray, confidence: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes (F, 4) x1 y1 x2 y2 pixels around people, inside the frame.

    points (F, 33, 2), confidence (F, 33). Around the landmarks that are likely visible and the top of the
    head, which no landmark marks, with a margin for flesh and clothes.
    """
    ears, shoulders = (points[:, BLAZEPOSE33.indices(pair)].mean(axis=1) for pair in _PAIRS)
    top = shoulders + _HEAD_TOP * (ears - shoulders)
    ear_confidence = confidence[:, BLAZEPOSE33.indices(_PAIRS[0])].max(axis=1)
    points = np.concatenate([points, top[:, None]], axis=1)
    confidence = np.concatenate([confidence, ear_confidence[:, None]], axis=1)
    counts = (confidence >= 0.2)[..., None]
    few = np.count_nonzero(counts, axis=1) < 5
    counts = counts | few[:, None]
    low = np.where(counts, points, np.inf).min(axis=1)
    high = np.where(counts, points, -np.inf).max(axis=1)
    margin = _MARGIN * (high - low).max(axis=1, keepdims=True)
    limit = np.array(size, dtype=np.float64) - 1.0
    low = np.clip(low - margin, 0.0, limit)
    high = np.clip(high + margin, 0.0, limit)
    return np.concatenate([low, high], axis=1)


_PAIRS = (("left_ear", "right_ear"), ("left_shoulder", "right_shoulder"))
