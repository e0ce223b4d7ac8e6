"""Does the camera only turn, or does it travel? Asked of pairs of keyframes that are as far apart as points reach.

Torr's geometric robust information criterion (GRIC, "An assessment of information criteria for motion model selection",
CVPR 1997) weighs how well a model explains the points against how much it may explain: a turn leaves each point one
place (a two-dimensional variety), epipolar geometry a line (three dimensions).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kinema.camera.tracks import PointTracks
from kinema.camera.turning import rays, turn_between

SIGMA, DRIFT = 0.4, 0.04
"""Pixels: standard deviation of a followed point's place, and by how much it grows with the square root of the frames
between."""

FEWEST = 30
"""Points that a pair must share to be asked."""

PAIRS = 30
"""Pairs that are asked at most."""

ADVANTAGE = 0.25
"""By how much, for each point, epipolar geometry must be better for a pair that a turn does not explain."""

_DIMENSIONS = 4  # of a pair of points


@dataclass(frozen=True)
class Evidence:
    """travelled: share of the pairs of keyframes that a turn does not explain; parallax: pixels of the working image
    that a turn leaves unexplained, the median point of the pair at the 75th percentile."""

    travelled: float
    parallax: float


def evidence(tracks: PointTracks, keys: np.ndarray, log_focal: np.ndarray) -> Evidence:
    """Ask pairs of keyframes; log_focal (K,): of the keyframes, from the best turn."""
    pairs = far_pairs(tracks, keys, FEWEST)
    pairs = [pairs[i] for i in np.unique(np.linspace(0, len(pairs) - 1, PAIRS).astype(int))] if pairs else []
    found = [_advantage(tracks, keys, a, b, np.exp(log_focal)) for a, b in pairs]
    if not found:
        return Evidence(0.0, 0.0)
    advantage, left = np.array(found).T
    return Evidence(float(np.mean(advantage > ADVANTAGE)), float(np.percentile(left, 75)))


def far_pairs(tracks: PointTracks, keys: np.ndarray, fewest: int, share: float = 0.3) -> list[tuple[int, int]]:
    """For each keyframe the furthest later one with which it shares so many of its points; rows of `keys`."""
    pairs = []
    for a in range(len(keys) - 1):
        least = max(fewest, share * len(tracks.ids[keys[a]]))
        best = None
        for b in range(a + 1, len(keys)):
            if len(np.intersect1d(tracks.ids[keys[a]], tracks.ids[keys[b]], assume_unique=True)) < least:
                break
            best = b
        if best is not None:
            pairs.append((a, best))
    return pairs


def _advantage(tracks: PointTracks, keys: np.ndarray, a: int, b: int, focal: np.ndarray) -> tuple[float, float]:
    """By how much GRIC prefers epipolar geometry, for each point, and the pixels that a turn leaves unexplained."""
    _, before, after = tracks.common(keys[a], keys[b])
    before, after = before.astype(float), after.astype(float)
    ray = rays(before, focal[a], tracks.middle)
    turn = turn_between(ray, rays(after, focal[b], tracks.middle))
    there = ray @ turn.T
    missed = np.linalg.norm(focal[b] * there[:, :2] / there[:, 2:] + tracks.middle - after, axis=1)
    sigma = np.hypot(SIGMA, DRIFT * np.sqrt(keys[b] - keys[a]))
    count = len(before)
    turned = _gric(missed**2 / 2, sigma, 2, 4, count)  # half: both places are uncertain
    matrix = _epipolar(before, after, 2 * sigma)
    if matrix is None:
        return 0.0, float(np.median(missed))
    travelled = _gric(_sampson(matrix, before, after), sigma, 3, 7, count)
    return (turned - travelled) / count, float(np.median(missed))


def _epipolar(before: np.ndarray, after: np.ndarray, reach: float) -> np.ndarray | None:
    """The fundamental matrix (3,3) that most points follow within `reach` pixels; None if there is none."""
    try:
        matrix, _ = cv2.findFundamentalMat(before, after, cv2.USAC_MAGSAC, reach, 0.999, 2000)
    except cv2.error:  # its local optimisation fails on an assertion of its own where every sample was degenerate
        return None
    return matrix if matrix is not None and matrix.shape == (3, 3) else None


def _gric(square: np.ndarray, sigma: float, dimension: int, parameters: int, count: int) -> float:
    most = 2.0 * (_DIMENSIONS - dimension)
    explained = np.minimum(square / sigma**2, most).sum()
    return float(explained + np.log(_DIMENSIONS) * dimension * count + np.log(_DIMENSIONS * count) * parameters)


def _sampson(matrix: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Squared Sampson distances (n,) (Hartley and Zisserman, "Multiple View Geometry", 11.9)."""
    one = np.ones((len(before), 1))
    first, second = np.hstack([before, one]), np.hstack([after, one])
    forward, backward = first @ matrix.T, second @ matrix
    along = np.sum(forward[:, :2] ** 2, axis=1) + np.sum(backward[:, :2] ** 2, axis=1)
    return np.asarray(np.sum(second * forward, axis=1) ** 2 / np.maximum(along, 1e-12))
