"""Bundle adjustment: cameras, points and the lens that explain where the points are seen, all at once.

Levenberg-Marquardt with the points eliminated (Schur complement) and Cauchy weights: Triggs, McLauchlan, Hartley and
Fitzgibbon, "Bundle adjustment - a modern synthesis" (2000), sections 4 and 6.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from kinema.camera.views import NEAREST, Sightings, Views, cauchy, seen, slopes, squares, tangents
from kinema.geometry.rotations import axis_angle_to_matrix

BEND_SIGMA = 0.1
"""Standard deviation of a lens's bend (`Views.bend`) before anything is seen."""

SETTLED, ROUGHLY = 1e-4, 1e-3
"""Share of the cost by which a step must lower it for there to be another: at the end, and on the way there or to
choose between explanations."""

DENSE = 2000
"""Unknowns of the cameras up to which their system is solved as a dense one."""

FILLED, CHUNK = 2_000_000, 128
"""Entries of the matrix that ties cameras and points up to which it is one dense matrix; beyond, so many points at a
time, neighbours in time, which few cameras see."""


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
    """views: the cameras and points found; residuals (N,2) pixels; cost: the robust cost; columns: the first unknown of
    each camera, -1 if it is held; focal, bend: those of the shared focal length and of the bend, -1 if there is none;
    normal: gives the cameras' normal matrix without the points, for uncertainties."""

    views: Views
    residuals: np.ndarray
    cost: float
    columns: np.ndarray
    focal: int
    bend: int
    normal: Callable[[], np.ndarray | sp.csc_matrix]

    @property
    def noise(self) -> float:
        """Standard deviation of the residuals in pixels, without those that are far off."""
        return 1.4826 * float(np.median(np.abs(self.residuals))) if len(self.residuals) else 1.0

    def spread(self, columns: list[int]) -> np.ndarray:
        """Covariance (k,k) of some unknowns for noise of one pixel, in units of which what is expected counts, too."""
        matrix = self.normal()
        unit = np.zeros((matrix.shape[0], len(columns)))
        unit[columns, range(len(columns))] = 1
        return solve_normal(matrix, unit)[columns]


def adjust(
    views: Views, sightings: Sightings, unknowns: Unknowns, *, rounds: int = 20, settled: float = SETTLED
) -> Solution:
    """The views that fit the sightings best, after so many steps at most; the first camera stays where it is. settled:
    share of the cost by which a step must lower it for there to be another."""
    order = np.argsort(sightings.camera, kind="stable")
    problem = _Problem(views, sightings.where(order), unknowns)
    damping = 1e-3
    state = problem.state(views)
    system: _System | None = None
    for _ in range(rounds):
        system = system or problem.system(state)
        trial = problem.state(problem.step(state.views, system, damping))
        if trial.cost < state.cost:
            done = state.cost - trial.cost < settled * state.cost
            state, system = trial, None
            damping = max(damping / 5, 1e-8)
        else:
            damping *= 8
            done = damping > 1e4
        if done:
            break
    residuals = np.empty_like(state.residuals)
    residuals[order] = state.residuals
    return Solution(
        state.views, residuals, state.cost, problem.columns, problem.shared, problem.bend,
        lambda: problem.system(state).reduced(0.0).matrix,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _State:
    """Views, and what they leave: points in their cameras' frames (N,3), residuals (N,2), the cost, and the sightings'
    weights (N,)."""

    views: Views
    local: np.ndarray
    residuals: np.ndarray
    cost: float
    weights: np.ndarray


class _Normal:
    """A symmetric matrix that is added up from blocks, dense or sparse."""

    def __init__(self, size: int) -> None:
        self._dense = np.zeros((size, size)) if size <= DENSE else None
        self._size = size
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, rows: np.ndarray, block: np.ndarray) -> None:
        """Add a block (n,n) at some rows (n,), and columns, all of them different."""
        if self._dense is not None:
            self._dense[rows[:, None], rows] += block
        else:
            self._parts.append((rows, block))

    def matrix(self) -> np.ndarray | sp.csc_matrix:
        if self._dense is not None:
            return self._dense
        row = np.concatenate([np.repeat(rows, len(rows)) for rows, _ in self._parts])
        column = np.concatenate([np.tile(rows, len(rows)) for rows, _ in self._parts])
        data = np.concatenate([block.ravel() for _, block in self._parts])
        return sp.coo_matrix((data, (row, column)), shape=(self._size, self._size)).tocsc()


