"""Acceleration and jitter of a motion's joints, from the true frame times."""

from __future__ import annotations

import numpy as np

from kinema.metrics import jitter, time_derivative

SMOOTHING = "smoothing"
"""Key in a person's `data` of the figures of `what_changed`."""


def shakiness(points: np.ndarray, times: np.ndarray, pieces: list[slice]) -> dict[str, float]:
    """{"jitter": m/s^3, "acceleration": m/s^2} of points (F, J, 3) at times (F,), means over joints and frames.

    Each piece of the track is evaluated separately. Too few frames give 0.
    """
    third = [jitter(points[piece], times[piece]).ravel() for piece in pieces]
    second = [np.linalg.norm(time_derivative(points[piece], times[piece], 2), axis=-1).ravel() for piece in pieces]
    return {"jitter": round(_mean(third), 3), "acceleration": round(_mean(second), 4)}


def what_changed(
    before: np.ndarray, after: np.ndarray, times: np.ndarray, pieces: list[slice]
) -> dict[str, dict[str, float] | float]:
    """The figures in a stage's record for a person's points (F, J, 3): acceleration and jitter before and after, and
    mean displacement (metres)."""
    return {
        "before": shakiness(before, times, pieces),
        "after": shakiness(after, times, pieces),
        "moved": round(float(np.linalg.norm(after - before, axis=-1).mean()), 5),
    }


def _mean(values: list[np.ndarray]) -> float:
    together = np.concatenate(values) if values else np.zeros(0)
    return float(together.mean()) if len(together) else 0.0
