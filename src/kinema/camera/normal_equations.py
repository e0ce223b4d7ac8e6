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
    rows = [
        sum(lower[i, j] * vectors[..., j, :] for j in range(i + 1)) for i in range(len(lower))
    ]  # fmt: skip
    return np.stack(rows, axis=-2)


def sums_by_group(group: np.ndarray, count: int) -> sp.csr_matrix:
    """The matrix (count, N) that adds up rows by their group (N,)."""
    number = len(group)
    return sp.csr_matrix((np.ones(number), (group, np.arange(number))), shape=(count, number))


def products(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(i,j,N): sums of products of (2,i,N) and (2,j,N)."""
    return np.asarray(first[0][:, None] * second[0] + first[1][:, None] * second[1])


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
