"""Bundle adjustment: cameras, points and the focal length that explain where the points are seen, all at once.

Points are homogeneous: a unit vector (x, y, z, w) is the point (x, y, z) / w, and one at infinity for w = 0, so that
far points need no special case and a camera that only turns is the same problem with w = 0. Levenberg-Marquardt with
the points eliminated (Schur complement) and Cauchy weights: Triggs, McLauchlan, Hartley and Fitzgibbon, "Bundle
adjustment - a modern synthesis" (2000), sections 4 and 6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from kinema.geometry.rotations import axis_angle_to_matrix

LOSS = 1.0
"""Pixels of the working image at which the Cauchy loss begins to bend."""

NEAREST = 1e-6
"""Depth in front of a camera, of unit vectors, below which a point counts as behind it."""

DENSE = 900
"""Unknowns of the cameras up to which their system is solved as a dense one."""


@dataclass(frozen=True, eq=False)
class Views:
    """Cameras and points. rotation (C,3,3), centre (C,3): X = rotation @ (x - w centre); log_focal (C,): of the focal
    length in pixels; points (P,4) unit vectors; middle (2,): the principal point."""

    rotation: np.ndarray
    centre: np.ndarray
    log_focal: np.ndarray
    points: np.ndarray
    middle: np.ndarray


@dataclass(frozen=True, eq=False)
class Sightings:
    """Where points are seen: pixels (N,2) of point (N,) in camera (N,), rows of `Views`."""

    camera: np.ndarray
    point: np.ndarray
    pixels: np.ndarray

    def where(self, kept: np.ndarray) -> Sightings:
        """Only those of a mask or rows."""
        return Sightings(self.camera[kept], self.point[kept], self.pixels[kept])


@dataclass(frozen=True)
class Unknowns:
    """What is solved for. moves: the centres, and points at finite distance. focal: "fixed", "shared" or "each" (zoom).
    expected, prior: mean and standard deviation of the log focal length before anything is seen, None for the mean
    where it begins; zoom: standard deviation of its change from a camera to the next. held (C,) bool: cameras that
    stay, None for the first alone."""

    moves: bool
    focal: str = "fixed"
    expected: float | None = None
    prior: float = 0.2
    zoom: float = 0.03
    held: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Solution:
    """views: the cameras and points found; residuals (N,2) pixels; cost: the robust cost; normal: the cameras' normal
    matrix without the points, for uncertainties; columns: the first unknown of each camera, -1 if it is held; focal:
    that of the shared focal length, -1 if there is none."""

    views: Views
    residuals: np.ndarray
    cost: float
    normal: np.ndarray | sp.spmatrix
    columns: np.ndarray
    focal: int

    @property
    def noise(self) -> float:
        """Standard deviation of the residuals in pixels, without those that are far off."""
        return 1.4826 * float(np.median(np.abs(self.residuals))) if len(self.residuals) else 1.0

    def spread(self, columns: list[int]) -> np.ndarray:
        """Covariance (k,k) of some unknowns for noise of one pixel, in units of which what is expected counts, too."""
        size = self.normal.shape[0]
        unit = np.zeros((size, len(columns)))
        unit[columns, range(len(columns))] = 1
        matrix = sp.csc_matrix(self.normal + 1e-9 * sp.identity(size))
        return np.asarray(splu(matrix).solve(unit)[columns])


def seen(views: Views, sightings: Sightings) -> tuple[np.ndarray, np.ndarray]:
    """Points in their cameras' frames (N,3), of unit homogeneous length, and their pixels (N,2)."""
    points = views.points[sightings.point]
    along = points[:, :3] - points[:, 3:] * views.centre[sightings.camera]
    local = np.einsum("nij,nj->ni", views.rotation[sightings.camera], along)
    depth = np.maximum(local[:, 2:], NEAREST)
    focal = np.exp(views.log_focal[sightings.camera])[:, None]
    return local, focal * local[:, :2] / depth + views.middle


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


