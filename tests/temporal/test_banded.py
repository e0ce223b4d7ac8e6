"""Banded systems are the dense ones they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from kinema.temporal.banded import (
    add_second_differences,
    add_turned_second_differences,
    band_of_blocks,
    difference_coefficients,
    roughness_band,
    solve_band,
)

seeds = st.integers(0, 2**32 - 1)


def uneven_times(rng, count):
    return np.cumsum(rng.uniform(0.02, 0.1, count))


@pytest.mark.parametrize("order", [1, 2, 3])
@given(seeds, st.integers(5, 20))
def test_differences_are_exact_for_polynomials(order, seed, count):
    times = uneven_times(np.random.default_rng(seed), count)
    coefficients = difference_coefficients(times, order)
    for degree in range(order + 1):
        values = times**degree
        found = sum(coefficients[:, k] * values[k : len(coefficients) + k] for k in range(order + 1))
        size = np.abs(coefficients).sum(axis=1) * np.abs(values).max()
        expected = [0, 1, 2, 6][order] if degree == order else 0
        assert np.all(np.abs(found - expected) <= 1e-9 * size + 1e-9)


def dense(lower):
    """A symmetric matrix from scipy's lower band."""
    width, size = lower.shape
    matrix = np.zeros((size, size))
    for d in range(width):
        matrix += np.diag(lower[d, : size - d], -d) + (np.diag(lower[d, : size - d], d) if d else 0)
    return matrix


def matrix_of(coefficients, count):
    """(F - order, F) the differences as a matrix."""
    order = coefficients.shape[1] - 1
    out = np.zeros((count - order, count))
    for k in range(order + 1):
        out[np.arange(count - order), np.arange(count - order) + k] = coefficients[:, k]
    return out


@given(seeds, st.integers(4, 12), st.sampled_from([1, 2, 3]))
def test_roughness_is_the_square_of_the_differences(seed, count, order):
    times = uneven_times(np.random.default_rng(seed), count)
    difference = matrix_of(difference_coefficients(times, order), count)
    spans = (times[order:] - times[:-order]) / order
    expected = difference.T @ (spans[:, None] * difference)
    np.testing.assert_allclose(dense(roughness_band(times, order)), expected, atol=1e-12 * np.abs(expected).max())


@given(seeds, st.integers(3, 9), st.integers(1, 4))
def test_a_solved_band_solves_the_dense_system(seed, count, n):
    rng = np.random.default_rng(seed)
    blocks = rng.normal(size=(count, n, n))
    blocks = blocks @ np.swapaxes(blocks, 1, 2) + np.eye(n)
    times, weights, right = uneven_times(rng, count), rng.uniform(0.1, 1, (count - 2, n)), rng.normal(size=(count, n))
    coefficients = difference_coefficients(times, 2) / 1e3
    band = band_of_blocks(blocks, 2 * n + 1)
    add_second_differences(band, coefficients, lambda product: product[:, None] * weights)
    matrix = np.zeros((count * n, count * n))
    for frame in range(count):
        matrix[frame * n : frame * n + n, frame * n : frame * n + n] = blocks[frame]
    difference = matrix_of(coefficients, count)
    for unknown in range(n):
        matrix[unknown::n, unknown::n] += difference.T @ (weights[:, unknown, None] * difference)
    np.testing.assert_allclose(dense(band.reshape(count * n, -1).T), matrix, atol=1e-9 * np.abs(matrix).max())
    expected = np.linalg.solve(matrix, right.ravel()).reshape(count, n)
    np.testing.assert_allclose(solve_band(band, right), expected, rtol=1e-6, atol=1e-6)


@given(seeds, st.integers(3, 9), st.integers(3, 5))
def test_second_differences_of_vectors_in_axes_that_turn(seed, frames, unknowns):
    rng = np.random.default_rng(seed)
    coefficients = difference_coefficients(uneven_times(rng, frames), 2)
    precision = rng.uniform(0.5, 2.0, (frames - 2, 3))
    turns = Rotation.random(3 * (frames - 2), random_state=seed % 2**31).as_matrix().reshape(-1, 3, 3, 3)
    band = np.zeros((frames, unknowns, 2 * unknowns + 3))
    add_turned_second_differences(band, coefficients, precision, turns)
    expected = np.zeros((frames * unknowns, frames * unknowns))
    for f in range(frames - 2):
        rows = np.zeros((3, frames * unknowns))
        for i in range(3):
            end = (f + i + 1) * unknowns
            rows[:, end - 3 : end] = coefficients[f, i] * turns[f, i]
        expected += rows.T @ (precision[f][:, None] * rows)
    np.testing.assert_allclose(
        dense(band.reshape(-1, 2 * unknowns + 3).T), expected, atol=1e-9 * np.abs(expected).max()
    )
