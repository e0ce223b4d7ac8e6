"""Similarity alignment: recovers what was done, never mirrors, is the best there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.geometry.alignment import align, kabsch, similarity
from kinema.geometry.rotations import axis_angle_to_matrix

seeds = st.integers(0, 2**32 - 1)


def moved(points, rng, scale=True):
    """Points after a random similarity, and the similarity."""
    lead = points.shape[:-2]
    s = rng.uniform(0.1, 10, lead) if scale else np.ones(lead)
    rotation = axis_angle_to_matrix(rng.normal(size=(*lead, 3)) * 2)
    translation = rng.normal(size=(*lead, 3)) * 5
    target = s[..., None, None] * points @ np.swapaxes(rotation, -1, -2) + translation[..., None, :]
    return target, s, rotation, translation


@pytest.mark.parametrize("lead", [(), (1,), (4,), (2, 3)])
@given(seeds, st.integers(3, 30), st.booleans())
def test_recovers_random_similarities(lead, seed, count, scale):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(*lead, count, 3))
    target, s, rotation, _ = moved(points, rng, scale)
    found = similarity(points, target, scale=scale)
    assert [f.shape for f in found] == [lead, (*lead, 3, 3), (*lead, 3)]
    np.testing.assert_allclose(found[0], s, rtol=1e-9)
    # Three points may lie almost on a line; the turn about it is then known less well.
    np.testing.assert_allclose(found[1], rotation, atol=1e-6 if count > 3 else 1e-3)
    np.testing.assert_allclose(align(points, target, scale=scale), target, atol=1e-8)


@given(seeds, st.sampled_from([1, 2, 3, 5]))
def test_flat_straight_and_single_points(seed, rank):
    """Points on a plane, a line, or all in one place: a proper rotation, and they still meet."""
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(3, 3))
    basis[rank - 1 if rank < 3 else 3 :] = 0
    points = rng.normal(size=(8, 3)) @ basis
    target, *_ = moved(points, rng)
    s, rotation, _ = similarity(points, target)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(align(points, target), target, atol=1e-7)
    assert np.isfinite(s)


def test_one_point():
    s, rotation, translation = similarity(np.array([[1.0, 2, 3]]), np.array([[4.0, 4, 4]]))
    assert s == 1
    np.testing.assert_allclose(rotation @ [1, 2, 3] + translation, [4, 4, 4])


@given(seeds)
def test_a_mirror_is_not_undone(seed):
    """The best proper rotation of a mirrored set keeps an error; a mirror would be a wrong answer of 0."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(10, 3))
    target, *_ = moved(points * [-1, 1, 1], rng)
    s, rotation, _ = similarity(points, target)
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert s >= 0
    assert np.linalg.norm(align(points, target) - target, axis=-1).max() > 1e-3


@given(seeds, st.booleans())
def test_no_small_change_is_better(seed, scale):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(12, 3))
    target = moved(points, rng, scale)[0] + rng.normal(size=(12, 3)) * 0.3
    s, rotation, translation = similarity(points, target, scale=scale)

    def error(s, rotation, translation):
        return np.sum((s * points @ rotation.T + translation - target) ** 2)

    best = error(s, rotation, translation)
    for _ in range(20):
        turn = axis_angle_to_matrix(rng.normal(size=3) * 1e-3)
        factor = np.exp(rng.normal() * 1e-3) if scale else 1.0
        assert error(s * factor, turn @ rotation, translation + rng.normal(size=3) * 1e-3) >= best - 1e-9


@given(seeds)
def test_aligned_error_does_not_depend_on_the_frame(seed):
    """PA-MPJPE is the same after any motion of the source."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, 14, 3))
    direct = np.linalg.norm(align(a, b) - b, axis=-1).mean()
    after = np.linalg.norm(align(moved(a, rng)[0], b) - b, axis=-1).mean()
    assert after == pytest.approx(direct, rel=1e-9)


def test_rigid_keeps_lengths():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 9, 3))
    out = align(a, 3 * b, scale=False)
    np.testing.assert_allclose(
        np.linalg.norm(out[1:] - out[:-1], axis=-1), np.linalg.norm(a[1:] - a[:-1], axis=-1), atol=1e-12
    )


@given(seeds, st.integers(3, 8), st.booleans())
def test_kabsch_finds_the_turn_and_never_a_mirror(seed, count, mirrored):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(4, count, 3))
    true = axis_angle_to_matrix(rng.normal(size=(4, 3)))
    target = vectors @ np.swapaxes(true, -1, -2)
    if mirrored:
        target = target * [-1, 1, 1]
    found = kabsch(vectors, target)
    np.testing.assert_allclose(np.linalg.det(found), 1, atol=1e-9)
    if not mirrored:
        np.testing.assert_allclose(vectors @ np.swapaxes(found, -1, -2), target, atol=1e-9)