@dataclass(frozen=True, eq=False)
class _Chunk:
    """Points whose equations are eliminated together: rows of points (p,); the sightings (n,) of cameras that move; the
    shape (u,k,p) of what ties all of these cameras' unknowns to the points, and where in it those of a sighting (u,k,n)
    belong; unknowns (.,) of these cameras and of all, and which of their rows (.,) bool are unknown."""

    points: np.ndarray
    sightings: np.ndarray
    shape: tuple[int, int, int]
    places: np.ndarray
    unknowns: np.ndarray
    known: np.ndarray


@dataclass(frozen=True, eq=False)
class _Reduced:
    """The cameras' own system with the points eliminated, and what finds the points afterwards: the inverse roots
    (k,k,P) of the points' matrices, the right sides (k,P) and, for each chunk, the ties (u,k,p), both times these."""

    matrix: np.ndarray | sp.csc_matrix
    right: np.ndarray
    roots: np.ndarray
    ahead: np.ndarray
    ties: list[np.ndarray]


@dataclass(frozen=True, eq=False)
class _System:
    """The normal equations of the cameras, blocks at rows and the right side, and of the points (k,k,P), (k,P); and
    what the ties between them are made of: the weighted slopes (2,u,N) and (2,s,N) by what is each camera's and what is
    common to all, and (2,k,N) by the points."""

    problem: _Problem
    cameras: list[tuple[np.ndarray, np.ndarray]]
    right: np.ndarray
    points: np.ndarray
    right_points: np.ndarray
    own: np.ndarray
    common: np.ndarray
    by_point: np.ndarray

    def reduced(self, damping: float) -> _Reduced:
        """The points eliminated."""
        problem = self.problem
        normal, right, ties = _Normal(problem.size), self.right.copy(), []
        for rows, block in self.cameras:
            grown = block.copy()
            grown[range(len(rows)), range(len(rows))] *= 1 + damping
            normal.add(rows, grown)
        diagonal = np.einsum("iip->ip", self.points)
        roots = inverse_root(self.points, damping * diagonal + 1e-9 * (1 + diagonal))
        ahead = _through(roots, self.right_points)
        by_point = _through(roots.take(problem.sightings.point, axis=2), self.by_point)
        shared = problem.by_points(_products(self.common, by_point)) if len(problem.common) else None
        for chunk in problem.chunks:
            tie = np.zeros(chunk.shape)
            rows, whole = chunk.sightings, len(chunk.sightings) == self.own.shape[2]
            own, their = (self.own, by_point) if whole else (self.own[..., rows], by_point[..., rows])
            tie.ravel()[chunk.places] = _products(own, their)
            if shared is not None:
                tie = np.concatenate([tie, shared[..., chunk.points]])
            if not chunk.known.all():
                tie = tie[chunk.known]
            if len(tie):
                flat = tie.reshape(len(tie), -1)
                normal.add(chunk.unknowns, -(flat @ flat.T))
                right[chunk.unknowns] -= flat @ ahead[:, chunk.points].ravel()
            ties.append(tie)
        return _Reduced(normal.matrix(), right, roots, ahead, ties)


