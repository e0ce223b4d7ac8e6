"""Cameras and points, where the cameras see the points, and how that changes with both.

Points are homogeneous: a unit vector (x, y, z, w) is the point (x, y, z) / w, and one at infinity for w = 0, so that
far points need no special case and a camera that only turns is the same problem with w = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LOSS = 1.0
"""Pixels of the working image at which the Cauchy loss begins to bend."""

NEAREST = 1e-6
"""Depth in front of a camera, of unit vectors, below which a point counts as behind it."""


@dataclass(frozen=True, eq=False)
class Views:
    """Cameras and points. rotation (C,3,3), centre (C,3): X = rotation @ (x - w centre); log_focal (C,): of the focal
    length in pixels; points (P,4) unit vectors; middle (2,): the principal point; bend: by how much the lens shifts the
    picture's corner outwards, as a share of its distance from the middle; of other points it grows with the cube of
    theirs (the first radial coefficient, in units of the picture)."""

    rotation: np.ndarray
    centre: np.ndarray
    log_focal: np.ndarray
    points: np.ndarray
    middle: np.ndarray
    bend: float = 0.0


@dataclass(frozen=True, eq=False)
class Sightings:
    """Where points are seen: pixels (N,2) of point (N,) in camera (N,), rows of `Views`."""

    camera: np.ndarray
    point: np.ndarray
    pixels: np.ndarray

    def where(self, kept: np.ndarray) -> Sightings:
        """Only those of a mask or rows."""
        return Sightings(self.camera[kept], self.point[kept], self.pixels[kept])


def seen(views: Views, sightings: Sightings) -> tuple[np.ndarray, np.ndarray]:
    """Points in their cameras' frames (N,3), of unit homogeneous length, and their pixels (N,2)."""
    points = views.points[sightings.point]
    along = points[:, :3] - points[:, 3:] * views.centre[sightings.camera]
    local = np.einsum("nij,nj->ni", views.rotation[sightings.camera], along)
    depth = np.maximum(local[:, 2:], NEAREST)
    focal = np.exp(views.log_focal[sightings.camera])[:, None]
    flat = focal * local[:, :2] / depth
    if views.bend:
        flat = flat * (1 + views.bend * _reach(flat, views.middle))[:, None]
    return local, flat + views.middle


def _reach(flat: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Squares (N,) of distances from the middle, of which the corner's is 1; at most 2, so that nothing outside the
    picture is folded back into it."""
    return np.asarray(np.minimum(np.sum(flat**2, axis=1) / np.sum(middle**2), 2.0))


def tangents(points: np.ndarray, moves: bool) -> np.ndarray:
    """Bases (P,4,k) of the changes of unit vectors (P,4): three directions, or two that keep w = 0."""
    size = 4 if moves else 3
    vector = points[:, :size].copy()
    sign = np.where(vector[:, -1] < 0, -1.0, 1.0)
    vector[:, -1] += sign * np.linalg.norm(vector, axis=1)
    mirror = np.eye(size) - 2 * vector[:, :, None] * vector[:, None] / np.sum(vector**2, axis=1)[:, None, None]
    basis = np.zeros((len(points), 4, size - 1))
    basis[:, :size] = mirror[:, :, :-1]
    return basis


@dataclass(frozen=True, eq=False)
class Slopes:
    """Derivatives of the pixels (N,2,.): by the camera's turn (3) and centre (3), the local point (3), the log focal
    length and the bend."""

    turn: np.ndarray
    centre: np.ndarray
    local: np.ndarray
    focal: np.ndarray
    bend: np.ndarray


def slopes(views: Views, sightings: Sightings, local: np.ndarray) -> Slopes:
    """local (N,3): the points in their cameras' frames, of `seen`."""
    focal = np.exp(views.log_focal[sightings.camera])
    depth = np.maximum(local[:, 2], NEAREST)
    by_local: np.ndarray = np.zeros((len(local), 2, 3))
    by_local[:, 0, 0] = by_local[:, 1, 1] = focal / depth
    by_local[:, :, 2] = -(focal / depth**2)[:, None] * local[:, :2]
    flat = (focal / depth)[:, None] * local[:, :2]
    by_focal, reach = flat, _reach(flat, views.middle)
    if views.bend:
        square = np.sum(views.middle**2)
        bent = (1 + views.bend * reach)[:, None, None] * np.eye(2)
        bent += (2 * views.bend / square) * flat[:, :, None] * flat[:, None]
        by_local, by_focal = bent @ by_local, np.einsum("nij,nj->ni", bent, flat)
    x, y, z = local.T
    zero = np.zeros_like(x)
    cross = np.stack([zero, z, -y, -z, zero, x, y, -x, zero], axis=-1).reshape(-1, 3, 3)  # of a turn: w x X
    weight = -views.points[sightings.point, 3][:, None, None]
    by_centre = by_local @ (weight * views.rotation[sightings.camera])
    return Slopes(by_local @ cross, by_centre, by_local, by_focal, flat * reach[:, None])


def cauchy(residuals: np.ndarray, loss: float = LOSS) -> tuple[np.ndarray, float]:
    """Weights (N,) and the cost of residuals (N,2)."""
    square = np.sum(residuals**2, axis=1) / loss**2
    return 1 / (1 + square), float(loss**2 * np.log1p(square).sum())
