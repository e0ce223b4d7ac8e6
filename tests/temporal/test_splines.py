"""Smooth resampling: exact at the frames, smooth between them, straight across gaps, nothing across cuts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from kinema.temporal.splines import resample_axis_angle_cubic, resample_cubic

NO_CUTS = np.zeros(0, dtype=int)


def curve(seconds):
    return np.stack([np.sin(4 * seconds), 0.5 * np.cos(7 * seconds), 0.2 * seconds], axis=1)


@pytest.mark.parametrize("rate", [20.0, 23.976, 59.94])
def test_smooth_curves_come_out(rate):
    """Straight interpolation is off by up to 15 mm and 11 m/s2 at 20 frames a second; a cubic by less than a tenth."""
    times = np.arange(int(4 * rate)) / rate
    moments = np.arange(int(times[-1] * 30)) / 30
    off = resample_cubic(curve(times), times, moments, NO_CUTS) - curve(moments)
    assert np.abs(off).max() < 1e-3
    assert np.abs(np.diff(off[3:-3], 2, axis=0)).max() * 30**2 < 0.6
    turned = resample_axis_angle_cubic(curve(times), times, moments, NO_CUTS)
    apart = geodesic_angle(axis_angle_to_matrix(turned), axis_angle_to_matrix(curve(moments)))
    assert apart.max() < 4e-3


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 30))
def test_frames_are_kept(seed, count):
    """At the frames' own times, however uneven, the values are the frames' own."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.01, 0.1, count))
    first = np.flatnonzero(rng.random(count) < 0.1)
    first = first[first > 0]
    values, pose = rng.normal(size=(count, 3)), rng.normal(size=(count, 6))
    np.testing.assert_allclose(resample_cubic(values, times, times, first), values, atol=1e-9)
    turned = resample_axis_angle_cubic(pose, times, times, first).reshape(-1, 3)
    apart = geodesic_angle(axis_angle_to_matrix(turned), axis_angle_to_matrix(pose.reshape(-1, 3)))
    assert apart.max() < 1e-6


def test_a_gap_is_crossed_straight_and_a_shot_does_not_reach_into_another():
    times = np.r_[np.arange(10) / 25, 2 + np.arange(10) / 25]
    values = np.r_[np.sin(np.arange(10)), 5 + np.cos(np.arange(10))][:, None]
    moments = np.linspace(times[9], times[10], 9)
    straight = np.interp(moments, times, values[:, 0])
    np.testing.assert_allclose(resample_cubic(values, times, moments, NO_CUTS)[:, 0], straight, atol=1e-12)
    even = np.arange(20) / 25
    before = np.linspace(0, even[9], 40)
    alone = resample_cubic(values[:10], even[:10], before, NO_CUTS)
    np.testing.assert_allclose(resample_cubic(values, even, before, np.array([10])), alone, atol=1e-12)