def inverse_root(matrices: np.ndarray, damping: np.ndarray) -> np.ndarray:
    """L^-1 (k,k,P) of L L^T = matrices (k,k,P), positive definite, plus damping (k,P) of their diagonals; k <= 3.

    Written out, because LAPACK's calls for thousands of small matrices take longer than what they compute.
    """
    size = len(matrices)
    root, inverse = np.zeros_like(matrices), np.zeros_like(matrices)
    for i in range(size):
        for j in range(i):
            root[i, j] = (matrices[i, j] - (root[i, :j] * root[j, :j]).sum(axis=0)) / root[j, j]
        rest = matrices[i, i] + damping[i] - (root[i, :i] ** 2).sum(axis=0)
        root[i, i] = np.sqrt(np.maximum(rest, 1e-12 * (1 + matrices[i, i])))
        inverse[i, i] = 1 / root[i, i]
        for j in range(i):
            inverse[i, j] = -(root[i, j:i] * inverse[j:i, j]).sum(axis=0) * inverse[i, i]
    return inverse


def _through(lower: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Lower triangular matrices (k,k,N) times vectors (...,k,N)."""
    rows = [
        sum(lower[i, j] * vectors[..., j, :] for j in range(i + 1)) for i in range(len(lower))
    ]  # fmt: skip
    return np.stack(rows, axis=-2)


class _Problem:
    """The layout of the unknowns, and the equations at given views. sightings: in the order of their cameras."""

    def __init__(self, views: Views, sightings: Sightings, unknowns: Unknowns) -> None:
        self.sightings, self.unknowns = sightings, unknowns
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
        own += [self.each + np.arange(cameras)] if self.each >= 0 else []
        self.own = np.stack(own, axis=1)
        """(C,u) the unknowns of a camera, -1 for those that are held."""
        self.common = np.array([each for each in (self.shared, self.bend) if each >= 0], int)
        """(s,) those of all cameras."""
        self.prior_rows = self._prior_rows()
        self.starts = np.searchsorted(sightings.camera, np.arange(cameras + 1))
        self.sums = _sums(sightings.point, len(views.points))
        self.chunks = self._chunks(len(views.points))

    def by_points(self, values: np.ndarray) -> np.ndarray:
        """Values (.,.,N) of sightings, summed over each point's: (.,.,P)."""
        return np.asarray((self.sums @ values.reshape(-1, values.shape[2]).T).T.reshape(*values.shape[:2], -1))

    def _chunks(self, points: int) -> list[_Chunk]:
        """The points, in the order in which cameras see them."""
        part, width = self.sightings, 3 if self.unknowns.moves else 2
        first = np.full(points, len(self.own))
        np.minimum.at(first, part.point, part.camera)
        order = np.argsort(first, kind="stable")
        place = np.empty(points, int)
        place[order] = np.arange(points)
        size = max(points, 1) if points * width * self.size <= FILLED else CHUNK
        rows = np.flatnonzero(np.asarray((self.own >= 0).any(axis=1))[part.camera])
        if size < points:
            rows = rows[np.argsort(place[part.point[rows]], kind="stable")]
        ends = np.searchsorted(place[part.point[rows]], np.arange(0, points + size, size)) if size < points else None
        chunks = []
        for number, start in enumerate(range(0, points, size)):
            here = rows if ends is None else rows[ends[number] : ends[number + 1]]
            cameras, camera = np.unique(part.camera[here], return_inverse=True)
            columns = np.append(self.own[cameras].ravel(), self.common)
            own, count = self.own.shape[1], min(size, points - start)
            row = camera * own + np.arange(own)[:, None]
            places = (row[:, None] * width + np.arange(width)[:, None]) * count + place[part.point[here]] - start
            shape = len(cameras) * own, width, count
            chunks.append(
                _Chunk(order[start : start + size], here, shape, places, columns[columns >= 0], columns >= 0)
            )  # fmt: skip
        return chunks

    def state(self, views: Views) -> _State:
        local, pixels = seen(views, self.sightings)
        residuals = pixels - self.sightings.pixels
        behind = local[:, 2] <= NEAREST
        residuals[behind] = 1e3
        weights, cost = cauchy(residuals, exact=self.sightings.exact)
        weights[behind] = 0.0
        return _State(views, local, residuals, cost + float(np.sum(self._prior_residuals(views) ** 2)), weights)

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
            rows.resize(2 * count - 1, self.size)
            step, one = np.arange(count - 1), np.arange(count)
            rows[step, self.each + step], rows[step, self.each + step + 1] = -1 / wanted.zoom, 1 / wanted.zoom
            rows[count - 1 + one, self.each + one] = 1 / (np.sqrt(count) * wanted.prior)
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
            own = change / (np.sqrt(len(change)) * wanted.prior)
            found = np.append(np.diff(views.log_focal) / wanted.zoom, own)
        return np.append(found, views.bend / BEND_SIGMA) if self.bend >= 0 else found

    def system(self, state: _State) -> _System:
        views, part = state.views, self.sightings
        slope = slopes(views, part, state.local)
        root = np.sqrt(state.weights)
        columns = [slope.turn, slope.centre][: self.width // 3]
        columns += [slope.focal] if self.each >= 0 or self.shared >= 0 else []
        columns += [slope.bend] if self.bend >= 0 else []
        weighted = np.concatenate([*columns, state.residuals.T[:, None]], axis=1) * root
        basis = tangents(views.points, self.unknowns.moves).transpose(1, 2, 0).take(part.point, axis=2)
        by_point = (slope.point[:, 0, None] * basis[0]) * root
        for each in range(1, 4):
            by_point += (slope.point[:, each, None] * basis[each]) * root
        own, cameras, right = self.own.shape[1], [], np.zeros(self.size)
        for camera, block in enumerate(squares(weighted, self.starts)):
            index = np.append(self.own[camera], self.common)
            known = index >= 0
            if known.any():
                cameras.append((index[known], block[:-1, :-1][np.ix_(known, known)]))
                right[index[known]] += block[:-1, -1][known]
        if self.prior_rows.shape[0]:
            right += self.prior_rows.T @ self._prior_residuals(views)
        for start, stop in itertools.pairwise(self.prior_rows.indptr.tolist()):
            values = self.prior_rows.data[start:stop]
            cameras.append((self.prior_rows.indices[start:stop], np.outer(values, values)))
        square = self.by_points(_products(by_point, np.concatenate([by_point, weighted[:, -1:]], axis=1)))
        return _System(
            self, cameras, right, square[:, :-1], square[:, -1], weighted[:, :own], weighted[:, own:-1], by_point
        )

    def step(self, views: Views, system: _System, damping: float) -> Views:
        """The views after one damped step."""
        reduced = system.reduced(damping)
        change = -solve_normal(reduced.matrix, reduced.right)
        left = reduced.ahead.copy()
        for chunk, tie in zip(self.chunks, reduced.ties, strict=True):
            left[:, chunk.points] += np.tensordot(change[chunk.unknowns], tie, axes=1)
        own = -np.einsum("jip,jp->pi", reduced.roots, left)
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


def _products(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(i,j,N): sums of products of (2,i,N) and (2,j,N)."""
    return np.asarray(first[0][:, None] * second[0] + first[1][:, None] * second[1])


def solve_normal(matrix: np.ndarray | sp.csc_matrix, right: np.ndarray) -> np.ndarray:
    """The solution of a system whose matrix is positive definite but for what nothing determines."""
    if not len(right):
        return right
    small = 1e-9 * (1 + matrix.diagonal())
    if isinstance(matrix, np.ndarray):
        full = matrix.copy()
        full[range(len(right)), range(len(right))] += small
        try:
            return np.asarray(scipy.linalg.solve(full, right, assume_a="pos", check_finite=False))
        except np.linalg.LinAlgError:
            return np.asarray(scipy.linalg.solve(full, right, assume_a="sym", check_finite=False))
    return np.asarray(splu((matrix + sp.diags(small)).tocsc()).solve(right))
