"""Three taps by Winograd's minimal filtering are the same filter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.models.videopose3d.winograd import ThreeTaps


def direct(x: np.ndarray, taps: np.ndarray, bias: np.ndarray, dilation: int) -> np.ndarray:
    """The filter as defined, in float64."""
    count = len(x) - 2 * dilation
    sums = sum(x[k * dilation : k * dilation + count].astype(np.float64) @ taps[k] for k in range(3))
    return np.maximum(sums + bias, 0)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 90), dilation=st.integers(1, 30), seed=st.integers(0, 99))
def test_any_length_and_dilation(count, dilation, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count + 2 * dilation, 8)).astype(np.float32)
    taps, bias = rng.normal(size=(3, 8, 5)), rng.normal(size=5)
    found, want = ThreeTaps(taps, bias, dilation)(x), direct(x, taps, bias, dilation)
    assert found.shape == want.shape == (count, 5)
    np.testing.assert_allclose(found, want, atol=3e-6 * max(want.max(), 1))  # sums of 24 float32 products


@pytest.mark.parametrize("dilation", [3, 81])
def test_rounding_with_the_published_width(dilation):
    """Below 4e-6 of the largest value (2e-6 here), where the goldens allow the whole network 1e-5."""
    rng = np.random.default_rng(1)
    x = np.maximum(rng.normal(size=(400, 1024)), 0).astype(np.float32)
    taps = rng.normal(size=(3, 1024, 1024)) / np.sqrt(3 * 1024)
    found, want = ThreeTaps(taps, np.zeros(1024), dilation)(x), direct(x, taps, np.zeros(1024), dilation)
    assert np.abs(found - want).max() < 4e-6 * want.max()
