"""Cameras from points whose places are known, many frames at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kinema.camera.views import LOSS, NEAREST, Sightings, Views, cauchy, jacobians, seen, squares
from kinema.geometry.rotations import axis_angle_to_matrix

INLIER = 2.5
"""Pixels of the working image within which a point is where its camera says."""


def resect(views: Views, sightings: Sightings, *, moves: bool, rounds: int = 10) -> tuple[Views, np.ndarray]:
    """Turn each camera, and move it if it `moves`, so that it sees the known points where they are seen; and the
    residuals (N,2) in pixels. Robust Gauss-Newton steps; the points stay.

    The robust loss is wide at first, because the start may be many pixels off.
    """
    count, width = len(views.rotation), 6 if moves else 3
    order = np.argsort(sightings.camera, kind="stable")
    part = sightings.where(order)
    starts = np.searchsorted(part.camera, np.arange(count + 1))
    for number in range(rounds):
        local, pixels = seen(views, part)
        residuals = pixels - part.pixels
        loss = LOSS * max(1.0, 16.0 / 2**number)
        root = np.sqrt(np.where(local[:, 2] <= NEAREST, 0.0, cauchy(residuals, loss, part.exact)[0]))
        jacobian = jacobians(views, part, local)
        columns = [jacobian.turn, *([jacobian.by_centre] if moves else []), residuals.T[:, None]]
        summed = squares(np.concatenate(columns, axis=1) * root, starts)
        matrix = summed[:, :width, :width]
        diagonal = np.einsum("cii->ci", matrix)
        matrix = matrix + np.eye(width) * (1e-6 * diagonal + 1e-9)[:, None]
        change = -np.linalg.solve(matrix, summed[:, :width, width:])[..., 0]
        views = replace(views, rotation=axis_angle_to_matrix(change[:, :3]) @ views.rotation)
        if moves:
            views = replace(views, centre=views.centre + change[:, 3:])
        if np.abs(change).max(initial=0.0) < 1e-7 and loss == LOSS:
            break
    local, pixels = seen(views, sightings)
    residuals = pixels - sightings.pixels
    residuals[local[:, 2] <= NEAREST] = 1e3
    return views, residuals
