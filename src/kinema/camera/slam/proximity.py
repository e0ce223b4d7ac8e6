"""Which frames to compare: edges between frames that see much of the same, spread over the graph."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

FARTHEST = 100.0
"""Pixels of distance from which frames are not compared."""

Pair = tuple[int, int]


def neighbours(count: int, radius: int) -> list[Pair]:
    """All edges, both ways, between frames at most `radius` apart."""
    return [(i, j) for i in range(count) for j in range(count) if 0 < abs(i - j) <= radius]


def nearby(
    distance: np.ndarray,
    known: Iterable[Pair],
    *,
    rows_from: int = 0,
    columns_from: int = 0,
    radius: int,
    apart: int,
    threshold: float,
    most: int,
) -> list[Pair]:
    """Edges to add, both ways, in order: those to the frames just before, then others by rising distance.

    distance (n,m) in pixels between frames rows_from… and columns_from…, up to the last one. known: edges that exist.
    radius: how many frames just before are always compared, less one; no other edges go to them. apart: how close to an
    edge no other is added (Manhattan distance in the plane of pairs), less near the diagonal. threshold: largest
    distance; most: edges after which no more are added.
    """
    left = np.array(distance, dtype=float)
    count = rows_from + left.shape[0]
    rows, columns = np.ogrid[rows_from:count, columns_from : columns_from + left.shape[1]]
    left[columns > rows - radius] = np.inf
    left[left > FARTHEST] = np.inf

    def suppress(i: int, j: int) -> None:
        reach = max(min(abs(i - j) - 2, apart), 0)
        left[np.abs(rows - i) + np.abs(columns - j) <= reach] = np.inf

    for i, j in known:
        suppress(i, j)
    found: list[Pair] = []
    for i in range(rows_from, count):
        for j in range(max(i - radius - 1, 0), i):
            found += [(i, j), (j, i)]
            left[(rows == i) & (columns == j)] = np.inf
    for place in np.argsort(left, axis=None, kind="stable"):
        row, column = np.unravel_index(place, left.shape)
        if left[row, column] > threshold:
            continue
        if len(found) > most:
            break
        i, j = rows_from + int(row), columns_from + int(column)
        found += [(i, j), (j, i)]
        suppress(i, j)
    return found
