"""Bundle adjustment: cameras, points and the lens that explain where the points are seen, all at once.

Levenberg-Marquardt with the points eliminated (Schur complement) and Cauchy weights: Triggs, McLauchlan, Hartley and
Fitzgibbon, "Bundle adjustment - a modern synthesis" (2000), sections 4 and 6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from kinema.camera.views import LOSS, NEAREST, Sightings, Views, cauchy, seen, slopes, tangents
from kinema.geometry.rotations import axis_angle_to_matrix

BEND_SIGMA = 0.1
"""Standard deviation of a lens's bend (`Views.bend`) before anything is seen."""

DENSE = 900
"""Unknowns of the cameras up to which their system is solved as a dense one."""

FILLED = 1_000_000
"""Entries of the matrix that ties cameras and points up to which it is multiplied as a dense one."""


@dataclass(frozen=True)
class Unknowns:
    """What is solved for. moves: the centres, and points at finite distance. focal: "fixed", "shared" or "each" (zoom).
    expected, prior: mean and standard deviation of the log focal length before anything is seen, None for the mean
    where it begins; zoom: standard deviation of its change from a camera to the next. held (C,) bool: cameras that
    stay, None for the first alone. bend: the lens's bend, too."""

    moves: bool
    focal: str = "fixed"
    expected: float | None = None
    prior: float = 0.2
    zoom: float = 0.03
    held: np.ndarray | None = None
    bend: bool = False


@dataclass(frozen=True, eq=False)
class Solution:
    """views: the cameras and points found; residuals (N,2) pixels; cost: the robust cost; normal: the cameras' normal
    matrix without the points, for uncertainties; columns: the first unknown of each camera, -1 if it is held; focal,
    bend: those of the shared focal length and of the bend, -1 if there is none."""

    views: Views
    residuals: np.ndarray
    cost: float
    normal: np.ndarray | sp.spmatrix
    columns: np.ndarray
    focal: int
    bend: int = -1

    @property
    def noise(self) -> float:
        """Standard deviation of the residuals in pixels, without those that are far off."""
        return 1.4826 * float(np.median(np.abs(self.residuals))) if len(self.residuals) else 1.0

    def spread(self, columns: list[int]) -> np.ndarray:
        """Covariance (k,k) of some unknowns for noise of one pixel, in units of which what is expected counts, too."""
        size = self.normal.shape[0]
        unit = np.zeros((size, len(columns)))
        unit[columns, range(len(columns))] = 1
        matrix = sp.csc_matrix(self.normal) + sp.csc_matrix(1e-9 * sp.identity(size))
        return np.asarray(splu(matrix).solve(unit)[columns])


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
    return Solution(views, residuals, cost, system.reduced(0.0)[0], problem.columns, problem.shared, problem.bend)


