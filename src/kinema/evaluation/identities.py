"""How well people keep their identities: coverage, identity switches and IDF1 against people whose ways are known.

Switches: Bernardin and Stiefelhagen 2008, "Evaluating multiple object tracking performance: the CLEAR MOT metrics", but
for a person who is not found in between, whose later identity counts, too. IDF1: Ristani et al. 2016, "Performance
measures and a data set for multi-target, multi-camera tracking".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

WITHIN = 0.2
"""Mean distance of the points up to which somebody is found, as a fraction of the person's size."""


@dataclass(frozen=True, eq=False)
class KnownPerson:
    """Somebody whose way is known: points (T, J, 2) pixels in every frame of the clip, NaN while away; size (T,):
    height in pixels."""

    points: np.ndarray
    size: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """(T,) bool."""
        return np.asarray(np.isfinite(self.points).all(axis=(1, 2)))


@dataclass(frozen=True, eq=False)
class FoundPerson:
    """Somebody whom a tracker found: points (F, J, 2) pixels, the same joints, in frames (F,)."""

    frames: np.ndarray
    points: np.ndarray


@dataclass(frozen=True)
class IdentityScores:
    """present: persons times frames; found: those of them on whom somebody was found; switches: changes of the identity
    on one person; people: identities; extra: times frames on nobody; idf1: of 2 x right / (present + all found)."""

    present: int
    found: int
    switches: int
    people: int
    extra: int
    idf1: float

    @property
    def coverage(self) -> float:
        """The share of the present who were found."""
        return self.found / max(self.present, 1)


def identity_scores(known: Sequence[KnownPerson], found: Sequence[FoundPerson]) -> IdentityScores:
    """In every frame, known and found people are paired so that the sum of their distances is least."""
    distance = np.stack([np.stack([_distances(one, other) for other in found]) for one in known]) if found else None
    present = sum(int(one.present.sum()) for one in known)
    if distance is None:
        return IdentityScores(present, 0, 0, 0, 0, 0.0)
    near = distance <= WITHIN
    ids = np.full((len(known), distance.shape[2]), -1)
    for frame in np.flatnonzero(near.any(axis=(0, 1))):
        cost = np.where(near[..., frame], distance[..., frame], 1e3)
        rows, columns = linear_sum_assignment(cost)
        right = near[rows, columns, frame]
        ids[rows[right], frame] = columns[right]
    switches = sum(int(np.count_nonzero(np.diff(row[row >= 0]))) for row in ids)
    matched, said = int(np.count_nonzero(ids >= 0)), sum(len(other.frames) for other in found)
    together = near.sum(axis=2)
    right = together[linear_sum_assignment(-together)].sum()
    return IdentityScores(present, matched, switches, len(found), said - matched, float(2 * right / (present + said)))


def _distances(known: KnownPerson, found: FoundPerson) -> np.ndarray:
    """(T,) mean distances as a fraction of the size, infinite where one of the two is not there."""
    out = np.full(len(known.points), np.inf)
    inside = found.frames < len(out)
    frames = found.frames[inside]
    gap = np.linalg.norm(known.points[frames] - found.points[inside], axis=-1).mean(axis=-1) / known.size[frames]
    out[frames] = np.where(np.isfinite(gap), gap, np.inf)
    return out
