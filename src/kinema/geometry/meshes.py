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


def corners_of(pixels: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The corners of faces (N, 3) in the image, (2, 3, N): x and y of the three. pixels: (V, 2)."""
    # An index in brackets would leave x and y of a corner side by side, and what follows reads one after the other.
    return np.ascontiguousarray(pixels.T).take(faces.T, axis=1)


def front_facing(corners: np.ndarray) -> np.ndarray:
    """(N,) bool: faces whose corners (2, 3, N) appear counter-clockwise (y down), i.e. seen from outside, where their
    normals are outward by the right-hand rule."""
    (ax, bx, cx), (ay, by, cy) = corners
    return np.asarray((bx - ax) * (cy - ay) < (cx - ax) * (by - ay))


class Topology:
    """Quantities of a mesh that depend on its faces alone, computed once for many poses.

    corners (3,N): the first, second and third vertex of each face; edges (2,E): the vertices of each edge, once.
    """

    def __init__(self, faces: np.ndarray, num_vertices: int) -> None:
        """faces: (N,3) int."""
        self.corners = np.ascontiguousarray(np.asarray(faces).T, dtype=np.int64)
        begin, end = self.corners.ravel(), self.corners[[1, 2, 0]].ravel()
        keys = np.minimum(begin, end) * num_vertices + np.maximum(begin, end)
        keys, edge = np.unique(keys, return_inverse=True)
        self.edges = np.stack([keys // num_vertices, keys % num_vertices])
        count = self.corners.shape[1]
        numbers = np.tile(np.arange(count), 3)
        along = np.where(begin < end, 1, -1).astype(np.int8)
        self._sides = scipy.sparse.csr_matrix((along, (edge.ravel(), numbers)), shape=(len(keys), count))
        ones = np.ones(3 * count, np.float32)
        self._around = scipy.sparse.csr_matrix((ones, (begin, numbers)), shape=(num_vertices, count))

    def normals(self, vertices: np.ndarray) -> np.ndarray:
        """`vertex_normals` of vertices (V,3), in single precision."""
        sides = []
        for axis in np.ascontiguousarray(np.asarray(vertices).T):
            first, *others = (axis.take(corner) for corner in self.corners)
            sides.append([(other - first).astype(np.float32, copy=False) for other in others])
        total = np.empty((3, len(vertices)), np.float32)
        for k in range(3):
            (a, a_next), (b, b_next) = sides[(k + 1) % 3], sides[(k + 2) % 3]
            total[k] = self._around @ (a * b_next - b * a_next)
        length = np.sqrt(np.einsum("kv,kv->v", total, total))
        return np.asarray(np.divide(total, length, out=np.zeros_like(total), where=length > 1e-15).T)

    def outline(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The edges around some faces, faces (N,) bool: their vertices (2,E), and how many more of the faces run from
        the first to the second than back, (E,) int, never 0."""
        more = self._sides @ faces.astype(np.int8)
        some = np.flatnonzero(more)
        return self.edges[:, some], more[some]
