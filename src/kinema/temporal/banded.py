"""Least squares over time with a banded normal matrix: derivatives couple neighbouring frames only.

Bands are in scipy's lower form: entry [d, i] of (width, N) is row i + d, column i of the matrix. With n
unknowns per frame a band is built as (F, n, width), [f, i, d] being the entry d below the diagonal of unknown i of
frame f, which is the transpose of that form without a copy.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.linalg import solveh_banded


def difference_coefficients(times: np.ndarray, order: int) -> np.ndarray:
    """(F - order, order + 1): row i times the values of frames i .. i + order gives their `order`-th derivative.

    Divided differences, exact for polynomials of degree `order` at arbitrary times.
    """
    times = np.asarray(times, dtype=np.float64)
    rows = len(times) - order
    coefficients = np.empty((rows, order + 1))
    for k in range(order + 1):
        gaps = [times[k : rows + k] - times[m : rows + m] for m in range(order + 1) if m != k]
        coefficients[:, k] = math.factorial(order) / np.prod(gaps, axis=0)
    return coefficients


def roughness_band(times: np.ndarray, order: int) -> np.ndarray:
    """The matrix of y -> integral of (d^order y / dt^order)^2 dt, in the lower band form of scipy.

    times (F,) seconds, F > order. Returns (order + 1, F).
    """
    difference = difference_coefficients(times, order)
    frames = len(times)
    spans = (times[order:] - times[: frames - order]) / order
    weighted = difference * spans[:, None]
    band = np.zeros((order + 1, frames))
    for offset in range(order + 1):
        for k in range(order + 1 - offset):
            band[offset, k : frames - order + k] += weighted[:, k] * difference[:, k + offset]
    return band


def band_of_blocks(blocks: np.ndarray, width: int) -> np.ndarray:
    """The band (F, n, width) of a matrix with symmetric blocks (F, n, n) on its diagonal; width >= n."""
    frames, n = blocks.shape[:2]
    band = np.zeros((frames, n, width))
    for d in range(n):
        band[:, : n - d, d] = np.diagonal(blocks, offset=-d, axis1=1, axis2=2)
    return band


def add_second_differences(
    band: np.ndarray, coefficients: np.ndarray, weigh: Callable[[np.ndarray], np.ndarray]
) -> None:
    """Add the sum of squared weighted second differences of n unknowns per frame to a band (F, n, > 2n), in place.

    coefficients (F - 2, 3): of the second difference at frames f, f + 1, f + 2. weigh: maps products (F - 2,) of two
    coefficients to their weighted value for each unknown, (F - 2, n).
    """
    rows, n = len(coefficients), band.shape[1]
    for i in range(3):
        for j in range(i + 1):
            band[j : rows + j, :, n * (i - j)] += weigh(coefficients[:, i] * coefficients[:, j])


def add_turned_second_differences(
    band: np.ndarray, coefficients: np.ndarray, precision: np.ndarray, turns: np.ndarray
) -> None:
    """The same for the last three of n unknowns per frame, a vector in axes of its frame's own, in place.

    band (F, n, > 2 n + 2); precision (F - 2, 3) of the second difference in the axes of frame f + 1;
    turns (F - 2, 3, 3, 3): into these from those of frames f, f + 1, f + 2.
    """
    rows, n = len(coefficients), band.shape[1]
    for i in range(3):
        for j in range(i + 1):
            product = (coefficients[:, i] * coefficients[:, j])[:, None, None]
            block = product * np.swapaxes(turns[:, i], -1, -2) @ (precision[..., None] * turns[:, j])
            for row in range(3):
                for column in range(3):
                    below = n * (i - j) + row - column
                    if below >= 0:
                        band[j : rows + j, n - 3 + column, below] += block[:, row, column]


def solve_band(band: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve for unknowns (F, n): band (F, n, width) positive definite, right (F, n). The band is overwritten."""
    frames, n, width = band.shape
    lower = band.reshape(frames * n, width).T
    solved = solveh_banded(lower, right.ravel(), lower=True, overwrite_ab=True, check_finite=False)
    return np.asarray(solved).reshape(frames, n)
