"""Rendering of triangle meshes in a calibrated camera: smooth shading, soft light, antialiased silhouettes.

Lighting is computed at the vertices and interpolated over the triangles (Gouraud). On a body, whose
triangles cover a few pixels each, that is indistinguishable from per-pixel lighting, and it keeps
the cost per pixel low. Visibility between meshes is resolved per pixel, whatever their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinema.errors import ShapeError
from kinema.geometry.camera import NEAREST_DEPTH, project, unproject
from kinema.geometry.meshes import vertex_normals
from kinema.visualization.raster import Box, bounding_box, coverage, front_facing, interpolate, nearest_faces

PLAIN = (0.72, 0.72, 0.74)
"""Default colour of a mesh: a light grey."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh in the camera's frame.

    vertices (V,3) metres; faces (N,3) int, corners counter-clockwise seen from outside; color (3,) or
    (V,3), sRGB in [0,1]; normals (V,3) of unit length, or None to take them from the faces. Raises
    ShapeError if these are inconsistent.
    """

    vertices: np.ndarray
    faces: np.ndarray
    color: np.ndarray | tuple[float, float, float] = PLAIN
    normals: np.ndarray | None = None

    def __post_init__(self) -> None:
        vertices, faces, color = np.asarray(self.vertices), np.asarray(self.faces), np.asarray(self.color)
        if vertices.ndim != 2 or vertices.shape[1] != 3 or not np.all(np.isfinite(vertices)):
            raise ShapeError(f"mesh: vertices must be (V, 3) finite numbers, found {vertices.shape}")
        if faces.ndim != 2 or faces.shape[1] != 3 or not np.issubdtype(faces.dtype, np.integer):
            raise ShapeError(f"mesh: faces must be (N, 3) integers, found {faces.shape} {faces.dtype}")
        if faces.size and (faces.min() < 0 or faces.max() >= len(vertices)):
            raise ShapeError(f"mesh: a face names vertex {faces.max()}, but there are {len(vertices)} vertices")
        if color.shape not in ((3,), vertices.shape):
            raise ShapeError(f"mesh: color must be (3,) or {vertices.shape}, found {color.shape}")
        normals = self.normals
        if normals is not None and np.shape(normals) != vertices.shape:
            raise ShapeError(f"mesh: normals must be {vertices.shape}, found {np.shape(normals)}")


@dataclass(frozen=True)
class Light:
    """A key light, a weaker fill light from the other side, and ambient light.

    key, fill: directions towards the lights; up: direction of the sky; all in the camera's frame, any length.
    The strengths are linear light; sky and ground are the ambient light from above and below.
    """

    key: tuple[float, float, float] = (-0.55, -0.75, -0.8)
    fill: tuple[float, float, float] = (0.9, -0.1, -0.6)
    up: tuple[float, float, float] = (0.0, -1.0, 0.0)
    key_strength: float = 0.75
    fill_strength: float = 0.25
    sky: float = 0.30
    ground: float = 0.12

    def irradiance(self, normals: np.ndarray) -> np.ndarray:
        """Irradiance of surfaces with these unit normals (V,3) -> (V,), linear."""
        above = 0.5 + 0.5 * (normals @ _unit(self.up))
        key = np.maximum(normals @ _unit(self.key), 0)
        fill = np.maximum(normals @ _unit(self.fill), 0)
        ambient = self.ground + (self.sky - self.ground) * above
        return np.asarray(ambient + self.key_strength * key + self.fill_strength * fill)


@dataclass(frozen=True, eq=False)
class Rendering:
    """Rendered meshes, stored for their bounding box only.

    width, height: the whole image's size. box: the bounding box, empty if nothing is visible. Inside it:
    color (h,w,3) sRGB in [0,1], valid where alpha > 0; alpha (h,w) covered fraction of each pixel;
    depth (h,w) metres along z, inf for background; mesh (h,w) int, index of the visible mesh, -1 for none.
    """

    width: int
    height: int
    box: Box
    color: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    mesh: np.ndarray

    def over(self, image: np.ndarray, opacity: float = 1.0) -> np.ndarray:
        """The rendering composited over `image` (H,W,3) uint8 -> (H,W,3) uint8, a new array."""
        out = np.array(image, dtype=np.uint8)
        part = out[self.box.slices]
        rows, columns = np.nonzero(self.alpha)
        below = part[rows, columns].astype(np.float32)
        weight = (self.alpha[rows, columns] * np.float32(opacity))[:, None]
        part[rows, columns] = (below + weight * (self.color[rows, columns] * 255 - below) + 0.5).astype(np.uint8)
        return out

    def full(self, name: str) -> np.ndarray:
        """One of color, alpha, depth, mesh for the whole image, (H, W, ...)."""
        part = getattr(self, name)
        empty = {"depth": np.inf, "mesh": -1}.get(name, 0)
        whole = np.full((self.height, self.width, *part.shape[2:]), empty, dtype=part.dtype)
        whole[self.box.slices] = part
        return whole


class MeshRenderer:
    """Renders meshes into images of one size. Stateless, so threads may share it."""

    def __init__(self, width: int, height: int, *, light: Light | None = None, near: float = NEAREST_DEPTH) -> None:
        """width, height: pixels. near: near plane in metres; triangles that cross it are left out."""
        if width < 1 or height < 1:
            raise ShapeError(f"renderer: the image must have a positive size, found {width}x{height}")
        self.width, self.height = width, height
        self.light = light or Light()
        self.near = max(near, NEAREST_DEPTH)

    def render(self, meshes: Sequence[Mesh], intrinsics: np.ndarray, distortion: np.ndarray | None = None) -> Rendering:
        """Render the meshes.

        intrinsics: (3,3) pixels; distortion: OpenCV coefficients (4,), (5,) or (8,), or None. Edges between
        vertices are drawn straight although a lens would bend them: fine for triangles of a few pixels.
        """
        layers = [self._layer(mesh, i, np.asarray(intrinsics), distortion) for i, mesh in enumerate(meshes)]
        seen = [layer for layer in layers if layer is not None]
        if not seen:
            return self._empty()
        return seen[0] if len(seen) == 1 else _composed(seen)

    def _empty(self) -> Rendering:
        empty = np.zeros((0, 0), dtype=np.float32)
        color = np.zeros((0, 0, 3), dtype=np.float32)
        return Rendering(self.width, self.height, Box(0, 0, 0, 0), color, empty, empty, empty.astype(np.int32))

    def _layer(
        self, mesh: Mesh, number: int, intrinsics: np.ndarray, distortion: np.ndarray | None
    ) -> Rendering | None:
        """The rendering of a single mesh, None if it is not visible."""
        vertices = np.asarray(mesh.vertices, dtype=np.float64)
        pixels = project(vertices, intrinsics, distortion)
        usable = vertices[:, 2] > self.near
        if distortion is not None:
            usable &= self._undistortable(vertices, intrinsics, distortion)
        faces = np.asarray(mesh.faces)
        if not usable.all():
            faces = faces[usable[faces[:, 0]] & usable[faces[:, 1]] & usable[faces[:, 2]]]
        faces = faces[front_facing(pixels, faces)]
        box = bounding_box(pixels, faces, self.width, self.height)
        if box is None:
            return None

        nearness = 1 / np.maximum(vertices[:, 2], self.near)
        owner = nearest_faces(pixels, faces, nearness, box)
        alpha = coverage(pixels, faces, owner, box)
        # Over a triangle in the image 1/z and value/z are linear; the value itself is not.
        values = np.column_stack([self._shade(mesh) * nearness[:, None], nearness])
        rows, columns = np.nonzero(owner >= 0)
        found = interpolate(pixels, faces, values, rows + box.top, columns + box.left, owner[rows, columns])
        layer = np.zeros((box.height, box.width, 4), dtype=np.float32)
        layer[rows, columns, :3] = np.clip(found[:, :3] / found[:, 3:], 0, 1)
        layer[rows, columns, 3] = 1 / found[:, 3]
        _extend(layer, owner >= 0, alpha)
        depth = np.where(alpha > 0, layer[..., 3], np.float32(np.inf))
        which = np.where(alpha > 0, np.int32(number), np.int32(-1))
        return Rendering(self.width, self.height, box, layer[..., :3], alpha, depth, which)

    def _shade(self, mesh: Mesh) -> np.ndarray:
        """The lit colour of each vertex, (V,3) sRGB."""
        normals = vertex_normals(mesh.vertices, mesh.faces) if mesh.normals is None else np.asarray(mesh.normals)
        light = self.light.irradiance(normals)[:, None]
        return to_srgb(to_linear(np.asarray(mesh.color, dtype=np.float64)) * light)

    def _undistortable(self, vertices: np.ndarray, intrinsics: np.ndarray, distortion: np.ndarray) -> np.ndarray:
        """(V,) bool: not so far outside the image that the lens polynomial, fitted to the image, folds back into it."""
        right, bottom = self.width - 1, self.height - 1
        t = np.linspace(0, 1, 9)
        border = [(right * t, 0 * t), (right * t, 0 * t + bottom), (0 * t, bottom * t), (0 * t + right, bottom * t)]
        points = unproject(np.concatenate([np.stack(side, axis=-1) for side in border]), intrinsics, distortion)
        limit = 1.2 * np.linalg.norm(points, axis=-1).max()
        depth = np.maximum(vertices[:, 2], NEAREST_DEPTH)
        return np.asarray(np.linalg.norm(vertices[:, :2], axis=1) < limit * depth)


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """From sRGB in [0,1] to linear light (IEC 61966-2-1)."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """From linear light to sRGB; light beyond 1 is clipped (IEC 61966-2-1)."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def _unit(vector: Sequence[float]) -> np.ndarray:
    array = np.asarray(vector, dtype=np.float64)
    return array / np.linalg.norm(array)


