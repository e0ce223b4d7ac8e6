"""Triangle meshes: pure functions on vertices and faces."""

from __future__ import annotations

import numpy as np
import scipy.sparse


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V,3) of a mesh: the mean of the faces around each vertex, weighted by their area."""
    corners = np.asarray(vertices)[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat = faces.ravel()
    total = np.stack([np.bincount(flat, np.repeat(normals[:, k], 3), len(vertices)) for k in range(3)], axis=-1)
    length = np.linalg.norm(total, axis=-1, keepdims=True)
    return np.asarray(np.divide(total, length, out=np.zeros_like(total), where=length > 1e-30))


class VertexNormals:
    """`vertex_normals` of many poses of one mesh: what depends on the faces alone is computed once."""

    def __init__(self, faces: np.ndarray, num_vertices: int) -> None:
        """faces: (N,3) int."""
        self._corners = np.ascontiguousarray(np.asarray(faces).T)
        numbers = np.tile(np.arange(len(faces)), 3)
        ones = np.ones(3 * len(faces))
        shape = (num_vertices, len(faces))
        self._around = scipy.sparse.csr_matrix((ones, (self._corners.ravel(), numbers)), shape=shape)

    def __call__(self, vertices: np.ndarray) -> np.ndarray:
        """Unit normals (V,3) of vertices (V,3)."""
        columns = np.ascontiguousarray(np.asarray(vertices, dtype=np.float64).T)
        first, second, third = (columns[:, corner] for corner in self._corners)
        second -= first
        third -= first
        normals = np.empty((self._around.shape[1], 3))
        for axis in range(3):
            a, b = (axis + 1) % 3, (axis + 2) % 3
            normals[:, axis] = second[a] * third[b] - second[b] * third[a]
        total = self._around @ normals
        length = np.sqrt(np.einsum("vi,vi->v", total, total))[:, None]
        return np.asarray(np.divide(total, length, out=np.zeros_like(total), where=length > 1e-30))
