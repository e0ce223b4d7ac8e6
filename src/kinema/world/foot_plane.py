"""The ground as the plane that most footprints of a clip share, found by RANSAC, as the NLF video pipeline does it.

`kinema.world.ground` asks where the feet stand still. This one asks only that toes be low most of the time, and is
meant for reproducing that pipeline's numbers. RANSAC: Fischler and Bolles 1981.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from kinema.errors import InputError, ShapeError

DRAWS = 5000
INLIER = 0.025
"""Metres from a drawn plane within which a point belongs to it."""
MOST_LEAN = np.radians(60)
"""A plane that leans more than this from the camera's up is not the ground."""
BINS, REACH = 100, 0.2
"""Heights are counted in this many bins over the median plus and minus this many metres."""
CHUNK_FLOATS = 4_000_000
"""Size limit, in elements, of the table of distances from drawn planes."""


@dataclass(frozen=True, eq=False)
class FootPlane:
    """up (3,): the unit normal. height: of the ground along `up`, metres. leans: too much, so `up` is the camera's."""

    up: np.ndarray
    height: float
    leans: bool


def foot_plane(toes: np.ndarray, up: np.ndarray, *, draws: random.Random | None = None) -> FootPlane:
    """The plane of the feet: toes (..., 3) metres, camera's up (3,), both in one frame. NaN points are left out.

    draws: the generator of the drawn triples, of seed 0 if None. Raises InputError where fewer
    than three points were seen, or all lie on one line.
    """
    toes, up = np.asarray(toes, dtype=np.float64), np.asarray(up, dtype=np.float64)
    if toes.shape[-1:] != (3,) or up.shape != (3,):
        raise ShapeError(f"toes must be (..., 3) and up (3,), found {toes.shape} and {up.shape}")
    if not np.linalg.norm(up) > 0:
        raise InputError(f"up must be a direction, found {up.tolist()}")
    up = up / np.linalg.norm(up)
    points = toes.reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=1)]
    normal = plane_normal(points[_largest_plane(points, draws or random.Random(0))])
    normal = normal if normal @ up >= 0 else -normal
    leans = bool(np.arccos(np.clip(normal @ up, -1, 1)) > MOST_LEAN)
    chosen = up if leans else normal
    return FootPlane(chosen, _fullest_height(points @ chosen), leans)


def plane_normal(points: np.ndarray) -> np.ndarray:
    """The unit normal (3,) of the plane of least squared distance to points (N,3), of either sign."""
    return np.asarray(np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][-1])


def _largest_plane(points: np.ndarray, draws: random.Random) -> np.ndarray:
    """Which points (N,) lie in the drawn plane that holds most of them."""
    if len(points) < 3:
        raise InputError(f"a ground plane needs at least three toes that were seen, found {len(points)}")
    triple = points[_triples(len(points), draws)]
    normal = np.cross(triple[:, 1] - triple[:, 0], triple[:, 2] - triple[:, 0])
    length = np.linalg.norm(normal, axis=1)
    flat = length > 1e-12
    if not flat.any():
        raise InputError("the toes lie on one line, which is in no one plane: give more frames or a known ground")
    normal, triple = normal[flat] / length[flat, None], triple[flat]
    offset = np.sum(normal * triple[:, 0], axis=1)
    best, most = np.zeros(len(points), dtype=bool), 0
    step = max(1, CHUNK_FLOATS // len(points))
    for start in range(0, len(normal), step):
        chunk = slice(start, start + step)
        inside = np.abs(normal[chunk] @ points.T - offset[chunk, None]) <= INLIER
        counts = inside.sum(axis=1)
        winner = int(counts.argmax())
        if counts[winner] > most:
            best, most = inside[winner].copy(), int(counts[winner])
    return best


def _triples(count: int, draws: random.Random) -> np.ndarray:
    """Draws of three different numbers below `count`: (DRAWS,3), from Python's generator, which the original uses."""
    return np.array([draws.sample(range(count), 3) for _ in range(DRAWS)])


def _fullest_height(heights: np.ndarray) -> float:
    median = np.median(heights)
    counts, edges = np.histogram(heights, bins=BINS, range=(median - REACH, median + REACH))
    fullest = int(counts.argmax())
    return float((edges[fullest] + edges[fullest + 1]) / 2)
