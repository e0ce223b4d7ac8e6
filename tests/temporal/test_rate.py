"""The frame rate of the frames that are there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.checks import is_rate
from kinema.temporal.rate import frame_rate


@given(st.integers(2, 400), st.floats(0.1, 1000.0), st.floats(0.0, 1e4))
def test_a_constant_rate_is_exact(count, rate, start):
    assert frame_rate(start + np.arange(count) / rate) == pytest.approx(rate, rel=1e-4)


@given(st.integers(0, 2**32 - 1), st.sampled_from([24.0, 30.0, 59.94, 240.0]))
def test_dropped_frames_and_pauses_make_no_difference(seed, rate):
    rng = np.random.default_rng(seed)
    kept = np.flatnonzero(rng.random(200) > 0.15)
    times = kept / rate + np.where(np.arange(len(kept)) > len(kept) // 2, 10.0 ** rng.uniform(0, 6), 0.0)
    assert frame_rate(times) == pytest.approx(rate, rel=1e-4)


@pytest.mark.parametrize("count", [7, 60, 61, 240])
@pytest.mark.parametrize("first", [0, 1])
def test_pulldown_has_the_rate_of_the_film(count, first):
    steps = np.where((np.arange(count) + first) % 2, 2 / 60, 3 / 60)
    # A least-squares slope: the odd step's share falls with the square of the length.
    assert frame_rate(np.r_[0.0, np.cumsum(steps)]) == pytest.approx(24.0, rel=0.6 / count**1.5)


def test_the_rate_of_most_frames_counts():
    assert frame_rate(np.cumsum(np.r_[np.full(48, 1 / 24), np.full(16, 1 / 8)])) == pytest.approx(24.0)
    assert frame_rate(np.cumsum(np.tile([0.001, 0.1], 20))) > 0  # half of the steps are far shorter
    assert frame_rate(np.zeros(0)) == frame_rate(np.array([4.0])) == 30.0


@pytest.mark.parametrize("rate", [1e-300, 1e300, float("inf"), float("nan"), 0.0, -30.0])
def test_nonsense_is_no_rate(rate):
    assert not is_rate(rate)
    assert is_rate(30.0)