def _extend(layer: np.ndarray, mask: np.ndarray, alpha: np.ndarray) -> None:
    """Give pixels that are partly covered, but not at their centre, the mean of their covered neighbours.

    layer: (h, w, 4), zero where not `mask`; changed in place.
    """
    rows, columns = np.nonzero((alpha > 0) & ~mask)
    values = np.zeros((len(rows), layer.shape[2]), dtype=np.float32)
    count = np.zeros((len(rows), 1), dtype=np.float32)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            r = np.clip(rows + dy, 0, mask.shape[0] - 1)
            c = np.clip(columns + dx, 0, mask.shape[1] - 1)
            values += layer[r, c]
            count += mask[r, c, None]
    layer[rows, columns] = values / np.maximum(count, 1)


def _composed(layers: Sequence[Rendering]) -> Rendering:
    """The layers composited, the nearer one in front at every pixel."""
    first = layers[0]
    box = first.box
    for layer in layers[1:]:
        box = box.joined(layer.box)
    shape = (box.height, box.width)
    color = np.zeros((*shape, 3), dtype=np.float32)  # premultiplied by alpha while compositing
    alpha = np.zeros(shape, dtype=np.float32)
    depth = np.full(shape, np.inf, dtype=np.float32)
    which = np.full(shape, -1, dtype=np.int32)
    for layer in layers:
        part = layer.box.inside(box)
        front = (layer.depth < depth[part])[..., None]
        above, below = layer.alpha[..., None], alpha[part][..., None]
        own = layer.color * above
        color[part] = np.where(front, own + (1 - above) * color[part], color[part] + (1 - below) * own)
        alpha[part] += layer.alpha * (1 - alpha[part])
        which[part] = np.where(front[..., 0] & (layer.alpha > 0), layer.mesh, which[part])
        depth[part] = np.minimum(depth[part], layer.depth)
    np.divide(color, alpha[..., None], out=color, where=alpha[..., None] > 0)
    return Rendering(first.width, first.height, box, color, alpha, depth, which)