def camera_jacobian(views: Views, sightings: Sightings, local: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Derivatives of the pixels (N,2,.) by the camera's turn (3), its centre (3), and by the local point (3)."""
    focal = np.exp(views.log_focal[sightings.camera])
    depth = np.maximum(local[:, 2], NEAREST)
    by_local = np.zeros((len(local), 2, 3))
    by_local[:, 0, 0] = by_local[:, 1, 1] = focal / depth
    by_local[:, :, 2] = -(focal / depth**2)[:, None] * local[:, :2]
    x, y, z = local.T
    zero = np.zeros_like(x)
    cross = np.stack([zero, z, -y, -z, zero, x, y, -x, zero], axis=-1).reshape(-1, 3, 3)  # of a turn: w x X
    weight = -views.points[sightings.point, 3][:, None, None]
    by_centre = by_local @ (weight * views.rotation[sightings.camera])
    return by_local @ cross, by_centre, by_local


def cauchy(residuals: np.ndarray, loss: float = LOSS) -> tuple[np.ndarray, float]:
    """Weights (N,) and the cost of residuals (N,2)."""
    square = np.sum(residuals**2, axis=1) / loss**2
    return 1 / (1 + square), float(loss**2 * np.log1p(square).sum())


def adjust(views: Views, sightings: Sightings, unknowns: Unknowns, *, rounds: int = 20, loss: float = LOSS) -> Solution:
    """The views that fit the sightings best; the first camera stays where it is."""
    problem = _Problem(views, sightings, unknowns, loss)
    damping, settled = 1e-3, 0
    residuals, cost = problem.cost(views)
    system = problem.system(views, residuals)
    for _ in range(rounds):
        changed = problem.step(views, system, damping)
        trial, lower = problem.cost(changed)
        if lower < cost:
            settled = settled + 1 if cost - lower < 1e-5 * cost else 0
            views, residuals, cost = changed, trial, lower
            damping = max(damping / 5, 1e-8)
            system = problem.system(views, residuals)
        else:
            damping *= 8
            settled += damping > 1e4
        if settled >= 2:
            break
    return Solution(views, residuals, cost, system.reduced(0.0)[0], problem.columns, problem.shared)


@dataclass(frozen=True, eq=False)
class _System:
    """The normal equations: cameras (U, u), points (V (P,k,k), v (P,k)), and what ties them, E."""

    cameras: sp.csr_matrix
    right: np.ndarray
    points: np.ndarray
    right_points: np.ndarray
    tie: sp.csr_matrix

    def reduced(self, damping: float) -> tuple[sp.csr_matrix, np.ndarray, sp.csr_matrix]:
        """The cameras' own system with the points eliminated, and the inverse of the points'."""
        count, size = self.points.shape[:2]
        diagonal = np.einsum("pii->pi", self.points)
        damped = self.points + np.eye(size) * (damping * diagonal + 1e-9 * (1 + diagonal))[:, None]
        inverse = sp.bsr_matrix(
            (np.linalg.inv(damped), np.arange(count), np.arange(count + 1)), shape=(count * size, count * size)
        ).tocsr()
        through = self.tie @ inverse
        grown = self.cameras + damping * sp.diags(self.cameras.diagonal())
        return grown - through @ self.tie.T, self.right - through @ self.right_points.ravel(), inverse


class _Problem:
    """The layout of the unknowns, and the equations at given views."""

    def __init__(self, views: Views, sightings: Sightings, unknowns: Unknowns, loss: float) -> None:
        self.sightings, self.unknowns, self.loss = sightings, unknowns, loss
        expected = unknowns.expected
        self.prior = views.log_focal.copy() if expected is None else np.full(len(views.log_focal), expected)
        cameras = len(views.rotation)
        held = unknowns.held
        if held is None:
            held = np.arange(cameras) == 0
        self.width = 6 if unknowns.moves else 3
        self.columns = np.full(cameras, -1)
        free = np.flatnonzero(~held)
        self.columns[free] = np.arange(len(free)) * self.width
        self.size = len(free) * self.width
        self.shared = self.size if unknowns.focal == "shared" else -1
        self.each = self.size if unknowns.focal == "each" else -1
        self.size += {"fixed": 0, "shared": 1, "each": cameras}[unknowns.focal]

    def cost(self, views: Views) -> tuple[np.ndarray, float]:
        local, pixels = seen(views, self.sightings)
        residuals = pixels - self.sightings.pixels
        residuals[local[:, 2] <= NEAREST] = 1e3
        _, cost = cauchy(residuals, self.loss)
        return residuals, cost + float(np.sum(self._priors(views)[1] ** 2))

    def _priors(self, views: Views) -> tuple[sp.csr_matrix, np.ndarray]:
        """What is known of focal lengths: rows of the equations, and their residuals."""
        change = views.log_focal - self.prior
        if self.shared >= 0:
            row = sp.csr_matrix(([1 / self.unknowns.prior], ([0], [self.shared])), shape=(1, self.size))
            return row, change[:1] / self.unknowns.prior
        if self.each < 0:
            return sp.csr_matrix((0, self.size)), np.zeros(0)
        count = len(change)
        steps = sp.diags([-np.ones(count - 1), np.ones(count - 1)], [0, 1], shape=(count - 1, count))
        own = sp.vstack([steps / self.unknowns.zoom, np.full((1, count), 1 / (count * self.unknowns.prior))])
        residual = np.append(np.diff(views.log_focal) / self.unknowns.zoom, change.mean() / self.unknowns.prior)
        return sp.hstack([sp.csr_matrix((count, self.size - count)), own]).tocsr(), residual

    def system(self, views: Views, residuals: np.ndarray) -> _System:
        local, _ = seen(views, self.sightings)
        root = np.sqrt(cauchy(residuals, self.loss)[0])
        root = np.where(local[:, 2] <= NEAREST, 0.0, root)[:, None]
        by_turn, by_centre, by_local = camera_jacobian(views, self.sightings, local)
        own = np.concatenate([by_turn, by_centre], axis=2)[:, :, : self.width] * root[:, :, None]
        start = self.columns[self.sightings.camera]
        free = start >= 0
        number = len(local)
        rows = np.arange(2 * number).reshape(number, 2, 1)
        columns = (start[:, None] + np.arange(self.width))[:, None].repeat(2, axis=1)
        data, row, column = (
            [own[free].ravel()],
            [rows.repeat(self.width, axis=2)[free].ravel()],
            [columns[free].ravel()],
        )
        if self.shared >= 0 or self.each >= 0:
            at = np.full(number, self.shared) if self.shared >= 0 else self.each + self.sightings.camera
            ray = np.exp(views.log_focal[self.sightings.camera])[:, None] * local[:, :2]
            data.append((ray / np.maximum(local[:, 2:], NEAREST) * root).ravel())
            row.append(rows.ravel())
            column.append(at.repeat(2))
        cameras = sp.csr_matrix(
            (np.concatenate(data), (np.concatenate(row), np.concatenate(column))), shape=(2 * number, self.size)
        )
        basis = tangents(views.points, self.unknowns.moves)
        through = np.concatenate([views.rotation, -views.rotation @ views.centre[..., None]], axis=2)
        by_point = (by_local @ through[self.sightings.camera] @ basis[self.sightings.point]) * root[:, :, None]
        weighted = residuals * root
        size = basis.shape[2]
        count = len(views.points)
        blocks = np.einsum("nri,nrj->nij", by_point, by_point).reshape(number, -1)
        right = np.einsum("nri,nr->ni", by_point, weighted)
        summed = [np.bincount(self.sightings.point, column, count) for column in np.hstack([blocks, right]).T]
        matrix = np.stack(summed, axis=1)
        at_points = (size * self.sightings.point[:, None] + np.arange(size))[:, None].repeat(2, axis=1)
        points = sp.csr_matrix(
            (by_point.ravel(), (rows.repeat(size, axis=2).ravel(), at_points.ravel())),
            shape=(2 * number, size * count),
        )
        prior, known = self._priors(views)
        return _System(
            (cameras.T @ cameras + prior.T @ prior).tocsr(),
            cameras.T @ weighted.ravel() + prior.T @ known,
            matrix[:, : size * size].reshape(count, size, size),
            matrix[:, size * size :],
            (cameras.T @ points).tocsr(),
        )

    def step(self, views: Views, system: _System, damping: float) -> Views:
        """The views after one damped step."""
        matrix, right, inverse = system.reduced(damping)
        change = _solve(matrix, right)
        size = system.points.shape[1]
        own = -(inverse @ (system.right_points.ravel() - system.tie.T @ change)).reshape(-1, size)
        change = -change
        points = views.points + np.einsum("pij,pj->pi", tangents(views.points, self.unknowns.moves), own)
        points = points / np.linalg.norm(points, axis=1, keepdims=True)
        turn, centre = np.zeros_like(views.centre), np.zeros_like(views.centre)
        free = self.columns >= 0
        moved = change[self.columns[free][:, None] + np.arange(self.width)]
        turn[free] = moved[:, :3]
        if self.unknowns.moves:
            centre[free] = moved[:, 3:]
        focal = views.log_focal
        if self.shared >= 0:
            focal = focal + np.clip(change[self.shared], -0.3, 0.3)
        if self.each >= 0:
            focal = focal + np.clip(change[self.each :], -0.3, 0.3)
        return replace(
            views, rotation=axis_angle_to_matrix(turn) @ views.rotation, centre=views.centre + centre, log_focal=focal,
            points=points,
        )  # fmt: skip


def _solve(matrix: sp.csr_matrix, right: np.ndarray) -> np.ndarray:
    size = len(right)
    if size == 0:
        return right
    if size <= DENSE:
        full = matrix.toarray()
        full[range(size), range(size)] += 1e-9 * (1 + full.diagonal())
        return np.asarray(scipy.linalg.solve(full, right, assume_a="sym"))
    return np.asarray(splu((matrix + 1e-9 * sp.diags(1 + matrix.diagonal())).tocsc()).solve(right))
