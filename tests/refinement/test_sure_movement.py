"""Accelerations that keypoints surely show: of strikes, not of noise or slips."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.refinement.sure_movement import HUMAN, coherent_noise, seen_lately, sure_acceleration


def noise_of(rate: int, level: float, frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(rate + seed).normal(0, level, (frames, 2))


@pytest.mark.parametrize("rate", [12, 24, 60])
def test_the_acceleration_of_a_parabola_is_found_under_noise(rate):
    times = np.arange(2 * rate) / rate
    fast = np.where(times[:, None] > 1, 15.0 * (times[:, None] - 1) ** 2 * [1.0, 0.5], 0.0)
    found = sure_acceleration(times, fast + noise_of(rate, 0.003, len(times)), np.ones(len(times)))
    # The most in a fifth of a second, of 33.5 m/s2 with the noise of second differences, 6.6 m/s2 on an axis.
    assert 27 < np.median(found[times > 1.3]) < 48


@pytest.mark.parametrize("rate", [24, 30, 60])
@pytest.mark.parametrize("level", [0.003, 0.02])
def test_noise_of_any_size_is_no_movement(rate, level):
    times = np.arange(4 * rate) / rate
    found = sure_acceleration(times, noise_of(rate, level, len(times)), np.ones(len(times)))
    assert np.mean(found > 0) < 0.1


@pytest.mark.parametrize("rate", [24, 25, 30, 60])
def test_a_strike_within_two_frames_is_movement(rate):
    times = np.arange(2 * rate) / rate
    strike = 0.4 / (1 + np.exp(-(times - 1) / 0.015))
    path = np.stack([strike, 0 * strike], axis=1) + noise_of(rate, 0.005, len(times))
    found = sure_acceleration(times, path, np.ones(len(times)))
    assert found[np.abs(times - 1) < 0.05].max() > 40
    assert np.mean(found[np.abs(times - 1) > 0.35] > 0) < 0.2


@pytest.mark.parametrize("rate", [24, 30, 60])
def test_a_slip_is_no_movement_nor_what_is_about_it(rate):
    times = np.arange(2 * rate) / rate
    path = 0.3 * np.sin(2 * np.pi * 2 * times)[:, None] * [1.0, 0.0] + noise_of(rate, 0.003, len(times))
    path[rate] += [0.0, HUMAN / rate**2]  # a half more than allowed, there and back
    found = sure_acceleration(times, path, np.ones(len(times)))
    assert not found[np.abs(times - times[rate]) < 0.09].any()
    assert found.max() > 20


def test_few_or_unseen_frames_show_nothing():
    path, times = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) / 30
    assert not sure_acceleration(times, path, np.zeros(30)).any()
    for frames in (1, 2, 4, 6):
        assert not sure_acceleration(times[:frames], path[:frames], np.ones(frames)).any()


@pytest.mark.parametrize("k", [1, 2])
def test_noise_is_told_from_movement(k):
    times = np.arange(300) / 30
    swing = 0.5 * np.stack([np.sin(9 * times), np.cos(7 * times)], axis=1)
    seen = np.ones(len(times), dtype=bool)
    assert np.median(coherent_noise(swing, seen, k, 12)) < 1e-3
    found = coherent_noise(0.05 * swing + noise_of(30, 0.01, len(times)), seen, k, 60)
    assert np.median(found) == pytest.approx(0.01, rel=0.2)


def test_a_blurred_moment_of_a_clear_point_counts_as_clear():
    times = np.arange(60) / 30
    confidence = np.full((60, 2), 0.9)
    confidence[28:32, 0] = 0.2
    confidence[:, 1] = 0.2
    clear, unsure = seen_lately(times, confidence).T
    assert clear.min() == 0.9
    assert unsure.max() == 0.2
