"""People in an image as circles: the common output of all person detectors.

The circle is centred on the person's mid-hip and encloses the straightened body; the point on its rim above the head
gives the upward direction. A detector that outputs boxes converts them with `from_boxes`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Circles:
    """People found in an image, best first.

    hips (n, 2), rims (n, 2) pixels: the mid-hip, and the point above the head on the circle around it;
    scores (n,) in [0, 1].
    """

    hips: np.ndarray
    rims: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def radii(self) -> np.ndarray:
        """(n,) pixels: about half the height of a standing person."""
        return np.asarray(np.hypot(*(self.rims - self.hips).T))

    def select(self, rows: np.ndarray) -> Circles:
        """A subset of the people, in the order of `rows` (mask or indices)."""
        return Circles(self.hips[rows], self.rims[rows], self.scores[rows])

    def moved(self, scale: float, offset: np.ndarray) -> Circles:
        """The same people with coordinates `x * scale + offset`: from a tile to its image."""
        offset = np.asarray(offset, dtype=np.float64)
        return Circles(self.hips * scale + offset, self.rims * scale + offset, self.scores)


def no_circles() -> Circles:
    """An empty set of circles."""
    return Circles(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0))


def from_boxes(boxes: np.ndarray, scores: np.ndarray) -> Circles:
    """Circles around upright people in boxes (n, 4) x1 y1 x2 y2 pixels with scores (n,); best first."""
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2.0
    radii = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0.0) / 2.0
    rims = centres - np.stack([np.zeros(len(boxes)), radii], axis=1)
    circles = Circles(centres, rims, np.asarray(scores, dtype=np.float64))
    return circles.select(np.argsort(-circles.scores, kind="stable"))


def concatenate(parts: list[Circles]) -> Circles:
    """All people of several detections, best first."""
    if not parts:
        return no_circles()
    fields = ("hips", "rims", "scores")
    whole = Circles(*(np.concatenate([getattr(p, f) for p in parts]) for f in fields))
    return whole.select(np.argsort(-whole.scores, kind="stable"))


def merge(found: Circles) -> Circles:
    """One circle for each person: the score-weighted mean of those around the best one.

    Two circles belong to one person if their hips are closer than 0.3 times the smaller radius
    and their radii agree within a factor of 1.8. (MediaPipe compares face boxes, which are only a few pixels
    wide for small people.)
    """
    radii = found.radii
    left = np.ones(len(found), dtype=bool)
    kept = []
    for i in range(len(found)):  # best first
        if not left[i]:
            continue
        gap = np.hypot(*(found.hips - found.hips[i]).T)
        smaller, larger = np.minimum(radii, radii[i]), np.maximum(radii, radii[i])
        same = left & (gap < 0.3 * smaller) & (larger < 1.8 * np.maximum(smaller, 1e-9))
        same[i] = True
        left &= ~same
        weight = found.scores[same]
        weight = weight / weight.sum()
        means = (weight @ getattr(found, name)[same] for name in ("hips", "rims"))
        kept.append((*means, found.scores[i]))
    if not kept:
        return no_circles()
    hips, rims, scores = (np.array(column) for column in zip(*kept, strict=True))
    return Circles(hips, rims, scores)
