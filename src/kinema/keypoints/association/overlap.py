"""Overlap of boxes and poses, in pixels and in points that correspond between two frames.

Boxes are (n, 4) x1 y1 x2 y2. Sizes count pixels: a box from 3 to 5 is three wide.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_EPSILON = 1e-5  # of the denominators, as published


def keypoint_boxes(points: np.ndarray, enlarge: float) -> np.ndarray:
    """(n, 4) around the seen points of (n, K, 2), NaN where not seen, wider on either side by `enlarge` of their
    extent; NaN for a pose without any."""
    seen = np.isfinite(points).all(axis=-1, keepdims=True)
    low = np.where(seen, points, np.inf).min(axis=1)
    high = np.where(seen, points, -np.inf).max(axis=1)
    with np.errstate(invalid="ignore"):
        margin = enlarge * (high - low)
        box = np.concatenate([low - margin, high + margin], axis=1)
    return np.where(seen.any(axis=1), box, np.nan)


def clipped(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes within an image of this width and height (0: unknown), in whole pixels (towards zero)."""
    limit = np.array([float(side) if side else np.inf for side in (*size, *size)])
    return np.asarray(np.trunc(np.clip(boxes, 0.0, limit)))


def squares(points: np.ndarray, reach: float) -> np.ndarray:
    """(..., 4): the square around each point (..., 2), `reach` pixels to either side."""
    return np.concatenate([points - reach, points + reach], axis=-1)


def box_overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes that broadcast, (..., 4): 0 where they do not overlap or one is NaN."""
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    meet = np.all(low < high, axis=-1)
    shared = np.where(meet, np.prod(high - low + 1, axis=-1), 0.0)
    areas = (np.prod(box[..., 2:] - box[..., :2] + 1, axis=-1) for box in (a, b))
    return np.asarray(np.where(meet, shared / (sum(areas) - shared + _EPSILON), 0.0))


class Correspondences:
    """Points of one image and where they are in the next: (C, 4) x1 y1 x2 y2 pixels; `before` and `after`, (C, 2)."""

    def __init__(self, places: np.ndarray) -> None:
        self.before, self.after = (np.asarray(places, dtype=np.float64)[:, at] for at in (slice(2), slice(2, 4)))

    def overlap(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """(n, m, K): of the points inside a box of (n, K, 4) before or of (m, K, 4) after, the share inside both."""
        inside = [_inside(*each) for each in ((before, self.before), (after, self.after))]
        counts = [each.sum(axis=-1, dtype=np.float64) for each in inside]
        both = np.einsum("nkc,mkc->nmk", *(each.astype(np.float32) for each in inside)).astype(np.float64)
        return np.asarray(both / (counts[0][:, None] + counts[1][None] - both + _EPSILON))


class SamePixels:
    """Every pixel of an image corresponds to itself: for images with too few features, and without images."""

    def __init__(self, size: tuple[int, int]) -> None:
        """size: width and height, 0 where unknown."""
        self._limit = np.array([side - 1.0 if side else np.inf for side in size])

    def overlap(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """As `Correspondences.overlap`."""
        low = np.maximum(before[:, None, :, :2], after[None, :, :, :2])
        high = np.minimum(before[:, None, :, 2:], after[None, :, :, 2:])
        both = self._count(low, high)
        one, other = (self._count(each[..., :2], each[..., 2:]) for each in (before[:, None], after[None]))
        return np.asarray(both / (one + other - both + _EPSILON))

    def _count(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Pixels of the image from `low` to `high`, (..., 2) each."""
        least = np.ceil(np.maximum(low, 0.0 if np.isfinite(self._limit).all() else -np.inf))
        sides = np.floor(np.minimum(high, self._limit)) - least + 1
        return np.asarray(np.prod(np.maximum(np.nan_to_num(sides), 0.0), axis=-1))


Matching = Correspondences | SamePixels


def _inside(boxes: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(n, K, C) bool: the places (C, 2) that lie in boxes (n, K, 4)."""
    low, high = boxes[..., None, :2], boxes[..., None, 2:]
    return np.asarray(((places >= low) & (places <= high)).all(axis=-1))


def largest_mean(values: np.ndarray, count: int) -> np.ndarray:
    """(...): the mean of the `count` largest of (..., K), of all if there are fewer."""
    return np.asarray(np.sort(values, axis=-1)[..., -count:].mean(axis=-1))


def pose_overlap(a: np.ndarray, b: np.ndarray, count: int, reach: float) -> np.ndarray:
    """(n, m): of poses (n, K, 2) and (m, K, 2), the mean of the `count` largest overlaps of squares around one
    joint."""
    return largest_mean(box_overlap(squares(a, reach)[:, None], squares(b, reach)[None]), count)


def matched_pose_overlap(a: np.ndarray, b: np.ndarray, matching: Matching, count: int, reach: float) -> np.ndarray:
    """(n, m): as `pose_overlap`, but of the corresponding points in those squares."""
    return largest_mean(matching.overlap(squares(a, reach), squares(b, reach)), count)


def matched_box_overlap(a: np.ndarray, b: np.ndarray, matching: Matching) -> np.ndarray:
    """(n, m): the overlap of boxes (n, 4) and (m, 4) in corresponding points."""
    return np.asarray(matching.overlap(a[:, None], b[:, None])[..., 0])


def graded(terms: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """The weighted sum of equally shaped arrays."""
    return np.asarray(sum(weight * term for weight, term in zip(weights, terms, strict=True)))
