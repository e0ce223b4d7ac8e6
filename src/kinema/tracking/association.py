"""Who is who: distances between poses, and the optimal assignment of people to tracks."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from kinema.keypoints.blazepose import CROP, Landmarks
from kinema.keypoints.roi import to_crop
from kinema.skeleton import BLAZEPOSE33, LIMBS12
from kinema.tracking.appearance import Appearance
from kinema.tracking.track import Track

BODY = BLAZEPOSE33.indices((*LIMBS12, "nose", "left_ear", "right_ear"))
"""Landmarks that say where a body is: fingers and toes only add noise."""

# A crop's side is 1.25 times the diameter of the circle around the straightened body.
_SIDE_PER_HEIGHT = 1.25


def height(side: float) -> float:
    """Pixels of a standing person whose crop has this side."""
    return side / _SIDE_PER_HEIGHT


def pose_distance(a: Landmarks, b: Landmarks) -> float:
    """Mean distance of the body's landmarks, as a part of the smaller person's height."""
    gap = np.hypot(*(a.points[BODY] - b.points[BODY]).T)
    return float(gap.mean() / height(min(a.next_roi[2], b.next_roi[2])))


def hip_distance(a: Landmarks, b: Landmarks) -> float:
    """Distance of the mid-hips, as a part of the smaller person's height."""
    gap = np.hypot(*(a.next_roi[:2] - b.next_roi[:2]))
    return float(gap / height(min(a.next_roi[2], b.next_roi[2])))


def same_body(a: Landmarks, b: Landmarks) -> bool:
    """Whether two results lie on one person: hips first, then all of the body, then one inside the other."""
    if hip_distance(a, b) > 0.5:
        return False
    if pose_distance(a, b) < 0.13:
        return True
    small, large = (a, b) if a.next_roi[2] <= b.next_roi[2] else (b, a)
    return bool(small.next_roi[2] < 0.75 * large.next_roi[2] and inside_mask(small.points[BODY], large) > 0.85)


def inside_mask(points: np.ndarray, seen: Landmarks) -> float:
    """The part of points (n, 2) that lies on the person whom `seen` has outlined in its crop."""
    cells = np.floor(to_crop(points, seen.roi) * CROP).astype(int)
    valid = np.all((cells >= 0) & (cells < CROP), axis=1)
    cells = cells[valid]
    return float(np.count_nonzero(seen.mask[cells[:, 1], cells[:, 0]] > 0.0) / max(len(points), 1))


def continuity_cost(track: Track, seen: Landmarks, appearance: Appearance, time: float) -> float:
    """How unlike the track's next sight this is: 0 perfect, above 1 hardly possible.

    Place relative to where the track should be (the longer lost the less it says), size, clothes.
    """
    elapsed = max(time - track.time, 0.0)
    scale = height(track.side)
    gap = float(np.hypot(*(seen.next_roi[:2] - track.predict(time)))) / scale
    place = gap / (0.25 + 1.5 * min(elapsed, 2.0))
    size = abs(np.log(float(seen.next_roi[2]) / track.side)) / (0.25 + 0.2 * min(elapsed, 2.0))
    clothes = track.appearance.distance(appearance) / 0.35
    return float(0.4 * min(place, 3.0) + 0.25 * min(size, 3.0) + 0.35 * min(clothes, 3.0))


def assign(cost: np.ndarray, *, limit: float) -> list[tuple[int, int]]:
    """The pairs (row, column) of the assignment with the least total cost, pairs above `limit` excluded.

    Leaving two unpaired costs as much as a pair at the limit, so a cheap pair is never given up for two
    forbidden ones.
    """
    rows, columns = cost.shape
    if rows == 0 or columns == 0:
        return []
    padded = np.full((rows + columns, rows + columns), limit / 2.0)
    padded[:rows, :columns] = np.where(np.isfinite(cost) & (cost <= limit), cost, 1e6)
    padded[rows:, columns:] = 0.0
    chosen = zip(*linear_sum_assignment(padded), strict=True)
    return [(int(r), int(c)) for r, c in chosen if r < rows and c < columns and cost[r, c] <= limit]
