"""The closed outer skin as a half mesh: mouth and eye cavities removed, eyeballs stitched in.

The base mesh's skin is one closed quad mesh that continues through the lips into the mouth
and through the eyelids behind the eyes. The hidden faces are removed and the borders
closed: upper lip with lower lip, eyelids with the front of the eyeball. Everything is done on the left half
(x >= 0), which is mirrored at the end, so the result is exactly symmetric.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from free_body.makehuman import NUM_SKIN, MakeHuman
from scipy.sparse.csgraph import connected_components
from trimesh import Trimesh
from trimesh.ray.ray_pyembree import RayMeshIntersector

EYE_RINGS, EYE_SIDES = 9, 8  # the helper eyeball: EYE_SIDES columns of EYE_RINGS vertices from the pupil back
EYE_BORDER = 4  # this ring of the eyeball meets the eyelids


@dataclass(frozen=True)
class HalfSurface:
    """The left half of the skin; indices are those of the base mesh.

    triangles (N,3), whose only border is in the plane x = 0. lids: the rim of the eye opening, in ring order.
    mouth_corner: where the lips meet at the side.
    """

    triangles: np.ndarray
    lids: np.ndarray
    mouth_corner: int


def half_surface(data: MakeHuman, vertices: np.ndarray) -> HalfSurface:
    """Remove the cavities and close the borders. vertices (NUM_VERTICES,3) metres, any adult shape."""
    quads = data.quads[data.quad_group == "body"]
    quads = quads[vertices[quads].mean(axis=1)[:, 0] > 0]
    quads = _largest_component(_cut(quads, _hidden(data, vertices)))
    triangles = _split(quads, vertices)
    eye, eye_border = _eye_front(data, vertices)
    triangles = np.concatenate([triangles, eye])
    lids = _border_near(triangles, vertices, vertices[eye_border].mean(axis=0), exclude=set(eye_border.tolist()))
    lips = _lip_chains(triangles, vertices)
    patches = [_zip_rings(eye_border, lids, vertices), _zip_chains(*lips, vertices)]
    closed = np.concatenate([triangles, *(_facing_like(triangles, patch) for patch in patches)])
    return HalfSurface(closed, lids, int(lips[0][-1]))


def _hidden(data: MakeHuman, vertices: np.ndarray) -> np.ndarray:
    """(NUM_VERTICES,) bool: skin not reached by any ray from outside, in the three large cavities."""
    shown = np.isin(data.quad_group, ("body", "helper-l-eye", "helper-r-eye"))
    triangles = _split(data.quads[shown], vertices)
    mesh = Trimesh(vertices, triangles, process=False)
    rays = RayMeshIntersector(mesh, scale_to_box=False)
    skin = np.arange(NUM_SKIN)
    start = vertices[skin] + 2e-4 * mesh.vertex_normals[skin]
    reached = np.zeros(NUM_SKIN, dtype=bool)
    for direction in _sphere(200):
        todo = np.flatnonzero(~reached)
        free = ~rays.intersects_any(start[todo] + 1e-4 * direction, np.tile(direction, (len(todo), 1)))
        reached[todo[free]] = True
    reached |= reached[data.mirror[:NUM_SKIN]]
    body = data.quads[data.quad_group == "body"]
    edges = np.concatenate([body[:, [i, (i + 1) % 4]] for i in range(4)])
    graph = scipy.sparse.coo_matrix((np.ones(len(edges)), edges.T), shape=(NUM_SKIN, NUM_SKIN)).tocsr()
    inside = np.flatnonzero(~reached)
    _, piece = connected_components(graph[inside][:, inside], directed=False)
    large = np.flatnonzero(np.bincount(piece) > 100)
    hidden = np.zeros(len(vertices), dtype=bool)
    hidden[inside[np.isin(piece, large)]] = True
    return hidden


def _cut(quads: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """The quads that are not fully hidden, cut back until no border touches itself."""
    hidden = hidden.copy()
    while True:
        kept = quads[~hidden[quads].all(axis=1)]
        starts = border_edges(np.concatenate([kept[:, [0, 1, 2]], kept[:, [0, 2, 3]]]))[:, 0]
        touching = np.flatnonzero(np.bincount(starts) > 1)
        if not len(touching):
            return kept
        around = quads[np.isin(quads, touching).any(axis=1)]
        hidden[around[hidden[around].any(axis=1)]] = True


def _largest_component(quads: np.ndarray) -> np.ndarray:
    """The connected component with the most quads."""
    size = int(quads.max()) + 1
    edges = np.concatenate([quads[:, [i, (i + 1) % 4]] for i in range(4)])
    graph = scipy.sparse.coo_matrix((np.ones(len(edges)), edges.T), shape=(size, size))
    _, piece = connected_components(graph, directed=False)
    of_quad = piece[quads[:, 0]]
    return quads[of_quad == np.bincount(of_quad).argmax()]


def _sphere(count: int) -> np.ndarray:
    """Directions distributed evenly over the sphere, (count, 3)."""
    i = np.arange(count) + 0.5
    polar, around = np.arccos(1 - 2 * i / count), np.pi * (1 + 5**0.5) * i
    return np.stack([np.cos(around) * np.sin(polar), np.sin(around) * np.sin(polar), np.cos(polar)], axis=1)


def _split(quads: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Quads (N,4) into triangles (2N,3) along the shorter diagonal."""
    a, b, c, d = vertices[quads].transpose(1, 0, 2)
    first = np.linalg.norm(a - c, axis=1) <= np.linalg.norm(b - d, axis=1)
    q = np.where(first[:, None], quads, np.roll(quads, -1, axis=1))
    return np.concatenate([q[:, [0, 1, 2]], q[:, [0, 2, 3]]])


