"""Distances between poses, and the optimal assignment of people to tracks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from kinema.keypoints.source import Observation
from kinema.tracking.appearance import Appearance
from kinema.tracking.body_parts import BodyParts
from kinema.tracking.masks import mask_overlap
from kinema.tracking.track import Pose, Track, height

ESTABLISHED = 5
"""Frames after which a new track is eligible for recovery and backward tracking, and its person may be known again."""

ALIKE = 0.2
"""Appearance distance of two people in the same clothes."""

STRANGER = 0.5
"""Appearance distance above which somebody is surely not the person."""

_OTHER_SIZE = 1.6  # factor by which nobody grows or shrinks in the few seconds of an absence
_BRIEF = 0.3  # seconds for which whoever is found in the place of somebody hardly seen is the same person
_WALK_ON = 2.0  # seconds for which somebody who is hidden is taken to walk on
_FARTHEST = 3.0  # times the usual distance from the expected place: nobody gets further


def pose_distance(a: Observation | Pose, b: Observation | Pose, parts: BodyParts) -> float:
    """Mean distance of the body's keypoints, as a fraction of the smaller person's height."""
    gap = np.hypot(*(a.points[parts.body] - b.points[parts.body]).T)
    return float(gap.mean() / height(min(a.next_roi[2], b.next_roi[2])))


def hip_distance(a: Observation | Pose, b: Observation | Pose) -> float:
    """Distance of the mid-hips, as a fraction of the smaller person's height."""
    gap = np.hypot(*(a.next_roi[:2] - b.next_roi[:2]))
    return float(gap / height(min(a.next_roi[2], b.next_roi[2])))


def same_body(a: Observation, b: Observation, parts: BodyParts) -> bool:
    """Whether two observations show the same person: their hips are close, and their keypoints or masks agree.

    Masks distinguish people even if one is behind the other: measured on the real clips, the masks of two
    people hardly overlap, and of two observations of one person one mask lies inside the other.
    """
    if hip_distance(a, b) > 0.6:
        return False
    return pose_distance(a, b, parts) < 0.13 or mask_overlap(a, b) > 0.75


def has_double(track: Track, others: Sequence[Track], time: float) -> bool:
    """Whether one of the others wears the same clothes and may appear at `time` where this one is expected."""
    return any(
        other is not track
        and track.appearance.distance(other.appearance) < ALIKE
        and np.hypot(*(other.centre - track.centre)) < height(track.side + other.side)
        and time - other.time < _WALK_ON
        for other in others
    )


def continuity_cost(
    track: Track, seen: Observation, appearance: Appearance, time: float, *, walks_on: bool = False
) -> float:
    """How poorly an observation continues a track: 0 is perfect, above 1 hardly possible, infinite out of reach.

    Compares position with the track's prediction (weighted less the longer it was lost), size and appearance. walks_on:
    a person who is hidden is expected to go on as before; otherwise to come to rest.
    """
    elapsed = max(time - track.time, 0.0)
    scale = height(track.side)
    expected = track.centre + track.drift * min(elapsed, _WALK_ON) if walks_on else track.predict(time)
    gap = float(np.hypot(*(seen.next_roi[:2] - expected))) / scale
    place = gap / (0.25 + 1.5 * min(elapsed, 2.0))
    if place > _FARTHEST:  # however well size and colours agree, and however little is left for others
        return float(np.inf)
    size = abs(np.log(float(seen.next_roi[2]) / track.side)) / (0.25 + 0.2 * min(elapsed, 2.0))
    colours = track.appearance.distance(appearance) / 0.35
    return float(0.4 * place + 0.25 * min(size, 3.0) + 0.35 * min(colours, 3.0))


def stranger(track: Track, seen: Observation, appearance: Appearance, time: float) -> bool:
    """Whether an observation is surely not the lost person of a track: in other clothes, or of another size.

    Of somebody who was seen in a few frames only neither is known for long.
    """
    if len(track.rows) < ESTABLISHED and time - track.time > _BRIEF:
        return True
    size = abs(np.log(float(seen.next_roi[2]) / track.side))
    return bool(track.appearance.distance(appearance) > STRANGER or size > np.log(_OTHER_SIZE))


def assign(
    cost: np.ndarray, *, limit: float, spare: np.ndarray | None = None, absent: np.ndarray | None = None
) -> list[tuple[int, int]]:
    """The pairs (row, column) of the assignment of least total cost, excluding pairs above `limit`.

    Leaving two unpaired costs as much as a pair at the limit, so a cheap pair is never given up for two
    forbidden ones. spare (columns,), absent (rows,): what it costs to leave each column or row unpaired, in place of
    half the limit.
    """
    rows, columns = cost.shape
    if rows == 0 or columns == 0:
        return []
    padded = np.full((rows + columns, rows + columns), limit / 2.0)
    padded[:rows, :columns] = np.where(np.isfinite(cost) & (cost <= limit), cost, 1e6)
    if spare is not None:
        padded[rows:, :columns] = spare
    if absent is not None:
        padded[:rows, columns:] = absent[:, None]
    padded[rows:, columns:] = 0.0
    chosen = zip(*linear_sum_assignment(padded), strict=True)
    return [(int(r), int(c)) for r, c in chosen if r < rows and c < columns and cost[r, c] <= limit]
