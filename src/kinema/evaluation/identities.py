"""How well people keep their identities: coverage, identity switches and IDF1 against people whose paths are known.

Switches: Bernardin and Stiefelhagen 2008, "Evaluating multiple object tracking performance: the CLEAR MOT metrics",
except that a changed identity also counts after frames in which the person is not found. IDF1: Ristani et al. 2016,
"Performance measures and a data set for multi-target, multi-camera tracking".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

WITHIN = 0.2
"""Largest mean distance of the points at which a person counts as found, as a fraction of the person's size."""


@dataclass(frozen=True, eq=False)
class KnownPerson:
    """A person whose path is known: points (T, J, 2) pixels in every frame of the clip, NaN while absent; size (T,):
    height in pixels."""

    points: np.ndarray
    size: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """(T,) bool."""
        return np.asarray(np.isfinite(self.points).all(axis=(1, 2)))


@dataclass(frozen=True, eq=False)
class FoundPerson:
    """A person found by a tracker: points (F, J, 2) pixels, the same joints, in frames (F,)."""

    frames: np.ndarray
    points: np.ndarray


@dataclass(frozen=True)
class IdentityScores:
    """present: people times frames; found: those of them matched by a tracked person; switches: changes of a person's
    identity; people: number of identities; extra: tracked people times frames that match nobody; idf1: 2 x right /
    (present + all found)."""

    present: int
    found: int
    switches: int
    people: int
    extra: int
    idf1: float

    @property
    def coverage(self) -> float:
        """The fraction of `present` that was found."""
        return self.found / max(self.present, 1)


def identity_scores(known: Sequence[KnownPerson], found: Sequence[FoundPerson]) -> IdentityScores:
    """In each frame, known and found people are paired with the least sum of distances."""
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
    """(T,) mean distances as a fraction of the size, infinite where one of the two is absent."""
    out = np.full(len(known.points), np.inf)
    inside = found.frames < len(out)
    frames = found.frames[inside]
    gap = np.linalg.norm(known.points[frames] - found.points[inside], axis=-1).mean(axis=-1) / known.size[frames]
    out[frames] = np.where(np.isfinite(gap), gap, np.inf)
    return out
