"""Places of the background that a travelling camera saw, and how exactly their distance is known."""

from __future__ import annotations

import numpy as np

from kinema.camera.normal_equations import sums_by_group
from kinema.camera.resection import INLIER
from kinema.camera.views import Sightings, Views, seen

VAGUE = 0.1
"""Standard deviation of a place's distance, as a fraction, from which it tells nothing."""

LEAST_NOISE = 0.1
"""Pixels: no point is followed more exactly."""


def landmarks(
    views: Views, sightings: Sightings, noise: float, exact: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Places (L,3) in the axes and the unit of the views, and the standard deviation (L,) of their distance from the
    cameras that see them, as a fraction.

    sightings: in cameras that were found; those that miss do not count. noise: pixels of a usual sighting; exact (P,):
    how many times as exact each point is. The cameras are taken as they are. Each sighting fixes a place across its
    ray; the inverse of the sum of what they fix is the covariance.
    """
    size = len(views.points)
    local, pixels = seen(views, sightings)
    fits = (np.linalg.norm(pixels - sightings.pixels, axis=1) < INLIER) & (local[:, 2] > 0)
    fits &= views.points[sightings.point, 3] > 0
    part = sightings.where(fits)
    point = part.point
    if not len(point):
        return np.zeros((0, 3)), np.zeros(0)
    places = views.points[:, :3] / np.maximum(views.points[:, 3:], 1e-12)
    ray = places[point] - views.centre[part.camera]
    distance = np.linalg.norm(ray, axis=1)
    ray = ray / distance[:, None]
    sigma = max(noise, LEAST_NOISE) / (1.0 if exact is None else exact[point])
    # In units of the square of the point's distance, so that the sums are well scaled.
    told = (np.exp(views.log_focal[part.camera]) / sigma) ** 2
    fixed = told[:, None, None] * (np.eye(3) - ray[:, :, None] * ray[:, None])
    total = sums_by_group(point, size)
    twice = np.flatnonzero(np.bincount(point, minlength=size) >= 2)
    information = (total @ fixed.reshape(-1, 9))[twice].reshape(-1, 3, 3)
    mean = (total @ ray)[twice]
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    least = 1e-9 * np.trace(information, axis1=1, axis2=2)[:, None, None] * np.eye(3)
    covariance = np.linalg.inv(information + least)
    vague = np.sqrt(np.einsum("pi,pij,pj->p", mean, covariance, mean))
    kept = vague < VAGUE
    return places[twice[kept]], vague[kept]
