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
    image's corner outwards, as a share of its distance from the middle; of other points it grows with the cube of
    theirs (the first radial coefficient, in units of the image)."""

    rotation: np.ndarray
    centre: np.ndarray
    log_focal: np.ndarray
    points: np.ndarray
    middle: np.ndarray
    bend: float = 0.0


@dataclass(frozen=True, eq=False)
class Sightings:
    """Where points are seen: pixels (N,2) of point (N,) in camera (N,), rows of `Views`. exact: how many times as exact
    as usual each is (N,); None: all alike."""

    camera: np.ndarray
    point: np.ndarray
    pixels: np.ndarray
    exact: np.ndarray | None = None

    def where(self, kept: np.ndarray) -> Sightings:
        """Only those of a mask or rows."""
        exact = None if self.exact is None else self.exact[kept]
        return Sightings(self.camera[kept], self.point[kept], self.pixels[kept], exact)


def seen(views: Views, sightings: Sightings) -> tuple[np.ndarray, np.ndarray]:
    """Points in their cameras' frames (N,3), of unit homogeneous length, and their pixels (N,2)."""
    # One row for each component: thousands of small matrices, one after the other, would take several times as long.
    points = views.points.T.take(sightings.point, axis=1)
    along = points[:3] - points[3] * views.centre.T.take(sightings.camera, axis=1)
    turn = _turns(views, sightings)
    local = turn[:, 0] * along[0] + turn[:, 1] * along[1] + turn[:, 2] * along[2]
    flat = local[:2] * (np.exp(views.log_focal).take(sightings.camera) / np.maximum(local[2], NEAREST))
    if views.bend:
        flat *= 1 + views.bend * _reach(flat, views.middle)
    return local.T, (flat + views.middle[:, None]).T


def _turns(views: Views, sightings: Sightings) -> np.ndarray:
    """The rotations (3,3,N) of the sightings' cameras."""
    return views.rotation.reshape(-1, 9).T.take(sightings.camera, axis=1).reshape(3, 3, -1)


def _reach(flat: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Squares (N,) of distances (2,N) from the middle, of which the corner's is 1; at most 2, so that nothing outside
    the image is folded back into it."""
    return np.asarray(np.minimum((flat[0] ** 2 + flat[1] ** 2) / np.sum(middle**2), 2.0))


def tangents(points: np.ndarray, moves: bool) -> np.ndarray:
    """Bases (4,k,P) of the changes of unit vectors (P,4): three directions, or two that keep w = 0."""
    size = 4 if moves else 3
    vector = points[:, :size].T.copy()
    vector[-1] += np.copysign(np.sqrt((vector**2).sum(axis=0)), vector[-1])
    across = vector[:-1] * (-2 / (vector**2).sum(axis=0))
    basis = np.zeros((4, size - 1, len(points)))
    np.multiply(vector[:, None], across, out=basis[:size])
    for each in range(size - 1):
        basis[each, each] += 1
    return basis


@dataclass(frozen=True, eq=False)
class Jacobians:
    """Jacobians of the pixels (2,.,N): by the camera's turn (3), the place of the point around it (3), (x, y, z) -
    w centre of the homogeneous point (x, y, z, w), in the axes of the world, the log focal length (1) and the bend (1);
    centre (3,N): of each sighting's camera, and weight (N,): w of each one's point."""

    turn: np.ndarray
    place: np.ndarray
    focal: np.ndarray
    bend: np.ndarray
    centre: np.ndarray
    weight: np.ndarray

    @property
    def by_centre(self) -> np.ndarray:
        """(2,3,N) by the camera's centre."""
        return np.asarray(-self.weight * self.place)

    def by_point(self, basis: np.ndarray) -> np.ndarray:
        """(2,k,N) by changes (4,k,N) of the homogeneous points, of `tangents`."""
        place = self.place
        moved = basis[:3] - self.centre[:, None] * basis[3] if self.weight.any() else basis[:3]
        return np.asarray(place[:, 0, None] * moved[0] + place[:, 1, None] * moved[1] + place[:, 2, None] * moved[2])


def jacobians(views: Views, sightings: Sightings, local: np.ndarray) -> Jacobians:
    """local (N,3): the points in their cameras' frames, of `seen`."""
    x, y, z = local.T
    depth = np.maximum(z, NEAREST)
    scale = np.exp(views.log_focal).take(sightings.camera) / depth
    flat = scale * local.T[:2]
    across = -flat / depth
    turned = _turns(views, sightings)
    # By the turn, w x X, and by the place, of the image without a bend.
    turn, place = np.empty((2, 2, 3, len(scale)))
    for row in range(2):
        place[row] = scale * turned[row] + across[row] * turned[2]
    turn[0, 0], turn[1, 1] = y * across[0], -x * across[1]
    turn[0, 1], turn[1, 0] = z * scale - x * across[0], y * across[1] - z * scale
    turn[0, 2], turn[1, 2] = -y * scale, x * scale
    by_focal, reach = flat, _reach(flat, views.middle)
    if views.bend:
        # (1 + bend r^2) flat, whose square r^2 counts in units of the corner's.
        mixed = (2 * views.bend / np.sum(views.middle**2)) * flat[:, None] * flat
        grown = 1 + views.bend * reach
        mixed[0, 0] += grown
        mixed[1, 1] += grown
        turn = mixed[:, 0, None] * turn[0] + mixed[:, 1, None] * turn[1]
        place = mixed[:, 0, None] * place[0] + mixed[:, 1, None] * place[1]
        by_focal = mixed[:, 0] * flat[0] + mixed[:, 1] * flat[1]
    centre = views.centre.T.take(sightings.camera, axis=1)
    weight = views.points[:, 3].take(sightings.point)
    return Jacobians(turn, place, by_focal[:, None], (flat * reach)[:, None], centre, weight)


def squares(columns: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """For each camera the products (C,k,k) of the columns (2,k,N) with each other, summed over its sightings, which lie
    from starts (C+1,) on."""
    out: np.ndarray = np.zeros((len(starts) - 1, columns.shape[1], columns.shape[1]))
    for camera in range(len(out)):
        for part in columns[:, :, starts[camera] : starts[camera + 1]]:
            out[camera] += part @ part.T
    return out


def cauchy(residuals: np.ndarray, loss: float = LOSS, exact: np.ndarray | None = None) -> tuple[np.ndarray, float]:
    """Weights (N,) and the cost of residuals (N,2) of sightings that are so many times as `exact` (N,) as usual."""
    square = (residuals[:, 0] ** 2 + residuals[:, 1] ** 2) / loss**2
    if exact is None:
        return 1 / (1 + square), float(loss**2 * np.log1p(square).sum())
    square *= exact**2
    return exact**2 / (1 + square), float(loss**2 * np.log1p(square).sum())
