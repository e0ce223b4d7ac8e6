"""Smooth curves through a few keyframes: the building blocks of procedural motions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def minimum_jerk(u: np.ndarray) -> np.ndarray:
    """Minimum-jerk interpolation from 0 at u=0 to 1 at u=1, at rest at both ends (Flash and Hogan 1985, equation 3)."""
    u = np.clip(u, 0, 1)
    return np.asarray(u**3 * (10 - 15 * u + 6 * u**2))


class Keys:
    """A value over time that rests at its keys and moves between them with minimum jerk.

    keys: (time, value) pairs in order of time; before the first and after the last the value is constant.
    """

    def __init__(self, keys: Sequence[tuple[float, float]] = ((0.0, 0.0),)) -> None:
        self.times = np.array([time for time, _ in keys], dtype=np.float64)
        self.values = np.array([value for _, value in keys], dtype=np.float64)
        if np.any(np.diff(self.times) <= 0):
            raise ValueError("the times of a curve's keys must increase")

    def __call__(self, times: np.ndarray) -> np.ndarray:
        """Values at `times` (T,) -> (T,)."""
        before = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, len(self.times) - 1)
        after = np.minimum(before + 1, len(self.times) - 1)
        span = np.where(after > before, self.times[after] - self.times[before], 1.0)
        part = minimum_jerk((times - self.times[before]) / span)
        return np.asarray(self.values[before] + part * (self.values[after] - self.values[before]))


class Wander:
    """A gentle random sway around 0: a few sine waves between 0.15 and 0.6 Hz; `size` is its root mean square."""

    def __init__(self, rng: np.random.Generator, size: float) -> None:
        self.size = size
        self.frequencies = rng.uniform(0.15, 0.6, 5)
        self.phases = rng.uniform(0, 2 * np.pi, 5)

    def __call__(self, times: np.ndarray) -> np.ndarray:
        """Values at `times` (T,) -> (T,)."""
        waves = np.sin(2 * np.pi * self.frequencies * np.asarray(times)[:, None] + self.phases)
        return np.asarray(self.size * np.sqrt(2 / 5) * waves.sum(axis=1))
