"""Cameras from points whose places are known, many frames at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kinema.camera.views import LOSS, NEAREST, Sightings, Views, cauchy, seen, slopes
from kinema.geometry.rotations import axis_angle_to_matrix

INLIER = 2.5
"""Pixels of the working image within which a point is where its camera says."""


def resect(views: Views, sightings: Sightings, *, moves: bool, rounds: int = 10) -> tuple[Views, np.ndarray]:
    """Turn each camera, and move it if it `moves`, so that it sees the known points where they are seen; and the
    residuals (N,2) in pixels. Robust Gauss-Newton steps; the points stay.

    The robust loss is wide at first, because the start may be many pixels off.
    """
    count, width = len(views.rotation), 6 if moves else 3
    for number in range(rounds):
        local, pixels = seen(views, sightings)
        residuals = pixels - sightings.pixels
        loss = LOSS * max(1.0, 16.0 / 2**number)
        root = np.sqrt(np.where(local[:, 2] <= NEAREST, 0.0, cauchy(residuals, loss)[0]))[:, None]
        slope = slopes(views, sightings, local)
        own = np.concatenate([slope.turn, slope.centre], axis=2)[:, :, :width] * root[:, :, None]
        blocks = np.einsum("nri,nrj->nij", own, own).reshape(len(own), -1)
        right = np.einsum("nri,nr->ni", own, residuals * root)
        summed = np.stack([np.bincount(sightings.camera, each, count) for each in np.hstack([blocks, right]).T], axis=1)
        matrix = summed[:, : width * width].reshape(count, width, width)
        diagonal = np.einsum("cii->ci", matrix)
        matrix = matrix + np.eye(width) * (1e-6 * diagonal + 1e-9)[:, None]
        change = -np.linalg.solve(matrix, summed[:, width * width :, None])[..., 0]
        views = replace(views, rotation=axis_angle_to_matrix(change[:, :3]) @ views.rotation)
        if moves:
            views = replace(views, centre=views.centre + change[:, 3:])
        if np.abs(change).max(initial=0.0) < 1e-7 and loss == LOSS:
            break
    local, pixels = seen(views, sightings)
    residuals = pixels - sightings.pixels
    residuals[local[:, 2] <= NEAREST] = 1e3
    return views, residuals
