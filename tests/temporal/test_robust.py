"""The robust filter of tracks: the original authors' numbers, known signals, symmetries, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from kinema.errors import ShapeError, UsageError
from kinema.temporal.robust import (
    FAST,
    SLOW,
    distance_factors,
    filter_pieces,
    find_jumps,
    gentle_filter,
    given_back,
    kernels,
    noise_of,
    robust_filter,
    scale_about,
)
from tests.helpers.goldens import recording

TOLERANCE = 1e-4
"""Metres, as the recording states it: the original computes in float32."""
JUMP = 1.0


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    return recording("smoothing/golden.npz")


@pytest.mark.golden
def test_robust_filter_equals_the_original(recorded) -> None:
    found, weights = robust_filter(recorded["root"], recorded["weights"], recorded["kernel_large"])
    np.testing.assert_allclose(found, recorded["one_sided_free"], atol=TOLERANCE)
    np.testing.assert_allclose(weights, recorded["one_sided_free_w"], atol=TOLERANCE)


@pytest.mark.golden
def test_moving_mean_equals_the_original(recorded) -> None:
    found, _ = robust_filter(recorded["root_masked"], None, recorded["kernel_small"], rounds=0)
    np.testing.assert_allclose(found, recorded["mean_only"], atol=TOLERANCE)


@pytest.mark.golden
def test_pieces_equal_the_original(recorded) -> None:
    root, weights, kernel = recorded["root"], recorded["weights"], recorded["kernel_large"]
    starts = find_jumps(root, weights, kernel, threshold=JUMP)
    np.testing.assert_array_equal(starts, recorded["split_indices"])
    found, new = filter_pieces(root, weights, kernel, starts)
    np.testing.assert_allclose(found, recorded["two_sided"], atol=TOLERANCE)
    np.testing.assert_allclose(new, recorded["two_sided_w"], atol=TOLERANCE)


@pytest.mark.golden
def test_points_in_pieces_equal_the_original(recorded) -> None:
    found, weights = filter_pieces(
        recorded["points"], recorded["points_w"], recorded["kernel_small"], recorded["split_indices"]
    )
    np.testing.assert_allclose(found, recorded["points_smooth"], atol=TOLERANCE)
    np.testing.assert_allclose(weights, recorded["points_smooth_w"], atol=TOLERANCE)


def _walk(frames: int = 60) -> np.ndarray:
    time = np.arange(frames)[:, None] / 30
    return np.concatenate([1.2 * time, 0.03 * np.sin(9 * time), 4 + 0.1 * time], axis=1)


def test_one_outlier_moves_the_median_far_less_than_the_mean() -> None:
    truth = _walk()
    seen = truth.copy()
    seen[25] += [0, 3.0, 0]
    median, _ = robust_filter(seen, None, SLOW.points)
    mean, _ = robust_filter(seen, None, SLOW.points, rounds=0)
    clean, _ = robust_filter(truth, None, SLOW.points)
    # The outlier holds 12 of 20 parts of the kernel at its own frame, so a neighbour tells what robustness brings.
    assert np.abs(median - clean)[[24, 26]].max() < 0.03
    assert np.abs(mean - clean)[[24, 26]].max() > 0.3


@pytest.mark.parametrize("kernel", [SLOW.pelvis, FAST.pelvis], ids=["slow", "fast"])
def test_a_jump_is_found_at_its_frame_and_not_smoothed_over(kernel: np.ndarray) -> None:
    truth = _walk()
    truth[33:] += [2.5, 0, 0]
    starts = find_jumps(truth, None, kernel, threshold=JUMP)
    np.testing.assert_array_equal(starts, [33])
    found, _ = filter_pieces(truth, None, kernel, starts)
    # A piece's end is filtered by its past alone, which lags a walk of 4 cm a frame by a few frames.
    assert np.abs(found - truth).max() < 0.15


def test_ends_that_go_on_do_not_lag() -> None:
    """A straight walk stays where it is up to its ends, which the plain filter pulls back by centimetres."""
    straight = np.arange(40)[:, None] * [0.04, 0.0, 0.01]
    starts = np.array([25])
    kept, weights = filter_pieces(straight, None, SLOW.pelvis, starts, goes_on=True)
    np.testing.assert_allclose(kept, straight, atol=1e-4)
    assert (weights > 0).all()
    plain, _ = filter_pieces(straight, None, SLOW.pelvis, starts)
    assert np.linalg.norm(plain - straight, axis=1)[[0, 24, 25, 39]].min() > 0.01
    one, _ = filter_pieces(straight[:1], None, SLOW.pelvis, np.zeros(0, int), goes_on=True)
    np.testing.assert_allclose(one, straight[:1], atol=1e-12)


def test_clear_movement_is_given_back_and_noise_is_not() -> None:
    """Of a quick circle hardly anything is lost; with noise on it, as little of that is left as of the plain filter."""
    time = np.arange(120)[:, None] / 30
    circle = 0.4 * np.concatenate([np.cos(4 * time), np.sin(4 * time), 0.1 * time], axis=1)
    even, whole, rng = np.ones(120), np.zeros(0, dtype=int), np.random.default_rng(6)
    plain, gentle = (
        np.linalg.norm(run(circle, even, SLOW.pelvis, whole)[0] - circle, axis=1)[8:-8].mean()
        for run in (filter_pieces, gentle_filter)
    )
    assert plain > 0.004
    assert gentle < plain / 5
    noisy = circle + rng.normal(0, 0.03, circle.shape)
    np.testing.assert_allclose(noise_of(noisy, even), 3 * 0.03**2, rtol=0.35)
    left = [
        np.linalg.norm(run(noisy, even, SLOW.pelvis, whole)[0] - circle, axis=1).mean()
        for run in (filter_pieces, gentle_filter)
    ]
    assert left[1] < 1.1 * left[0]


def test_noise_is_measured_where_frames_follow_each_other() -> None:
    values, weights = np.random.default_rng(7).normal(size=(200, 4, 3)), np.ones((200, 4))
    weights[:, 1], weights[::3, 2] = 0, 0
    found = noise_of(values, weights)
    np.testing.assert_allclose(found[[0, 3]], 3, rtol=0.3)
    np.testing.assert_array_equal(found[[1, 2]], 0)
    np.testing.assert_array_equal(noise_of(values[:3], weights[:3]), 0)
    np.testing.assert_array_equal(given_back(np.array([0.0, 1.0]), np.array([1.0, 0.0]), SLOW.points), [0, 1])


def test_a_walk_has_no_jumps() -> None:
    assert not len(find_jumps(_walk(), None, SLOW.pelvis, threshold=JUMP))


def test_the_original_may_split_a_track_whose_end_is_missing() -> None:
    """Nothing in reach counts as the origin there, so the distance itself is the gap, and its maximum a jump."""
    seen = _walk()
    seen[:, 2] = 4 - np.abs(np.arange(60) - 52) * 0.01
    seen[50:] = np.nan
    assert not len(find_jumps(seen, None, FAST.pelvis, threshold=JUMP))
    starts = find_jumps(seen, None, FAST.pelvis, threshold=JUMP, parity=True)
    assert len(starts)
    assert starts.min() >= 50


def test_missing_frames_count_for_nothing_and_stay_missing_out_of_reach() -> None:
    truth = _walk()
    seen = truth.copy()
    seen[20:30] = np.nan
    found, weights = robust_filter(seen, None, SLOW.points)
    other, _ = robust_filter(np.where(np.isnan(seen), 99.0, seen), np.isfinite(seen[:, 0]).astype(float), SLOW.points)
    np.testing.assert_array_equal(found, other)
    missing = np.isnan(found).any(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(missing), np.arange(22, 28))
    assert not weights[missing].any()
    assert weights[~missing].all()


def test_a_track_without_a_value_stays_without() -> None:
    found, weights = robust_filter(np.full((4, 3), np.nan), None, SLOW.points)
    assert np.isnan(found).all()
    assert not weights.any()
    assert not len(find_jumps(np.full((4, 3), np.nan), None, SLOW.pelvis, threshold=JUMP))


def test_one_frame_stays_as_it_is() -> None:
    point = np.array([[1.0, 2.0, 3.0]])
    np.testing.assert_allclose(robust_filter(point, None, SLOW.pelvis)[0], point, rtol=0, atol=1e-15)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(1, 30))
def test_moving_the_world_moves_the_result(seed: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    values, weights = rng.normal(size=(frames, 3)), rng.uniform(0.1, 2, frames)
    turn, shift = Rotation.random(random_state=rng).as_matrix(), rng.normal(size=3)
    found, new = robust_filter(values, weights, SLOW.points)
    moved, moved_new = robust_filter(values @ turn.T + shift, weights, SLOW.points)
    np.testing.assert_allclose(moved, found @ turn.T + shift, atol=1e-9)
    np.testing.assert_allclose(moved_new, new, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(1, 30))
def test_time_reversed_is_the_result_reversed(seed: int, frames: int) -> None:
    values = np.random.default_rng(seed).normal(size=(frames, 5, 3))
    found, _ = robust_filter(values, None, FAST.points)
    backwards, _ = robust_filter(values[::-1], None, FAST.points)
    np.testing.assert_allclose(backwards[::-1], found, atol=1e-9)


def test_scaling_about_the_camera_reaches_the_distance_and_keeps_the_direction() -> None:
    rng = np.random.default_rng(5)
    camera, wanted = rng.normal(size=(8, 3)), rng.uniform(0.7, 1.4, 8)
    pelvis = camera + [0, 0, 4] + 0.3 * rng.normal(size=(8, 3))
    target = camera + wanted[:, None] * (pelvis - camera)
    np.testing.assert_allclose(distance_factors(pelvis, target, camera), wanted, rtol=1e-12)
    sideways = np.cross(pelvis - camera, [0, 1, 0])
    np.testing.assert_allclose(distance_factors(pelvis, pelvis + sideways, camera), 1, rtol=1e-12)
    moved = scale_about(np.stack([pelvis, pelvis + 1], axis=1), camera, wanted)
    np.testing.assert_allclose(moved[:, 0], target, rtol=1e-12)


def test_a_point_in_the_camera_has_no_factor() -> None:
    zero = np.zeros((2, 3))
    assert np.isnan(distance_factors(zero, zero + 1, zero)).all()


def test_kernels_by_frame_rate() -> None:
    assert kernels(39.9) is SLOW
    assert kernels(40) is FAST
    for each in (SLOW, FAST):
        for kernel in (each.pelvis, each.points, each.distance):
            np.testing.assert_array_equal(kernel, kernel[::-1])


def test_kernels_of_low_rates_reach_as_far_in_time() -> None:
    """At a third of the rate the neighbours are three taps away, where the kernel of the points has nothing left."""
    slow = kernels(10)
    assert slow.points[2] == 12
    assert slow.points.sum() == 12
    np.testing.assert_allclose(slow.pelvis[[4, 5, 6]], [0.1, 6, 0.1], atol=1e-12)
    assert kernels(10, parity=True) is SLOW


@pytest.mark.parametrize("fps", [0, -30, np.nan, np.inf])
def test_no_kernel_for_an_impossible_rate(fps: float) -> None:
    with pytest.raises(UsageError, match="`fps` must be a positive number"):
        kernels(fps)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match="weights"):
        robust_filter(np.zeros((5, 3)), np.ones(4), SLOW.points)
    with pytest.raises(ShapeError, match="at least one frame"):
        robust_filter(np.zeros((0, 3)), None, SLOW.points)
    with pytest.raises(ShapeError, match="one point"):
        find_jumps(np.zeros((5, 2, 3)), None, SLOW.points, threshold=JUMP)
    with pytest.raises(ShapeError, match="camera"):
        distance_factors(np.zeros((5, 3)), np.zeros((5, 3)), np.zeros((4, 3)))


def test_wrong_values_are_refused() -> None:
    with pytest.raises(UsageError, match="negative"):
        robust_filter(np.zeros((2, 3)), np.array([1.0, -1.0]), SLOW.points)
    with pytest.raises(UsageError, match="odd number of taps"):
        robust_filter(np.zeros((2, 3)), None, np.ones(4))
    with pytest.raises(UsageError, match="rising order"):
        filter_pieces(np.zeros((4, 3)), None, SLOW.points, np.array([3, 1]))
