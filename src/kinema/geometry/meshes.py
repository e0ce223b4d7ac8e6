"""Triangle meshes: pure functions on vertices and faces."""

from __future__ import annotations

import numpy as np


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V,3) of a mesh: the mean of the faces around each vertex, weighted by their area."""
    corners = np.asarray(vertices)[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat = faces.ravel()
    total = np.stack([np.bincount(flat, np.repeat(normals[:, k], 3), len(vertices)) for k in range(3)], axis=-1)
    length = np.linalg.norm(total, axis=-1, keepdims=True)
    return np.asarray(np.divide(total, length, out=np.zeros_like(total), where=length > 1e-30))
