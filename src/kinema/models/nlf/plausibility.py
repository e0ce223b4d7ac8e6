"""Which of the poses found in detections are people: unsure ones are dropped, and of two that are alike the worse.

Poses are (P,N,3) metres in the camera's frame, uncertainties (P,N) metres, boxes (P,5) x y w h score in pixels.
"""

from __future__ import annotations

import numpy as np

SURE_POINT = 0.25
"""Metres: the uncertainty below which a point counts as sure."""

LEAST_SURE = 1 / 3
"""Share of sure points that a person exceeds."""

LEAST_COVERED = 0.25
"""Share of its detection's box that a pose exceeds."""

ALIKE = 0.4
"""Similarity from which two poses are one person's."""

_FAR = 0.3
"""Metres between two points that are no longer alike at all."""

_FARTHEST = 5
"""One in so many points is compared, the ones that differ most."""


def is_sure(uncertainties: np.ndarray) -> np.ndarray:
    """(P,) bool: whether enough points are sure."""
    return np.asarray((uncertainties < SURE_POINT).mean(axis=-1) > LEAST_SURE)


def fills_box(pixels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(P,) bool: whether the poses (P,N,2) in the image cover enough of their boxes; NaN points are left out."""
    covered = np.zeros(len(boxes))
    for row, (points, box) in enumerate(zip(pixels, boxes, strict=True)):
        seen = points[np.isfinite(points).all(axis=-1)]
        if len(seen):
            low = np.maximum(seen.min(axis=0), box[:2])
            high = np.minimum(seen.max(axis=0), box[:2] + box[2:4])
            covered[row] = np.prod(np.maximum(high - low, 0)) / max(float(box[2] * box[3]), 1e-9)
    return np.asarray(covered > LEAST_COVERED)


def similarity(poses: np.ndarray) -> np.ndarray:
    """(P,P) from 0 to 1: how close the points that differ most are, once both poses are equally large."""
    squares = np.square(poses).mean(axis=(1, 2))
    count = max(1, poses.shape[1] // _FARTHEST)
    alike = np.ones((len(poses), len(poses)))
    for a in range(len(poses)):
        for b in range(a):
            mean = (squares[a] + squares[b]) / 2
            apart = np.linalg.norm(
                poses[a] * np.sqrt(mean / squares[a]) - poses[b] * np.sqrt(mean / squares[b]), axis=-1
            )
            farthest = np.sort(apart)[-count:]
            alike[a, b] = alike[b, a] = np.maximum(0, 1 - farthest / _FAR).mean()
    return alike


def plausible(poses: np.ndarray, pixels: np.ndarray, uncertainties: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Rows of the poses that are kept, the surest first."""
    rows: np.ndarray = np.flatnonzero(is_sure(uncertainties) & fills_box(pixels, boxes))
    scores = boxes[rows, 4] / uncertainties[rows].mean(axis=-1)
    alike = similarity(poses[rows])
    kept: list[int] = []
    for candidate in np.argsort(-scores, kind="stable"):
        if all(alike[candidate, other] <= ALIKE for other in kept):
            kept.append(int(candidate))
    return np.asarray(rows[np.array(kept, dtype=int)])