@dataclass(frozen=True, eq=False)
class _System:
    """The normal equations: cameras (U, u), points (V (P,k,k), v (P,k)), and what ties them, E, whose blocks (M,k) are
    those of an unknown and a point (M,) each."""

    cameras: sp.csr_matrix
    right: np.ndarray
    points: np.ndarray
    right_points: np.ndarray
    tie: sp.csr_matrix
    tied: np.ndarray

    def reduced(self, damping: float) -> tuple[np.ndarray | sp.csr_matrix, np.ndarray, np.ndarray]:
        """The cameras' own system with the points eliminated, and the inverse (P,k,k) of the points'."""
        size = self.points.shape[1]
        diagonal = np.einsum("pii->pi", self.points)
        damped = self.points + np.eye(size) * (damping * diagonal + 1e-9 * (1 + diagonal))[:, None]
        inverse = np.linalg.inv(damped)
        blocks = np.einsum("mj,mjl->ml", self.tie.data.reshape(-1, size), inverse[self.tied])
        through = sp.csr_matrix((blocks.ravel(), self.tie.indices, self.tie.indptr), shape=self.tie.shape)
        grown = self.cameras + damping * sp.diags(self.cameras.diagonal())
        right = self.right - through @ self.right_points.ravel()
        if np.prod(self.tie.shape) <= FILLED:
            return grown.toarray() - through.toarray() @ self.tie.toarray().T, right, inverse
        return grown - through @ self.tie.T, right, inverse


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
        self.bend = self.size if unknowns.bend else -1
        self.size += unknowns.bend
        own = [np.where(self.columns < 0, -1, self.columns + i) for i in range(self.width)]
        own += [np.full(cameras, self.shared)] if self.shared >= 0 else []
        own += [self.each + np.arange(cameras)] if self.each >= 0 else []
        own += [np.full(cameras, self.bend)] if self.bend >= 0 else []
        self.unknown = np.stack(own, axis=1)
        """(C,u) the unknowns that the sightings of a camera depend on, -1 for those that are held."""
        self.prior_rows = self._prior_rows()
        count = len(views.points)
        self.by_camera = _sums(sightings.camera, cameras)
        self.by_point = _sums(sightings.point, count)
        rows = self.unknown[sightings.camera]
        self.tying = (rows >= 0).ravel()
        key = (rows * count + sightings.point[:, None]).ravel()[self.tying]
        pairs, pair = np.unique(key, return_inverse=True)
        self.by_pair, self.tied = _sums(pair, len(pairs)), pairs % count
        self.per_row = np.bincount(pairs // count, minlength=self.size)

    def cost(self, views: Views) -> tuple[np.ndarray, float]:
        local, pixels = seen(views, self.sightings)
        residuals = pixels - self.sightings.pixels
        residuals[local[:, 2] <= NEAREST] = 1e3
        _, cost = cauchy(residuals, self.loss)
        return residuals, cost + float(np.sum(self._prior_residuals(views) ** 2))

    def _prior_rows(self) -> sp.csr_matrix:
        """The equations of what is known of the lens, one row for each."""
        rows = sp.lil_matrix((0, self.size))
        wanted = self.unknowns
        if self.shared >= 0:
            rows = sp.lil_matrix((1, self.size))
            rows[0, self.shared] = 1 / wanted.prior
        elif self.each >= 0:
            count = len(self.prior)
            rows = sp.lil_matrix((count, self.size))
            step = np.arange(count - 1)
            rows[step, self.each + step], rows[step, self.each + step + 1] = -1 / wanted.zoom, 1 / wanted.zoom
            rows[count - 1, self.each : self.each + count] = 1 / (count * wanted.prior)
        if self.bend >= 0:
            rows.resize(rows.shape[0] + 1, self.size)
            rows[rows.shape[0] - 1, self.bend] = 1 / BEND_SIGMA
        return rows.tocsr()

    def _prior_residuals(self, views: Views) -> np.ndarray:
        change, wanted = views.log_focal - self.prior, self.unknowns
        found: np.ndarray = np.zeros(0)
        if self.shared >= 0:
            found = change[:1] / wanted.prior
        elif self.each >= 0:
            found = np.append(np.diff(views.log_focal) / wanted.zoom, change.mean() / wanted.prior)
        return np.append(found, views.bend / BEND_SIGMA) if self.bend >= 0 else found

    def system(self, views: Views, residuals: np.ndarray) -> _System:
        local, _ = seen(views, self.sightings)
        root = np.sqrt(cauchy(residuals, self.loss)[0])
        root = np.where(local[:, 2] <= NEAREST, 0.0, root)[:, None]
        slope = slopes(views, self.sightings, local)
        parts = [slope.turn, slope.centre][: self.width // 3]
        parts += [slope.focal[..., None]] if self.unknowns.focal != "fixed" else []
        parts += [slope.bend[..., None]] if self.bend >= 0 else []
        own = np.concatenate(parts, axis=2) * root[:, :, None]
        basis = tangents(views.points, self.unknowns.moves)
        through = np.concatenate([views.rotation, -views.rotation @ views.centre[..., None]], axis=2)
        by_point = (slope.local @ through[self.sightings.camera] @ basis[self.sightings.point]) * root[:, :, None]
        weighted = residuals * root
        number, unknowns, size, count = len(local), own.shape[2], basis.shape[2], len(views.points)
        turned = np.swapaxes(own, 1, 2)
        summed = self.by_camera @ np.concatenate(
            [(turned @ own).reshape(number, -1), (turned @ weighted[..., None])[..., 0]], axis=1
        )
        row, column = np.broadcast_arrays(self.unknown[:, :, None], self.unknown[:, None])
        known = (row >= 0) & (column >= 0)
        blocks = summed[:, : unknowns**2].reshape(-1, unknowns, unknowns)
        cameras = sp.coo_matrix((blocks[known], (row[known], column[known])), shape=(self.size, self.size)).tocsr()
        free = self.unknown >= 0
        right = np.bincount(self.unknown[free], summed[:, unknowns**2 :][free], self.size)
        turned_points = np.swapaxes(by_point, 1, 2)
        matrix = self.by_point @ np.concatenate(
            [(turned_points @ by_point).reshape(number, -1), (turned_points @ weighted[..., None])[..., 0]], axis=1
        )
        tie = self.by_pair @ (turned @ by_point).reshape(-1, size)[self.tying]
        return _System(
            cameras + self.prior_rows.T @ self.prior_rows,
            right + self.prior_rows.T @ self._prior_residuals(views),
            matrix[:, : size * size].reshape(count, size, size),
            matrix[:, size * size :],
            sp.csr_matrix(
                (
                    tie.ravel(),
                    (size * self.tied[:, None] + np.arange(size)).ravel(),
                    np.concatenate([[0], np.cumsum(size * self.per_row)]),
                ),
                shape=(self.size, size * count),
            ),
            self.tied,
        )

    def step(self, views: Views, system: _System, damping: float) -> Views:
        """The views after one damped step."""
        matrix, right, inverse = system.reduced(damping)
        change = _solve(matrix, right)
        size = system.points.shape[1]
        left = system.right_points - (change @ system.tie).reshape(-1, size)
        own = -np.einsum("pij,pj->pi", inverse, left)
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
            focal = focal + np.clip(change[self.each : self.each + len(focal)], -0.3, 0.3)
        bend = views.bend + (float(np.clip(change[self.bend], -0.05, 0.05)) if self.bend >= 0 else 0.0)
        return replace(
            views, rotation=axis_angle_to_matrix(turn) @ views.rotation, centre=views.centre + centre, log_focal=focal,
            points=points, bend=bend,
        )  # fmt: skip


def _sums(group: np.ndarray, count: int) -> sp.csr_matrix:
    """The matrix (count, N) that adds up rows by their group (N,)."""
    number = len(group)
    return sp.csr_matrix((np.ones(number), (group, np.arange(number))), shape=(count, number))


def _solve(matrix: np.ndarray | sp.csr_matrix, right: np.ndarray) -> np.ndarray:
    size = len(right)
    if size == 0:
        return right
    if size <= DENSE or isinstance(matrix, np.ndarray):
        full = matrix.copy() if isinstance(matrix, np.ndarray) else matrix.toarray()
        full[range(size), range(size)] += 1e-9 * (1 + full.diagonal())
        return np.asarray(scipy.linalg.solve(full, right, assume_a="sym"))
    return np.asarray(splu((matrix + 1e-9 * sp.diags(1 + matrix.diagonal())).tocsc()).solve(right))
