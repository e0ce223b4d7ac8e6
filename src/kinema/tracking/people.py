"""From tracks to people: selecting and ordering the tracks that are people, and converting them to `Person`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.keypoints.source import Observation, OpenedSource, Thresholds
from kinema.person import Person
from kinema.skeleton import JointSet
from kinema.temporal.gaps import fill_missing
from kinema.tracking.body_parts import BodyParts, body_parts
from kinema.tracking.bones import trust_in_bones
from kinema.tracking.gaps import fill_gaps, without_scraps
from kinema.tracking.gate import clearness
from kinema.tracking.options import TrackingOptions
from kinema.tracking.swaps import exchange, find_swaps
from kinema.tracking.track import Track, height

SURE_HITS = 3
"""Detections that confirm a person, however little is visible."""

_MIN_SUPPORT = 0.25  # fraction of the detector's searches that must have found the person
_UNCLEAR, _UNCLEAR_SUPPORT = 0.9, 0.5  # the same for keypoints below this share of a sure person's confidence
_MARGIN = 0.06  # of a box's longer side: keypoints lie inside the body
_HEAD = 0.25  # of the trunk's length: extent of the head around the ears
_EXCHANGED = 0.7  # factor on the visibility in frames where left and right were swapped
_OUTSIDE = 0.1  # factor on the confidence of a keypoint outside the image, where it is a guess


def real_tracks(
    tracks: list[Track], num_frames: int, size: tuple[int, int], options: TrackingOptions, thresholds: Thresholds
) -> list[Track]:
    """The tracks that are people, the most present first.

    size: width and height of the frame.
    """
    kept = [track for track in tracks if is_person(track, num_frames, size, options, thresholds)]
    weight = {id(t): len(t.rows) * float(np.mean(t.rows.array()["roi"][:, 2])) ** 0.5 for t in kept}
    kept.sort(key=lambda track: (-weight[id(track)], track.number))
    return kept


def is_person(
    track: Track, num_frames: int, size: tuple[int, int], options: TrackingOptions, thresholds: Thresholds
) -> bool:
    """Whether a track is a person: long enough, and confirmed.

    A track is confirmed if the detector has found the person again, or if most keypoints are visible: objects
    that look like a person (a chair, a poster, a ball) do so only at times and with low confidence. The less clear the
    keypoints, the more often the detector must have found the person.
    num_frames: of the clip so far.
    """
    rows = track.rows.array()
    if len(rows) < min(options.min_track_frames, max(1, num_frames // 2)):
        return False
    confidence = clearness(rows["points"], rows["visibility"] * rows["presence"], size)
    support = track.hits / track.searches
    if confidence < _UNCLEAR * thresholds.surely_person and support < _UNCLEAR_SUPPORT:
        return False
    if support < _MIN_SUPPORT:
        score = float(rows["score"].mean())
        return confidence > thresholds.certainly_person and score > thresholds.certain_score
    return track.hits >= SURE_HITS or confidence > thresholds.surely_person


def person_from(
    track: Track,
    number: int,
    times: np.ndarray,
    size: tuple[int, int],
    options: TrackingOptions,
    source: OpenedSource,
) -> Person:
    """The track as a `Person` with this id: left-right swaps undone, scraps left out, short gaps filled.

    times (T,): seconds of the clip's frames; size: width and height of the frame.
    """
    boxed = source.estimator.thresholds.boxed
    rows = without_scraps(track.rows.array(), times, options.max_fill)
    return person_of_rows(rows, number, times, size, options, source.joint_set, source.joint3d_set, boxed)


def person_of_rows(
    rows: np.ndarray,
    number: int,
    times: np.ndarray,
    size: tuple[int, int],
    options: TrackingOptions,
    joints: JointSet,
    joints3d: JointSet | None,
    boxed: float,
) -> Person:
    """Rows (n,) of `track.row_dtype` as a `Person`, as `person_from` makes it from a track.

    Points may be NaN where they are not seen. boxed: smallest confidence with which a keypoint counts for the box.
    """
    rows = rows.copy()
    if options.repair_swaps:
        repair_swaps(rows, times, joints, joints3d)
    rows, observed = fill_gaps(rows, times, options.max_fill)
    points = rows["points"].astype(np.float64)
    confidence = rows["visibility"].astype(np.float64) * rows["presence"]
    points3d = None if joints3d is None else rows["points3d"].astype(np.float64)
    confidence = trusted(points, confidence, points3d, size, joints, joints3d)
    return Person(
        number,
        rows["frame"],
        boxes=body_boxes(points, confidence, size, body_parts(joints), boxed),
        confidence=np.clip(rows["score"].astype(np.float64), 0.0, 1.0),
        observed=observed,
        keypoint_set=joints.name,
        keypoints=points,
        keypoint_confidence=confidence,
        keypoint3d_set=None if joints3d is None else joints3d.name,
        keypoints3d=points3d,
    )


def trusted(
    points: np.ndarray,
    confidence: np.ndarray,
    points3d: np.ndarray | None,
    size: tuple[int, int],
    joints: JointSet,
    joints3d: JointSet | None,
) -> np.ndarray:
    """The confidence (F, K) in the keypoints of one person by what is known of bodies and the image's edge.

    points (F, K, 2) pixels, confidence (F, K) as the network gives it, points3d (F, L, 3), size: width and height.
    """
    confidence = np.array(confidence, dtype=np.float64)
    if points3d is not None and joints3d is not None and joints3d.name == joints.name:
        confidence *= trust_in_bones(points3d, confidence, joints)
    outside = np.any((points < -0.5) | (points > np.array(size) - 0.5), axis=-1)
    confidence[outside] *= _OUTSIDE
    return np.clip(confidence, 0.0, 1.0)


def repair_swaps(rows: np.ndarray, times: np.ndarray, joints: JointSet, joints3d: JointSet | None) -> int:
    """Undo left-right swaps in rows (n,), in place. Returns the number of frames changed.

    The visibility in these frames is lowered: the network was not sure which way the person faced.
    """
    swapped = find_swaps(
        np.nan_to_num(fill_missing(rows["points"], times[rows["frame"]])),
        None if joints3d is None else rows["points3d"].astype(np.float64),
        (rows["visibility"] * rows["presence"]).astype(np.float64),
        times[rows["frame"]],
        height(rows["roi"][:, 2].astype(np.float64)),
        joints,
        joints3d,
    )
    touched = np.flatnonzero(swapped.any(axis=1))
    if len(touched):
        for name in ("points", "visibility", "presence"):
            rows[name][touched] = exchange(rows[name][touched], swapped[touched], joints)
        if joints3d is not None:
            rows["points3d"][touched] = exchange(rows["points3d"][touched], swapped[touched], joints3d)
        rows["visibility"][touched] *= _EXCHANGED
    return len(touched)


def body_boxes(
    points: np.ndarray, confidence: np.ndarray, size: tuple[int, int], parts: BodyParts, visible: float
) -> np.ndarray:
    """Boxes (F, 4) x1 y1 x2 y2 pixels around people, inside the frame.

    points (F, K, 2), NaN where not known, confidence (F, K). Around the keypoints with a confidence of at least
    `visible` and the whole head, which no keypoint bounds, with a margin for flesh and clothes.
    """
    if len(parts.ears) and len(parts.shoulders) and len(parts.hips):
        ears, shoulders, hips = (points[:, pair].mean(axis=1) for pair in (parts.ears, parts.shoulders, parts.hips))
        reach = _HEAD * np.linalg.norm(hips - shoulders, axis=-1, keepdims=True)
        reach = np.maximum(reach, np.linalg.norm(ears - shoulders, axis=-1, keepdims=True) / 2)
        head = np.stack([ears - reach, ears + reach], axis=1)  # (F, 2, 2)
        seen = confidence[:, parts.ears].max(axis=1, keepdims=True)
        points = np.concatenate([points, head], axis=1)
        confidence = np.concatenate([confidence, seen, seen], axis=1)
    known = np.isfinite(points).all(axis=-1)
    counts = (known & (confidence >= visible))[..., None]
    few = np.count_nonzero(counts, axis=1) < 5
    counts = counts | (known[..., None] & few[:, None])
    low = np.where(counts, points, np.inf).min(axis=1)
    high = np.where(counts, points, -np.inf).max(axis=1)
    margin = _MARGIN * (high - low).max(axis=1, keepdims=True)
    limit = np.array(size, dtype=np.float64) - 1.0
    low = np.clip(low - margin, 0.0, limit)
    high = np.clip(high + margin, 0.0, limit)
    return np.concatenate([low, high], axis=1)


def boxes_of(people: Sequence[Observation], size: tuple[int, int], parts: BodyParts, visible: float) -> np.ndarray:
    """The boxes (n, 4) of people inside a frame of this width and height."""
    if not people:
        return np.zeros((0, 4))
    points = np.stack([seen.points for seen in people])
    confidence = np.stack([seen.confidence for seen in people])
    return body_boxes(points, confidence, size, parts, visible)
