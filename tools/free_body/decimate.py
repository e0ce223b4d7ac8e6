"""Decimates a half mesh to an exact number of vertices, which are a subset of the original ones.

Half-edge collapse (a vertex is merged into a neighbour) by the quadric error of Garland and Heckbert 1997,
plus a term that grows with edge length, so that flat parts keep an even density. Because kept vertices are
original ones, targets, weights and labels need no transfer. The border (the plane x = 0) is only collapsed
along itself, so that the mirrored halves still match.
"""

from __future__ import annotations

import heapq

import numpy as np

EVENNESS = 0.03
"""Weight of (edge length)^2 relative to the squared distance to the original surface."""


def decimate_half(vertices: np.ndarray, triangles: np.ndarray, total: int, importance: np.ndarray) -> np.ndarray:
    """Collapse the half mesh until the whole mirrored mesh has `total` vertices.

    vertices (V,3) metres; triangles (N,3), border on x = 0; total even; importance (V,) multiplies the cost
    of removing a vertex. Returns triangles (M,3), indices into the same vertices.
    """
    half = _Half(vertices, triangles, importance)
    heap = [(half.cost(u, v), u, v, 0) for u in half.around for v in half.around[u] if half.may_collapse(u, v)]
    heapq.heapify(heap)
    while half.count_whole() > total:
        _, u, v, stamp = heapq.heappop(heap)
        if u not in half.around or v not in half.around[u] or stamp != half.stamp[u]:
            continue
        seam = u in half.border
        if seam and half.count_whole() - 1 < total:
            continue
        left = half.count_whole() - total
        if (not seam and left == 1) or not half.allowed(u, v):
            continue  # only one left: wait for a vertex on the symmetry plane
        touched = half.collapse(u, v)
        for a in touched:
            half.stamp[a] += 1
            for b in half.around[a]:
                if half.may_collapse(a, b):
                    heapq.heappush(heap, (half.cost(a, b), a, b, half.stamp[a]))
    return half.triangles()


class _Half:
    def __init__(self, vertices: np.ndarray, triangles: np.ndarray, importance: np.ndarray) -> None:
        self.position, self.importance = vertices, importance
        self.faces: dict[int, tuple[int, int, int]] = {i: tuple(t) for i, t in enumerate(triangles.tolist())}
        self.of_vertex: dict[int, set[int]] = {}
        for i, face in self.faces.items():
            for v in face:
                self.of_vertex.setdefault(v, set()).add(i)
        self.around = {v: self._neighbours(v) for v in self.of_vertex}
        self.border = {v for v in self.around if abs(vertices[v, 0]) < 1e-7}
        self.stamp = dict.fromkeys(self.around, 0)
        self.quadric = {v: np.zeros((4, 4)) for v in self.around}
        self.area = dict.fromkeys(self.around, 0.0)
        a, b, c = (vertices[triangles[:, k]] for k in range(3))
        cross = np.cross(b - a, c - a)
        area = 0.5 * np.linalg.norm(cross, axis=1)
        normal = cross / np.maximum(2 * area, 1e-12)[:, None]
        plane = np.concatenate([normal, -np.sum(normal * a, axis=1, keepdims=True)], axis=1)
        for i, face in self.faces.items():
            for v in face:
                self.quadric[v] += area[i] * np.outer(plane[i], plane[i])
                self.area[v] += area[i] / 3

    def _neighbours(self, v: int) -> set[int]:
        return {w for i in self.of_vertex[v] for w in self.faces[i]} - {v}

    def count_whole(self) -> int:
        return 2 * len(self.around) - len(self.border)

    def triangles(self) -> np.ndarray:
        return np.array([self.faces[i] for i in sorted(self.faces)])

    def may_collapse(self, u: int, v: int) -> bool:
        """Whether u may ever be merged into v: vertices on the symmetry plane only along it."""
        return u not in self.border or v in self.border

    def cost(self, u: int, v: int) -> float:
        point = np.append(self.position[v], 1.0)
        length = float(np.sum((self.position[u] - self.position[v]) ** 2))
        distance = float(point @ self.quadric[u] @ point)
        return float(self.importance[u]) * (distance + EVENNESS * self.area[u] * length)

    def allowed(self, u: int, v: int) -> bool:
        """Whether the mesh stays valid: link condition, symmetry plane, no flipped triangles, no fans."""
        common = self.around[u] & self.around[v]
        on_border = u in self.border and v in self.border
        if len(common) != (1 if on_border else 2):
            return False
        if on_border and len([i for i in self.of_vertex[u] if v in self.faces[i]]) != 1:
            return False
        if v in self.border and u not in self.border:
            others = (self.around[u] & self.border) - {v}
            if not others <= self.around[v]:
                return False
        if len(self.around[u] | self.around[v]) - 2 > 10:
            return False
        for i in self.of_vertex[u]:
            face = self.faces[i]
            if v in face:
                continue
            old = self._normal(face)
            new = self._normal(tuple(v if w == u else w for w in face))
            size = np.linalg.norm(new)
            if size < 1e-10 or old @ new < 0.3 * np.linalg.norm(old) * size or self._thin(face, u, v):
                return False
        return True

    def _normal(self, face: tuple[int, ...]) -> np.ndarray:
        a, b, c = self.position[list(face)]
        p, q = b - a, c - a
        return np.array([p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]])

    def _thin(self, face: tuple[int, ...], u: int, v: int) -> bool:
        """Whether moving u to v makes a sliver worse than the original triangle."""
        return self._quality(tuple(v if w == u else w for w in face)) < min(0.12, self._quality(face))

    def _quality(self, face: tuple[int, ...]) -> float:
        """Twice the area over the longest side squared: 0.87 for an equilateral triangle."""
        a, b, c = self.position[list(face)]
        longest = max(np.sum((a - b) ** 2), np.sum((b - c) ** 2), np.sum((c - a) ** 2))
        return float(np.linalg.norm(self._normal(face)) / longest)

    def collapse(self, u: int, v: int) -> list[int]:
        """Merge u into v. Returns the vertices whose collapse costs changed."""
        touched = sorted(self.around[u])
        for i in list(self.of_vertex.pop(u)):
            face = self.faces[i]
            if v in face:
                for w in face:
                    if w != u:
                        self.of_vertex[w].discard(i)
                del self.faces[i]
            else:
                self.faces[i] = tuple(v if w == u else w for w in face)
                self.of_vertex[v].add(i)
        self.quadric[v] = self.quadric[v] + self.quadric.pop(u)
        self.area[v] += self.area.pop(u)
        del self.around[u]
        self.border.discard(u)
        for w in touched:
            self.around[w] = self._neighbours(w)
        return touched
