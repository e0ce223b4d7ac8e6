"""The unknowns of a bundle adjustment, and its equations at given views.

The points are eliminated (Schur complement): Triggs, McLauchlan, Hartley and Fitzgibbon, "Bundle adjustment - a modern
synthesis" (2000), section 6.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from kinema.camera.normal_equations import (
    NormalMatrix,
    inverse_root,
    lower_times,
    products,
    solve_normal,
    sums_by_group,
)  # fmt: skip
from kinema.camera.views import NEAREST, Sightings, Views, cauchy, jacobians, seen, squares, tangents
from kinema.geometry.rotations import axis_angle_to_matrix

BEND_SIGMA = 0.1
"""Standard deviation of a lens's bend (`Views.bend`) before anything is seen."""

FILLED, CHUNK = 2_000_000, 128
"""Largest number of entries of the camera-point matrix for which it is one dense matrix; above, the points in one chunk
of it: neighbours in time, which few cameras see."""


@dataclass(frozen=True)
class Unknowns:
    """What is solved for. moves: the centres, and points at finite distance. focal: "fixed", "shared" or "each" (zoom).
    expected, prior: prior mean (None: the initial value) and standard deviation of the log focal length; zoom: standard
    deviation of its change from one camera to the next. held (C,) bool: cameras that are fixed, None for the first
    alone. bend: whether the lens's bend is solved for."""

    moves: bool
    focal: str = "fixed"
    expected: float | None = None
    prior: float = 0.2
    zoom: float = 0.03
    held: np.ndarray | None = None
    bend: bool = False


@dataclass(frozen=True, eq=False)
class State:
    """Views and their fit: points in the cameras' frames (N,3), residuals (N,2), the cost, and the sightings' weights
    (N,)."""

    views: Views
    local: np.ndarray
    residuals: np.ndarray
    cost: float
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class Chunk:
    """Points that are eliminated together. points (p,): their indices. sightings (n,): of these points by cameras that
    are not fixed. shape (u,k,p): of the block of the normal matrix between these cameras' own unknowns and the points,
    and places (u',k,n): where in it, with one more row for what is not sought, each sighting's products belong.
    unknowns: the block's rows in the whole system, and those of all cameras."""

    points: np.ndarray
    sightings: np.ndarray
    shape: tuple[int, int, int]
    places: np.ndarray
    unknowns: np.ndarray


@dataclass(frozen=True, eq=False)
class Reduced:
    """The cameras' system with the points eliminated, and what gives the points afterwards: roots (k,k,P), the inverse
    Cholesky factors of the points' blocks; ahead (k,P), the points' right sides, and ties, each chunk's camera-point
    block (u,k,p), both multiplied by these."""

    matrix: np.ndarray | sp.csc_matrix
    right: np.ndarray
    roots: np.ndarray
    ahead: np.ndarray
    ties: list[np.ndarray]


@dataclass(frozen=True, eq=False)
class System:
    """The normal equations of the cameras and of the points (k,k,P), and their right sides, of the points (k,P); basis
    (4,k,P): of the points' changes; and the weighted Jacobians from which the blocks between cameras and points are
    made: own (2,u,N) by each camera's unknowns, common (2,s,N) by those of all cameras, by_point (2,k,N) by the points.
    """

    problem: Problem
    cameras: NormalMatrix
    right: np.ndarray
    basis: np.ndarray
    points: np.ndarray
    right_points: np.ndarray
    own: np.ndarray
    common: np.ndarray
    by_point: np.ndarray

    def reduced(self, damping: float) -> Reduced:
        """The system with the points eliminated (Schur complement), for a damping of the diagonal."""
        problem = self.problem
        normal, right, ties = self.cameras.damped(damping), self.right.copy(), []
        diagonal = np.einsum("iip->ip", self.points)
        roots = inverse_root(self.points, damping * diagonal + 1e-9 * (1 + diagonal))
        ahead = lower_times(roots, self.right_points)
        by_point = lower_times(roots.take(problem.sightings.point, axis=2), self.by_point)
        shared = problem.by_points(products(self.common, by_point)) if len(problem.common) else None
        for chunk in problem.chunks:
            rows, whole = chunk.sightings, len(chunk.sightings) == self.own.shape[2]
            own, their = (self.own, by_point) if whole else (each.take(rows, axis=2) for each in (self.own, by_point))
            height, *others = chunk.shape
            tie = np.zeros((height + 1, *others))
            tie.ravel()[chunk.places] = products(own, their)
            tie = tie[:-1]
            if shared is not None:
                tie = np.concatenate([tie, shared.take(chunk.points, axis=2)])
            if len(tie):
                flat = tie.reshape(len(tie), -1)
                normal.add(chunk.unknowns, -(flat @ flat.T))
                right[chunk.unknowns] -= flat @ ahead.take(chunk.points, axis=1).ravel()
            ties.append(tie)
        return Reduced(normal.matrix(), right, roots, ahead, ties)