def _eye_front(data: MakeHuman, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of the left eyeball's front, and its border ring (EYE_SIDES,)."""
    ids = data.groups["helper-l-eye"].reshape(EYE_SIDES, EYE_RINGS)
    keep = np.isin(data.quads, ids[:, : EYE_BORDER + 1]).all(axis=1)
    return _split(data.quads[keep], vertices), ids[:, EYE_BORDER]


def border_edges(triangles: np.ndarray) -> np.ndarray:
    """Directed edges (N,2) that belong to only one triangle."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    seen = {(int(a), int(b)) for a, b in edges}
    return np.array(sorted(e for e in seen if (e[1], e[0]) not in seen))


def _loops(edges: np.ndarray) -> list[list[int]]:
    """Closed vertex loops along directed edges; an error if the border touches itself."""
    follow = dict(edges.tolist())
    if len(follow) != len(edges):
        raise RuntimeError("the cut touches itself; the cavities' border is not a simple loop")
    out = []
    while follow:
        start = min(follow)
        loop, at = [start], follow.pop(start)
        while at != start:
            loop.append(at)
            at = follow.pop(at)
        out.append(loop)
    return out


def _border_near(triangles: np.ndarray, vertices: np.ndarray, centre: np.ndarray, exclude: set[int]) -> np.ndarray:
    """The border loop whose centre is nearest to `centre`, ignoring loops with excluded vertices."""
    loops = [np.array(loop) for loop in _loops(border_edges(triangles)) if not exclude & set(loop)]
    return min(loops, key=lambda loop: float(np.linalg.norm(vertices[loop].mean(axis=0) - centre)))


def _lip_chains(triangles: np.ndarray, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The borders of upper and lower lip from the symmetry plane to the corner of the mouth.

    In the half mesh the mouth's cut opens into the symmetry plane: it is the section of the long border whose
    inner vertices leave x = 0 near the face's front.
    """
    loop = max(_loops(border_edges(triangles)), key=len)
    off = [abs(vertices[v][0]) > 1e-6 for v in loop]
    start = next(i for i in range(len(loop)) if off[i] and not off[i - 1])
    chain = [loop[start - 1]]
    at = start
    while off[at % len(loop)]:
        chain.append(loop[at % len(loop)])
        at += 1
    chain.append(loop[at % len(loop)])
    corner = int(np.argmax(vertices[chain][:, 0]))
    one, two = np.array(chain[: corner + 1]), np.array(chain[corner:][::-1])
    return (one, two) if vertices[one][:, 1].mean() > vertices[two][:, 1].mean() else (two, one)


def _zip_chains(upper: np.ndarray, lower: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Triangles between two chains that end in the same vertex, always along the shorter diagonal."""
    out, i, j = [], 0, 0
    while i < len(upper) - 1 or j < len(lower) - 1:
        up = j == len(lower) - 1
        if not up and i < len(upper) - 1:
            rise = np.linalg.norm(vertices[upper[i + 1]] - vertices[lower[j]])
            up = rise <= np.linalg.norm(vertices[lower[j + 1]] - vertices[upper[i]])
        if up:
            out.append((upper[i], lower[j], upper[i + 1]))
            i += 1
        else:
            out.append((upper[i], lower[j], lower[j + 1]))
            j += 1
    return np.array([t for t in out if len(set(t)) == 3])


def _zip_rings(inner: np.ndarray, outer: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Triangles between two rings about the same axis (the eye's, z), both in ring order, by angle."""
    middle = vertices[inner].mean(axis=0)

    def oriented(ring: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        offset = vertices[ring] - middle
        angle = np.unwrap(np.arctan2(offset[:, 1], offset[:, 0]))
        if angle[-1] < angle[0]:
            return oriented(ring[::-1])
        start = int(np.argmin(np.mod(angle, 2 * np.pi)))
        ring, offset = np.roll(ring, -start), np.roll(offset, -start, axis=0)
        angle = np.unwrap(np.arctan2(offset[:, 1], offset[:, 0]))
        angle += 2 * np.pi * np.round((0.0 - angle[0]) / (2 * np.pi))
        return ring, np.maximum.accumulate(angle)

    (a, angle_a), (b, angle_b) = oriented(inner), oriented(outer)
    out, i, j = [], 0, 0
    while i < len(a) or j < len(b):
        next_a = angle_a[(i + 1) % len(a)] + 2 * np.pi * ((i + 1) // len(a))
        next_b = angle_b[(j + 1) % len(b)] + 2 * np.pi * ((j + 1) // len(b))
        if j >= len(b) or (i < len(a) and next_a < next_b):
            out.append((a[i % len(a)], b[j % len(b)], a[(i + 1) % len(a)]))
            i += 1
        else:
            out.append((a[i % len(a)], b[j % len(b)], b[(j + 1) % len(b)]))
            j += 1
    return np.array(out)


def _facing_like(triangles: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """The patch, flipped if it runs along the triangles' border in the same direction."""
    border = {tuple(edge) for edge in border_edges(triangles).tolist()}
    return patch[:, ::-1] if border & {tuple(edge) for edge in border_edges(patch).tolist()} else patch


def mirrored(triangles: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """The left half's triangles and their mirror images, oriented so that both face outwards."""
    return np.concatenate([triangles, mirror[triangles][:, ::-1]])
