"""The measures of world motion reported for EMDB-2 and RICH, by the protocol of SLAHMR and WHAM.

W-MPJPE and WA-MPJPE (Ye et al. 2023, section 4) score chunks of 100 frames, so that drift does not spoil everything
after it; RTE, foot sliding and jitter are those of Shin et al. 2024, section 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kinema import metrics
from kinema.evaluation.matching import JointPair, points_of, root_of
from kinema.evaluation.moments import Moments
from kinema.evaluation.scoring import mean
from kinema.evaluation.truth import TruthPerson
from kinema.geometry.alignment import similarity
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import SMPL24

CHUNK = 100
"""Frames per chunk. The remainder of a shot joins its last chunk."""

FIRST = 2
"""Frames at the beginning of a chunk by which W-MPJPE aligns it."""

STANDS = 0.01
"""Metres per frame: a foot of the truth that moves less is planted."""

FEET = ("left_ankle", "right_ankle", "left_foot", "right_foot")
"""Joints whose sliding is measured, if both sides have them."""


def chunks(pieces: np.ndarray, length: int = CHUNK) -> list[slice]:
    """Chunks of `length` rows, none across a cut. pieces (N,): a number for each row, different in each shot."""
    starts = np.r_[0, np.flatnonzero(np.diff(pieces)) + 1, len(pieces)]
    found = []
    for start, end in pairwise(starts):
        edges = [*range(start, max(end - length + 1, start + 1), length), end]
        found += [slice(int(a), int(b)) for a, b in pairwise(edges)]
    return found


def world_mpjpe(result: np.ndarray, truth: np.ndarray, pieces: np.ndarray, *, first: int | None = None) -> np.ndarray:
    """(N,) metres: MPJPE of joints in the world, each chunk of 100 frames aligned as a whole by one similarity.

    result, truth (N,J,3), NaN where unknown; pieces (N,): see `chunks`. first: number of frames at the beginning of a
    chunk that are aligned (W-MPJPE); by default all (WA-MPJPE). A chunk that cannot be aligned is NaN.
    """
    errors = np.full(len(result), np.nan)
    for rows in chunks(pieces):
        ours, theirs = result[rows], truth[rows]
        both = np.isfinite(ours).all(axis=-1) & np.isfinite(theirs).all(axis=-1)
        used = both.copy()
        if first is not None:
            used[np.flatnonzero(both.any(axis=1))[first:]] = False
        if used.sum() < 3:
            continue
        scale, rotation, translation = similarity(ours[used], theirs[used])
        errors[rows] = metrics.mpjpe(scale * ours @ rotation.T + translation, theirs)
    return errors


def feet_sliding(result: np.ndarray, truth: np.ndarray, pieces: np.ndarray) -> float:
    """Millimetres per frame: movement of the result's feet from frame to frame while the truth's are planted.

    result, truth (N,P,3). NaN if no foot of the truth is planted.
    """
    moved, true_moved = (np.linalg.norm(np.diff(points, axis=0), axis=-1) for points in (result, truth))
    stands = (true_moved < STANDS) & (np.diff(pieces) == 0)[:, None]
    return 1000 * float(metrics.nan_mean(moved[stands])) if stands.any() else math.nan


def world_scores(
    result: Motion, person: Person, truth: TruthPerson, moments: Moments, pairs: Sequence[JointPair]
) -> dict[str, float]:
    """The measures of a track against a person of the truth, by the keys of `kinema.evaluation.scoring.MEASURES`.

    For the joints of `pairs`, in the y-up worlds of both sides; {} if a side has none. truth: at the moments.
    """
    every = points_of(result, person, "body", "world")
    if every is None or truth.joints_world is None:
        return {}
    known = [np.isfinite(points).all(axis=-1).any(axis=-1) for points in (every[moments.rows], truth.joints_world)]
    rows = np.flatnonzero(known[0] & known[1])
    if len(rows) < FIRST:
        return {}
    pieces = moments.pieces[rows]
    ours, theirs = _Points(SMPL24.joints, every[moments.rows][rows]), _Points(truth.names, truth.joints_world[rows])
    compared = ours.of([pair.result for pair in pairs]), theirs.of([pair.truth for pair in pairs])
    feet = [name for name in FEET if name in truth.names]
    # Steps across moments at which the person is missing are unknown.
    stretches = pieces + np.r_[0, np.cumsum(np.diff(rows) > 1)]
    path, true_path = root_of(ours.points, ours.names), root_of(theirs.points, theirs.names)
    return {
        "wa_mpjpe_mm": 1000 * mean(world_mpjpe(*compared, pieces)),
        "w_mpjpe_mm": 1000 * mean(world_mpjpe(*compared, pieces, first=FIRST)),
        "rte_percent": metrics.root_trajectory_error(path, true_path, "rigid"),
        "feet_sliding_mm": feet_sliding(ours.of(feet), theirs.of(feet), stretches),
    }


@dataclass(frozen=True, eq=False)
class _Points:
    """Named points (N,J,3)."""

    names: tuple[str, ...]
    points: np.ndarray

    def of(self, names: Sequence[str]) -> np.ndarray:
        return self.points[:, [self.names.index(name) for name in names]]
