"""From tracks to people: which tracks are real, in what order, and how a row becomes a person's frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.models.blazepose.landmarks import Landmarks
from kinema.person import Person
from kinema.skeleton import BLAZEPOSE33
from kinema.tracking.gaps import fill_gaps
from kinema.tracking.options import TrackingOptions
from kinema.tracking.swaps import exchange, find_swaps
from kinema.tracking.track import Track, height

_MIN_SUPPORT = 0.25  # of the detector's looks that must have found the person again
_SURE_HITS = 3  # so often found by the detector: a person, however little of them is visible
_SURE_VISIBILITY = 0.78  # mean over the landmarks inside the picture; things reach about 0.7, people 0.85
_CERTAIN_VISIBILITY, _CERTAIN_SCORE = 0.85, 0.95  # a person, even where the detector misses them
_MARGIN = 0.06  # of a box's longer side: landmarks lie inside the body
_HEAD = 0.25  # of the trunk's length: so far does the head reach around the ears
_EXCHANGED = 0.7  # factor on the confidence in frames where left and right had to be exchanged
_OUTSIDE = 0.1  # factor on the confidence of a landmark outside the picture, where it is a guess


def real_tracks(tracks: list[Track], num_frames: int, size: tuple[int, int], options: TrackingOptions) -> list[Track]:
    """The tracks that are people, the most present first.

    size: width and height of the frame.
    """
    kept = [track for track in tracks if is_person(track, num_frames, size, options)]
    weight = {id(t): len(t.rows) * float(np.mean(t.rows.array()["roi"][:, 2])) ** 0.5 for t in kept}
    kept.sort(key=lambda track: (-weight[id(track)], track.number))
    return kept[: options.max_persons]


def is_person(track: Track, num_frames: int, size: tuple[int, int], options: TrackingOptions) -> bool:
    """Whether a track is a person: long enough, and convincing.

    Convincing is whom the detector has found again when it looked, or most of whose body the landmark network
    sees: things that look like a person (a chair, a poster, a ball) do so from time to time and vaguely.
    num_frames: of the clip so far.
    """
    rows = track.rows.array()
    if len(rows) < min(options.min_track_frames, max(1, num_frames // 2)):
        return False
    visibility = _mean_visibility(rows, size)
    if track.hits / track.looks < _MIN_SUPPORT:
        return visibility > _CERTAIN_VISIBILITY and float(rows["score"].mean()) > _CERTAIN_SCORE
    return track.hits >= _SURE_HITS or visibility > _SURE_VISIBILITY


def _mean_visibility(rows: np.ndarray, size: tuple[int, int]) -> float:
    inside = np.all((rows["points"] >= 0) & (rows["points"] < size), axis=-1)
    visible = rows["visibility"] * rows["presence"]
    return float(visible[inside].mean()) if inside.any() else 0.0


def person_from(
    track: Track, number: int, times: np.ndarray, size: tuple[int, int], options: TrackingOptions
) -> Person:
    """The track as a `Person` with this id: left and right put right, short gaps filled.

    times (T,): seconds of the clip's frames; size: width and height of the frame.
    """
    rows = track.rows.array().copy()
    if options.repair_swaps:
        repair_swaps(rows, times)
    rows, observed = fill_gaps(rows, times, options.max_fill)
    points = rows["points"].astype(np.float64)
    confidence = rows["visibility"].astype(np.float64) * rows["presence"]
    outside = np.any((points < -0.5) | (points > np.array(size) - 0.5), axis=-1)
    confidence[outside] *= _OUTSIDE
    return Person(
        number,
        rows["frame"],
        boxes=body_boxes(points, confidence, size),
        confidence=np.clip(rows["score"].astype(np.float64), 0.0, 1.0),
        observed=observed,
        keypoint_set=BLAZEPOSE33.name,
        keypoints=points,
        keypoint_confidence=np.clip(confidence, 0.0, 1.0),
        keypoints3d=rows["world"].astype(np.float64),
    )


def repair_swaps(rows: np.ndarray, times: np.ndarray) -> int:
    """Undo exchanges of left and right in rows (n,), in place. Returns the number of frames changed.

    What was exchanged is believed less: the network was not sure which way the person faced.
    """
    swapped = find_swaps(
        rows["points"].astype(np.float64),
        rows["world"].astype(np.float64),
        (rows["visibility"] * rows["presence"]).astype(np.float64),
        times[rows["frame"]],
        height(rows["roi"][:, 2].astype(np.float64)),
    )
    touched = np.flatnonzero(swapped.any(axis=1))
    if len(touched):
        for name in ("points", "world", "visibility", "presence"):
            rows[name][touched] = exchange(rows[name][touched], swapped[touched])
        rows["visibility"][touched] *= _EXCHANGED
    return len(touched)


def body_boxes(points: np.ndarray, confidence: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes (F, 4) x1 y1 x2 y2 pixels around people, inside the frame.

    points (F, 33, 2), confidence (F, 33). Around the landmarks that are likely visible and the whole head,
    which no landmark bounds, with a margin for flesh and clothes.
    """
    ears, shoulders, hips = (points[:, BLAZEPOSE33.indices(pair)].mean(axis=1) for pair in _PAIRS)
    reach = _HEAD * np.linalg.norm(hips - shoulders, axis=-1, keepdims=True)
    reach = np.maximum(reach, np.linalg.norm(ears - shoulders, axis=-1, keepdims=True) / 2)
    head = np.stack([ears - reach, ears + reach], axis=1)  # (F, 2, 2)
    seen = confidence[:, BLAZEPOSE33.indices(_PAIRS[0])].max(axis=1, keepdims=True)
    points = np.concatenate([points, head], axis=1)
    confidence = np.concatenate([confidence, seen, seen], axis=1)
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


def boxes_of(people: Sequence[Landmarks], size: tuple[int, int]) -> np.ndarray:
    """The boxes (n, 4) of people inside a frame of this width and height."""
    if not people:
        return np.zeros((0, 4))
    points = np.stack([seen.points for seen in people])
    confidence = np.stack([seen.visibility * seen.presence for seen in people])
    return body_boxes(points, confidence, size)


_PAIRS = (("left_ear", "right_ear"), ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"))
