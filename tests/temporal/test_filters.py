"""The filter functions: what they promise to keep, how much noise they remove, and the published baselines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d
from scipy.signal import savgol_filter

from kinema.errors import UsageError
from kinema.temporal import filters
from tests.helpers.goldens import each_case, recording

EVEN = np.arange(90) / 30


def uneven(count: int, seed: int = 0) -> np.ndarray:
    """Frame times as phones write them: 1/30 s with dropped frames and jitter."""
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.choice([1, 1, 1, 2, 4], size=count) / 30 * rng.uniform(0.8, 1.2, size=count))


SMOOTHERS = {
    "whittaker2": lambda x, t, s: filters.whittaker(x, t, cutoff=filters.cutoff_for(s, 2), order=2),
    "whittaker3": lambda x, t, s: filters.whittaker(x, t, cutoff=filters.cutoff_for(s, 3), order=3),
    "savgol": lambda x, t, s: filters.savgol(x, t, window=filters.window_for(s)),
    "gaussian": lambda x, t, s: filters.gaussian(x, t, sigma=filters.sigma_for(s)),
    "butterworth": lambda x, t, s: filters.butterworth(x, t, cutoff=filters.cutoff_for(s, 2)),
    "oneeuro": lambda x, t, s: filters.one_euro(x, t, min_cutoff=filters.min_cutoff_for(s), beta=0.0),
    "median": lambda x, t, s: filters.median(x, t, window=s),
}
# Degree of the polynomials in time that a filter passes unchanged at any frame times, ends included.
KEEPS = {"whittaker2": 1, "whittaker3": 2, "savgol": 2, "gaussian": 1, "oneeuro": 0, "median": 0, "butterworth": 0}


@pytest.mark.parametrize("name", SMOOTHERS)
@pytest.mark.parametrize("times", [EVEN, uneven(90)], ids=["even", "uneven"])
def test_polynomials_that_a_filter_promises_to_keep_pass_unchanged(name, times):
    x = np.stack([1.7 * times**k for k in range(KEEPS[name] + 1)], axis=-1)
    assert np.allclose(SMOOTHERS[name](x, times, 0.3), x, atol=1e-4 * np.abs(x).max())


@pytest.mark.parametrize("name", ["whittaker2", "whittaker3", "savgol", "gaussian", "butterworth", "oneeuro"])
@pytest.mark.parametrize("seconds", [0.2, 0.4])
def test_white_noise_falls_as_the_seconds_say(name, seconds):
    times = np.arange(6000) / 60
    noise = np.random.default_rng(0).normal(size=(6000, 6))
    expected = np.sqrt(1 / 60 / seconds)
    # The formulas are those of continuous time; one frame in 12 leaves them off by up to 8 %.
    assert SMOOTHERS[name](noise, times, seconds).std() == pytest.approx(expected, rel=0.08)


@pytest.mark.parametrize("name", SMOOTHERS)
def test_filters_commute_with_shift_and_scale(name):
    x = np.random.default_rng(1).normal(size=(90, 5, 3))
    expected = 2.5 * SMOOTHERS[name](x, EVEN, 0.2) + 40.0
    assert np.allclose(SMOOTHERS[name](2.5 * x + 40.0, EVEN, 0.2), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["whittaker2", "whittaker3", "savgol", "gaussian", "butterworth"])
def test_zero_phase_filters_treat_time_forward_and_backward_alike(name):
    times = uneven(80, seed=3) if name != "butterworth" else EVEN[:80]
    x = np.random.default_rng(2).normal(size=(80, 3)).cumsum(axis=0)
    backward = SMOOTHERS[name](x[::-1], -times[::-1], 0.25)[::-1]
    # The forward-backward Butterworth treats its two ends differently; a second away nothing is left of it.
    inner = slice(30, -30) if name == "butterworth" else slice(None)
    assert np.allclose(SMOOTHERS[name](x, times, 0.25)[inner], backward[inner], atol=2e-3)


@pytest.mark.parametrize("name", SMOOTHERS)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_clips_shorter_than_the_window_keep_their_length_and_stay_in_range(name, count):
    x = np.random.default_rng(3).normal(size=(count, 2))
    out = SMOOTHERS[name](x, EVEN[:count], 0.6)
    assert out.shape == x.shape
    assert np.isfinite(out).all()
    assert np.abs(out).max() < 3 * np.abs(x).max() + 1e-9
    if count == 1:
        assert np.allclose(out, x)


@given(st.integers(5, 60), st.floats(0.05, 1.0), st.integers(0, 10_000))
def test_whittaker_minimises_its_own_functional(count, cutoff, seed):
    times = uneven(count, seed)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=count)
    weights = rng.uniform(0.1, 1.0, size=count)
    y = filters.whittaker(x, times, cutoff=cutoff, order=2, weights=weights)
    interval = (times[-1] - times[0]) / (count - 1)
    factor = (2 * np.pi * cutoff) ** -4 / interval

    def cost(curve: np.ndarray) -> float:
        slopes = np.diff(curve) / np.diff(times)
        span = (times[2:] - times[:-2]) / 2
        return float(np.sum(weights * (curve - x) ** 2) + factor * np.sum((np.diff(slopes) / span) ** 2 * span))

    best = cost(y)
    for _ in range(5):
        assert cost(y + 1e-3 * rng.normal(size=count)) >= best


def test_whittaker_interpolates_frames_of_weight_zero():
    x = 3.0 * EVEN[:30] + 1.0
    weights = np.ones(30)
    weights[10:14] = 0.0
    spoilt = np.where(weights > 0, x, 99.0)
    assert np.allclose(filters.whittaker(spoilt, EVEN[:30], cutoff=2.0, weights=weights), x, atol=1e-8)


def test_whittaker_stays_accurate_at_high_frame_rates_and_low_cutoffs():
    times = np.arange(2000) / 1000
    assert np.allclose(filters.whittaker(5 + times, times, cutoff=0.1, order=3), 5 + times, atol=1e-3)


def test_savgol_equals_scipy_on_even_times():
    x = np.random.default_rng(4).normal(size=(90, 4))
    assert np.allclose(filters.savgol(x, EVEN, window=10 / 30, degree=3), savgol_filter(x, 11, 3, axis=0), atol=1e-10)


def test_gaussian_equals_scipy_away_from_the_ends():
    x = np.random.default_rng(5).normal(size=(90, 4))
    assert np.allclose(filters.gaussian(x, EVEN, sigma=0.1)[12:-12], gaussian_filter1d(x, 3, axis=0)[12:-12])


def test_one_euro_is_calmer_at_rest_and_open_at_speed():
    rest = np.random.default_rng(6).normal(scale=0.001, size=(90, 3))
    fast = np.stack([np.sin(6 * EVEN), np.cos(6 * EVEN), 0 * EVEN], axis=-1)
    settings = {"min_cutoff": 0.5, "beta": 2.0}
    calm = filters.one_euro(rest, EVEN, **settings)[30:]  # the first frame is taken as it is
    assert calm.std() < 0.4 * rest.std()
    lag = np.abs(filters.one_euro(fast, EVEN, **settings) - fast)[30:].max()
    stiff = np.abs(filters.one_euro(fast, EVEN, min_cutoff=0.5, beta=0.0) - fast)[30:].max()
    assert lag < 0.3 * stiff
    both = np.abs(filters.one_euro(fast, EVEN, **settings, zero_phase=True) - fast)[30:-30].max()
    assert both < 0.3 * lag


def test_one_euro_of_points_does_not_depend_on_the_axes():
    x = np.random.default_rng(7).normal(size=(60, 3)).cumsum(axis=0)
    turn = np.linalg.qr(np.random.default_rng(8).normal(size=(3, 3)))[0]
    settings = {"min_cutoff": 1.0, "beta": 0.5}
    turned = filters.one_euro(x @ turn.T, EVEN[:60], **settings)
    assert np.allclose(turned, filters.one_euro(x, EVEN[:60], **settings) @ turn.T)


def test_median_removes_a_spike_and_leaves_a_ramp():
    x = EVEN[:60].copy()
    x[20] += 5.0
    out = filters.median(x, EVEN[:60], window=4.2 / 30)
    assert np.abs(out - EVEN[:60]).max() < 2 / 30


@pytest.mark.parametrize(
    "call",
    [
        lambda: filters.savgol(np.zeros(5), EVEN[:5], window=0.0),
        lambda: filters.savgol(np.zeros(5), EVEN[:5], window=1.0, degree=9),
        lambda: filters.gaussian(np.zeros(5), EVEN[:4], sigma=1.0),
        lambda: filters.whittaker(np.zeros(5), EVEN[4::-1], cutoff=1.0),
        lambda: filters.whittaker(np.zeros(5), EVEN[:5], cutoff=-1.0),
        lambda: filters.whittaker(np.zeros(5), EVEN[:5], cutoff=1.0, order=4),
        lambda: filters.one_euro(np.zeros(5), EVEN[:5], min_cutoff=1.0, beta=-1.0),
    ],
)
def test_impossible_settings_are_refused(call):
    with pytest.raises(UsageError):
        call()


@pytest.mark.golden
@each_case("clip", "smoothnet/golden_filters_metrics.npz", r"filter\.(\w+)\.x")
def test_filters_equal_the_published_baselines(clip):
    golden = recording("smoothnet/golden_filters_metrics.npz")
    x = golden[f"filter.{clip}.x"].astype(np.float64)
    times = np.arange(len(x), dtype=np.float64)  # the authors' time is the frame number
    tolerance = 1e-6 * (1 + np.abs(x).max())  # their results are float32
    savgol = filters.savgol(x, times, window=30.0, degree=2)
    assert np.abs(savgol - golden[f"filter.{clip}.savgol"]).max() < tolerance
    euro = filters.one_euro(x, times, min_cutoff=0.04, beta=0.7, d_cutoff=1.0, axes=0)
    assert np.abs(euro - golden[f"filter.{clip}.oneeuro"]).max() < tolerance
    assert np.abs(filters.gaussian_in_blocks(x) - golden[f"filter.{clip}.gaus1d"]).max() < tolerance