class Problem:
    """The layout of the unknowns, and the equations at given views. sightings: in the order of their cameras."""

    def __init__(self, views: Views, sightings: Sightings, unknowns: Unknowns) -> None:
        # Both rows of the pixels in one piece, as `seen` gives them.
        self.sightings = replace(sightings, pixels=np.asfortranarray(sightings.pixels))
        self.unknowns = unknowns
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
        self.rows = np.concatenate([self.own, np.tile(self.common, (cameras, 1))], axis=1)
        self.prior_rows = self._prior_rows()
        self.starts = np.searchsorted(sightings.camera, np.arange(cameras + 1))
        self.sums = sums_by_group(sightings.point, len(views.points))
        self.chunks = self._chunks(len(views.points))

    def by_points(self, values: np.ndarray) -> np.ndarray:
        """Values (.,.,N) of sightings, summed over each point's: (.,.,P)."""
        return np.asarray((self.sums @ values.reshape(-1, values.shape[2]).T).T.reshape(*values.shape[:2], -1))

    def _chunks(self, points: int) -> list[Chunk]:
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
            columns, count = self.own[cameras], min(size, points - start)
            known = columns >= 0
            height = int(known.sum())
            row = np.where(known, np.cumsum(known).reshape(known.shape) - 1, height).T.take(camera, axis=1)
            places = (row[:, None] * width + np.arange(width)[:, None]) * count + place[part.point[here]] - start
            unknowns = np.append(columns[known], self.common)
            chunks.append(Chunk(order[start : start + size], here, (height, width, count), places, unknowns))
        return chunks

    def state(self, views: Views) -> State:
        local, pixels = seen(views, self.sightings)
        residuals = pixels - self.sightings.pixels
        behind = local[:, 2] <= NEAREST
        residuals[behind] = 1e3
        weights, cost = cauchy(residuals, exact=self.sightings.exact)
        weights[behind] = 0.0
        return State(views, local, residuals, cost + float(np.sum(self._prior_residuals(views) ** 2)), weights)

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

    def system(self, state: State) -> System:
        views, part = state.views, self.sightings
        jacobian = jacobians(views, part, state.local)
        root = np.sqrt(state.weights)
        columns = [jacobian.turn, jacobian.by_centre] if self.unknowns.moves else [jacobian.turn]
        columns += [jacobian.focal] if self.each >= 0 or self.shared >= 0 else []
        columns += [jacobian.bend] if self.bend >= 0 else []
        weighted = np.concatenate([*columns, state.residuals.T[:, None]], axis=1) * root
        basis = tangents(views.points, self.unknowns.moves)
        by_point = jacobian.by_point(basis.take(part.point, axis=2))
        by_point *= root
        own, cameras = self.own.shape[1], NormalMatrix(self.size)
        blocks = squares(weighted, self.starts)
        cameras.add(self.rows, blocks[:, :-1, :-1])
        right = np.bincount(self.rows.ravel() + 1, blocks[:, :-1, -1].ravel(), self.size + 1)[1:]
        if self.prior_rows.shape[0]:
            right += self.prior_rows.T @ self._prior_residuals(views)
        for start, stop in itertools.pairwise(self.prior_rows.indptr.tolist()):
            values = self.prior_rows.data[start:stop]
            cameras.add(self.prior_rows.indices[start:stop], np.outer(values, values))
        square = self.by_points(products(by_point, np.concatenate([by_point, weighted[:, -1:]], axis=1)))
        return System(
            self, cameras, right, basis, square[:, :-1], square[:, -1], weighted[:, :own], weighted[:, own:-1], by_point
        )

    def step(self, views: Views, system: System, damping: float) -> Views:
        """The views after one damped step."""
        reduced = system.reduced(damping)
        change = -solve_normal(reduced.matrix, reduced.right)
        left = reduced.ahead.copy()
        for chunk, tie in zip(self.chunks, reduced.ties, strict=True):
            left[:, chunk.points] += np.tensordot(change[chunk.unknowns], tie, axes=1)
        own = -np.einsum("jip,jp->ip", reduced.roots, left)
        points = views.points + np.einsum("ijp,jp->pi", system.basis, own)
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
