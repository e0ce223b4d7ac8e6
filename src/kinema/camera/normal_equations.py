"""Linear algebra of normal equations: added up from blocks, dense or sparse, and solved."""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse.linalg import splu

DENSE = 2000
"""Largest number of unknowns for which the system is dense."""


class NormalMatrix:
    """A symmetric matrix that is added up from blocks, dense or sparse."""

    def __init__(self, size: int) -> None:
        # One row and column more, for what is not asked for.
        self._dense = np.zeros((size + 1, size + 1)) if size <= DENSE else None
        self._size = size
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, rows: np.ndarray, blocks: np.ndarray) -> None:
        """Add blocks (...,n,n) at some rows (...,n), and columns; -1 for those that do not count."""
        if self._dense is None:
            self._parts.append((rows, blocks))
        elif rows.ndim == 1:
            self._dense[rows[:, None], rows] += blocks
        else:
            places = rows[..., None] % (self._size + 1) * (self._size + 1) + rows[..., None, :] % (self._size + 1)
            np.add.at(self._dense.ravel(), places.ravel(), blocks.ravel())

    def damped(self, damping: float) -> NormalMatrix:
        """A copy, its diagonal grown by a share of itself."""
        grown = NormalMatrix(self._size)
        if self._dense is not None and grown._dense is not None:
            grown._dense[:] = self._dense
            grown._dense.ravel()[:: self._size + 2] *= 1 + damping
        for rows, blocks in self._parts:
            one = np.eye(rows.shape[-1])
            grown._parts.append((rows, blocks * (1 + damping * one)))
        return grown

    def matrix(self) -> np.ndarray | sp.csc_matrix:
        if self._dense is not None:
            return self._dense[:-1, :-1]
        row = np.concatenate([np.repeat(rows, rows.shape[-1]) for rows, _ in self._parts])
        column = np.concatenate([np.repeat(rows[..., None, :], rows.shape[-1], -2).ravel() for rows, _ in self._parts])
        data = np.concatenate([block.ravel() for _, block in self._parts])
        known = (row >= 0) & (column >= 0)
        return sp.coo_matrix((data[known], (row[known], column[known])), shape=(self._size, self._size)).tocsc()


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


def lower_times(lower: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Lower triangular matrices (k,k,N) times vectors (...,k,N)."""
    out = np.empty(vectors.shape)
    for i in range(len(lower)):
        np.multiply(lower[i, 0], vectors[..., 0, :], out=out[..., i, :])
        for j in range(1, i + 1):
            out[..., i, :] += lower[i, j] * vectors[..., j, :]
    return out


def sums_by_group(group: np.ndarray, count: int) -> sp.csr_matrix:
    """The matrix (count, N) that adds up rows by their group (N,)."""
    number = len(group)
    return sp.csr_matrix((np.ones(number), (group, np.arange(number))), shape=(count, number))


def products(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(i,j,N): sums of products of (2,i,N) and (2,j,N)."""
    out = first[0][:, None] * second[0]
    out += first[1][:, None] * second[1]
    return np.asarray(out)


def solve_normal(matrix: np.ndarray | sp.csc_matrix, right: np.ndarray) -> np.ndarray:
    """The solution of a system whose matrix is positive semidefinite: undetermined unknowns stay near zero."""
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
