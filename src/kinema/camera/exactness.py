"""How exactly each point of the background was followed, from how well its place explains where it was seen.

Corners of a lit poster are followed to a tenth of a pixel, spots on a dim wall to one pixel, and no one loss is right
for both. Once most is known of the cameras, each point's own noise tells: its residuals and, since few sightings tell
little, some of the usual size. The cameras are then adjusted with that.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kinema.camera.bundle import Solution, Unknowns, adjust
from kinema.camera.resection import INLIER
from kinema.camera.views import Sightings, Views, seen

USUAL = 4.0
"""Coordinates of the usual size that count beside a point's own."""

RANGE = (0.3, 2.0)
"""How many times as exact as usual a point is at least, also one that is not explained at all, and at most: a residual
near none is luck."""

TIMES = 2
"""Adjustments, each with what the one before shows."""


def exactness(residuals: np.ndarray, point: np.ndarray, points: int) -> np.ndarray:
    """How many times as exact as usual each point (P,) is, from residuals (N,2) pixels of its sightings, point (N,)."""
    if not len(residuals):
        return np.full(points, RANGE[0])
    usual = (1.4826 * float(np.median(np.abs(residuals)))) ** 2 + 1e-6
    square = np.minimum(np.sum(residuals**2, axis=1), INLIER**2)
    count = np.bincount(point, minlength=points)
    free = np.maximum(2 * count - 3, 0)  # a place was found for each
    noise = (USUAL * usual + np.bincount(point, square, points)) / (USUAL + free)
    return np.where(count > 0, np.clip(np.sqrt(usual / noise), *RANGE), RANGE[0])


def with_exactness(
    solution: Solution, sightings: Sightings, placed: np.ndarray, unknowns: Unknowns
) -> tuple[Solution, np.ndarray]:
    """The solution again, and how exact its points (P,) are. sightings: all, of which those that fit its cameras that
    are `placed` (C,) bool count; unknowns: of these, without which of them stay."""
    views = solution.views
    residuals, ahead = _missed(views, sightings)
    fit = placed[sightings.camera] & ahead & (np.linalg.norm(residuals, axis=1) < INLIER)
    fit &= np.bincount(sightings.point[fit], minlength=len(views.points))[sightings.point] >= 2
    if not fit.any():
        return solution, np.ones(len(views.points))
    part, residuals = sightings.where(fit), residuals[fit]
    held = ~placed
    held[np.flatnonzero(placed)[0]] = True
    for _ in range(TIMES):
        exact = exactness(residuals, part.point, len(views.points))
        part = replace(part, exact=exact[part.point])
        solution = adjust(solution.views, part, replace(unknowns, held=held))
        residuals = solution.residuals
    return solution, exact


def _missed(views: Views, sightings: Sightings) -> tuple[np.ndarray, np.ndarray]:
    """Residuals (N,2) in pixels, and which (N,) points are before their cameras."""
    local, pixels = seen(views, sightings)
    return pixels - sightings.pixels, local[:, 2] > 0
