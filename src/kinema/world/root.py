"""The root's path from feet that stand: a standing foot does not move, and it stands on the ground.

The fit's root is trusted across the viewing ray and little along it; feet in contact are still and at
the height of the ground. The offset that reconciles both is smooth in time: one banded least-squares
problem in three unknowns a frame.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

from kinema.refinement.filters import difference_coefficients
from kinema.world.ground import ALONG, RAISED
from kinema.world.tracks import MEMORY, Track

ACROSS = 0.02
"""Metres: how far the fitted root is off across the ray."""

STILL, STILL_MEMORY = 0.1, 0.1
"""m/s that a standing foot seems to move because its leg's pose is wrong, and for how long the same way."""

HEIGHT = 0.03
"""Metres that a standing foot seems off the ground because its leg's pose is wrong."""

ACCELERATION = 3.0
"""m/s^2: how fast the error of the root changes its course."""


def steady_root(track: Track, weight: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The offset (F,3) of the root of a track in the world under which the feet of `weight` (F,4) stand still.

    centre (3,): the camera's place. Solves for all frames of the track together.
    """
    times = track.times
    count = len(times)
    share = track.durations / MEMORY
    blocks = sight_information(track.root, centre) * share[:, None, None]
    right = np.zeros((count, 3))
    level = standing_level(track, centre)
    up = weight * share[:, None] / HEIGHT**2
    blocks[:, 1, 1] += up.sum(axis=1)
    right[:, 1] -= np.sum(up * (track.feet[..., 1] - level), axis=1)
    band = np.zeros((count, 3, 7))
    for d in range(3):
        band[:, : 3 - d, d] = np.diagonal(blocks, offset=-d, axis1=1, axis2=2)
    if count > 1:
        interval = np.diff(times)[:, None]
        still = np.minimum(weight[1:], weight[:-1]) / (STILL**2 * STILL_MEMORY * interval)  # (F-1,4)
        total = still.sum(axis=1)
        pull = np.einsum("fk,fkc->fc", still, np.diff(track.feet, axis=0))
        band[1:, :, 0] += total[:, None]
        band[:-1, :, 0] += total[:, None]
        band[:-1, :, 3] -= total[:, None]
        right[1:] -= pull
        right[:-1] += pull
    if count > 2:
        add_smoothness(band, times, np.full(3, ACCELERATION))
    return solveh_banded(band.reshape(3 * count, 7).T, right.ravel(), lower=True, check_finite=False).reshape(-1, 3)


def sight_information(root: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(F,3,3) inverse covariance of fitted roots (F,3) seen from `centre` (3,): firm across the ray, loose along."""
    ray = root - centre
    distance = np.maximum(np.linalg.norm(ray, axis=-1), 0.3)
    ray = ray / distance[:, None]
    along = ray[:, :, None] * ray[:, None, :]
    return (np.eye(3) - along) / ACROSS**2 + along / (ALONG * distance)[:, None, None] ** 2


def standing_level(track: Track, centre: np.ndarray) -> np.ndarray:
    """Height (F,4) of what each foot point stands on: 0, or its own height where that is clearly another floor."""
    height = track.feet[..., 1]
    return np.where(np.abs(height) < same_floor(centre), 0.0, height)


def same_floor(centre: np.ndarray) -> float:
    """Metres above or below the ground within which a foot belongs to it; more for a high camera."""
    return max(RAISED, 3 * ALONG * abs(float(centre[1])))


def add_smoothness(band: np.ndarray, times: np.ndarray, sigma: np.ndarray) -> None:
    """Add squared second time derivatives of n unknowns a frame to a lower band (F, n, > 2n), in place.

    sigma (n,): their standard deviations; a second of time counts as `1 / STILL_MEMORY` observations.
    """
    n = len(sigma)
    rows = len(times) - 2
    coefficients = difference_coefficients(times, 2)
    share = 0.5 * (times[2:] - times[:-2]) / STILL_MEMORY
    for i in range(3):
        for j in range(i + 1):
            product = coefficients[:, i] * coefficients[:, j] * share
            band[j : rows + j, :, n * (i - j)] += product[:, None] / sigma**2
