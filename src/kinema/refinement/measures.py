"""How shaky a motion is: acceleration and jerk of points, with the frames' true times."""

from __future__ import annotations

import numpy as np

from kinema.refinement.filters import difference_coefficients


def derivative(points: np.ndarray, times: np.ndarray, order: int) -> np.ndarray:
    """The `order`-th time derivative of points (F, ...) by divided differences: (F - order, ...), per s^order."""
    points = np.asarray(points, dtype=np.float64)
    if len(points) <= order:
        return np.zeros((0, *points.shape[1:]))
    coefficients = difference_coefficients(times, order)
    tail = (1,) * (points.ndim - 1)
    rows = len(points) - order
    return sum(coefficients[:, k].reshape(-1, *tail) * points[k : rows + k] for k in range(order + 1))


def jitter(points: np.ndarray, times: np.ndarray) -> float:
    """Mean length of the third derivative of points (F, J, 3): m/s^3; 0 for fewer than four frames."""
    return _mean_length(derivative(points, times, 3))


def acceleration(points: np.ndarray, times: np.ndarray) -> float:
    """Mean length of the second derivative of points (F, J, 3): m/s^2; 0 for fewer than three frames."""
    return _mean_length(derivative(points, times, 2))


def shakiness(points: np.ndarray, times: np.ndarray, pieces: list[slice]) -> dict[str, float]:
    """{"jitter": m/s^3, "acceleration": m/s^2} of points (F, J, 3), each piece alone, averaged over frames."""
    third = [derivative(points[piece], times[piece], 3) for piece in pieces]
    second = [derivative(points[piece], times[piece], 2) for piece in pieces]
    return {
        "jitter": round(_mean_length(np.concatenate(third)), 3) if third else 0.0,
        "acceleration": round(_mean_length(np.concatenate(second)), 4) if second else 0.0,
    }


def _mean_length(vectors: np.ndarray) -> float:
    return float(np.linalg.norm(vectors, axis=-1).mean()) if vectors.size else 0.0
