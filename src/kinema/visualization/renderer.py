"""Rendering of triangle meshes in a calibrated camera: smooth shading, soft light, antialiased silhouettes.

Lighting is computed at the vertices and interpolated over the triangles (Gouraud). On a body, whose
triangles cover a few pixels each, that is indistinguishable from per-pixel lighting, and it keeps
the cost per pixel low. Visibility between meshes is resolved per pixel, whatever their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinema.errors import ShapeError
from kinema.geometry.camera import NEAREST_DEPTH, project, unproject
from kinema.geometry.meshes import Topology, front_facing
from kinema.visualization.raster import Box, bounding_box, coverage, visible

if TYPE_CHECKING:
    from kinema.video.planes import Planes

PLAIN = (0.72, 0.72, 0.74)
"""Default colour of a mesh: a light grey."""
SRGB_GAMMA, SRGB_OFFSET, SRGB_LINEAR = 2.4, 0.055, 0.0031308
"""IEC 61966-2-1: srgb = (1 + offset) * linear ** (1 / gamma) - offset, and 12.92 * linear up to SRGB_LINEAR."""

_PRIMARIES = np.eye(3, 4)
"""The tint of shades that are red, green and blue."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh in the camera's frame.

    vertices (V,3) metres; faces (N,3) int, corners counter-clockwise seen from outside; color (3,) or
    (V,3), sRGB in [0,1]; normals (V,3) of unit length, or None to take them from the faces; topology: that of the
    faces, None to find it for this mesh alone. Raises ShapeError if these are inconsistent.
    """

    vertices: np.ndarray
    faces: np.ndarray
    color: np.ndarray | tuple[float, float, float] = PLAIN
    normals: np.ndarray | None = None
    topology: Topology | None = None

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
        directions = np.stack([_unit(direction) for direction in (self.up, self.key, self.fill)])
        up, key, fill = directions.astype(normals.dtype) @ normals.T
        ambient = self.ground + (self.sky - self.ground) * (0.5 + 0.5 * up)
        return np.asarray(ambient + self.key_strength * np.maximum(key, 0) + self.fill_strength * np.maximum(fill, 0))


@dataclass(frozen=True, eq=False)
class Rendering:
    """Rendered meshes, stored for their bounding box only.

    width, height: the whole image's size. box: the bounding box, empty if nothing is visible. Inside it:
    shades (C,h,w), of which the colour is a linear function: tint (3,C+1), the last column an offset; valid where
    alpha > 0; alpha (h,w) covered fraction of each pixel; depth (h,w) metres along z, inf for background; mesh (h,w)
    int, index of the visible mesh, -1 for none.
    """

    width: int
    height: int
    box: Box
    shades: np.ndarray
    tint: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    mesh: np.ndarray

    @property
    def channels(self) -> np.ndarray:
        """Red, green and blue (3,h,w) float32: sRGB in [0,1], valid where alpha > 0."""
        rgb = np.empty((3, *self.alpha.shape), np.float32)
        for k, (*factors, offset) in enumerate(self.tint.tolist()):
            rgb[k] = offset
            for factor, shade in zip(factors, self.shades, strict=True):
                rgb[k] += factor * shade
        return np.asarray(np.clip(rgb, 0, 1, out=rgb))

    @property
    def color(self) -> np.ndarray:
        """The same as (h,w,3)."""
        return np.ascontiguousarray(np.moveaxis(self.channels, 0, -1))

    def over(self, image: np.ndarray, opacity: float = 1.0) -> np.ndarray:
        """The rendering composited over `image` (H,W,3) uint8 -> (H,W,3) uint8, a new array."""
        out = np.array(image, dtype=np.uint8)
        self.onto(out, opacity)
        return out

    def onto(self, image: np.ndarray, opacity: float = 1.0) -> None:
        """The rendering composited onto `image` (H,W,3) uint8, in place."""
        part = image[self.box.slices]
        below = part.astype(np.float32)
        change = self.color * np.float32(255)
        change -= below
        change *= (self.alpha * np.float32(opacity))[..., None]
        below += change
        below += np.float32(0.5)
        part[...] = below.astype(np.uint8)

    def onto_planes(self, planes: Planes, opacity: float = 1.0) -> None:
        """The rendering composited onto an image of its size, in place."""
        planes.blend(*self.box.slices, self.shades, self.tint, self.alpha * np.float32(opacity))

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
        parts = self.parts(meshes, intrinsics, distortion)
        if not parts:
            return self._empty()
        return parts[0] if len(parts) == 1 else _composed(parts)

    def parts(
        self, meshes: Sequence[Mesh], intrinsics: np.ndarray, distortion: np.ndarray | None = None
    ) -> list[Rendering]:
        """The same as renderings whose boxes do not overlap: people who stand apart leave what is between them alone.

        Meshes that are not visible are in none of them.
        """
        layers = [self._layer(mesh, i, np.asarray(intrinsics), distortion) for i, mesh in enumerate(meshes)]
        groups: list[tuple[Box, list[int]]] = []
        for number, layer in enumerate(layers):
            if layer is None:
                continue
            box, members = layer.box, [number]
            while met := [group for group in groups if group[0].overlaps(box)]:
                groups = [group for group in groups if group not in met]
                for other, numbers in met:
                    box, members = box.joined(other), members + numbers
            groups.append((box, members))
        drawn = [[layer for i in sorted(members) if (layer := layers[i]) is not None] for _, members in groups]
        return [group[0] if len(group) == 1 else _composed(group) for group in drawn]

    def _empty(self) -> Rendering:
        empty = np.zeros((0, 0), dtype=np.float32)
        none = np.zeros((3, 0, 0), dtype=np.float32)
        return Rendering(
            self.width, self.height, Box(0, 0, 0, 0), none, _PRIMARIES, empty, empty, empty.astype(np.int32)
        )

    def _layer(
        self, mesh: Mesh, number: int, intrinsics: np.ndarray, distortion: np.ndarray | None
    ) -> Rendering | None:
        """The rendering of a single mesh, None if it is not visible."""
        vertices = np.asarray(mesh.vertices, dtype=np.float64)
        pixels = project(vertices, intrinsics, distortion)
        usable = vertices[:, 2] > self.near
        if distortion is not None:
            usable &= self._undistortable(vertices, intrinsics, distortion)
        topology = mesh.topology or Topology(mesh.faces, len(vertices))
        points = np.ascontiguousarray(pixels.T, dtype=np.float32)
        front = front_facing(points.take(topology.corners, axis=1))
        if not usable.all():
            front &= usable.take(topology.corners).all(axis=0)
        corner = topology.corners.take(np.flatnonzero(front), axis=1)
        corners = points.take(corner, axis=1)
        box = bounding_box(corners, self.width, self.height)
        if box is None:
            return None

        nearness = (1 / np.maximum(vertices[:, 2], self.near)).take(corner)
        shades, tint = self._shade(mesh, topology)
        # Over a triangle in the image 1/z and value/z are linear; the value itself is not.
        layer = visible(corners, nearness, box, [shade.take(corner) for shade in shades])
        depth = layer[0]
        mask = depth > 0
        with np.errstate(divide="ignore"):
            np.divide(1, depth, out=depth)
        alpha = coverage(points, *topology.outline(front), box)
        covered = _extend(layer, alpha, mask)
        depth[~covered] = np.inf
        which = np.where(covered, np.int32(number), np.int32(-1))
        return Rendering(self.width, self.height, box, layer[1:], tint, alpha, depth, which)

    def _shade(self, mesh: Mesh, topology: Topology) -> tuple[np.ndarray, np.ndarray]:
        """The shades (C,V) of the vertices, and the tint (3,C+1) that makes them lit colours in sRGB.

        With one colour for the whole mesh, each channel of sRGB is its factor times a shade that they share, minus an
        offset, as long as no light is clipped and none falls into the linear part of sRGB; so one is interpolated.
        """
        normals = topology.normals(mesh.vertices) if mesh.normals is None else np.asarray(mesh.normals)
        light = self.light.irradiance(normals)
        color = to_linear(np.asarray(mesh.color, dtype=np.float64))
        if (
            color.ndim == 1
            and np.all(color * light.max() <= 1)
            and np.all((color * light.min() > SRGB_LINEAR) | (color == 0))
        ):
            factors = (1 + SRGB_OFFSET) * color ** (1 / SRGB_GAMMA)
            return (light ** (1 / SRGB_GAMMA))[None], np.stack([factors, np.where(color == 0, 0, -SRGB_OFFSET)], axis=1)
        return to_srgb(color * light[:, None]).T, _PRIMARIES

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
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + SRGB_OFFSET) / (1 + SRGB_OFFSET)) ** SRGB_GAMMA)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """From linear light to sRGB; light beyond 1 is clipped (IEC 61966-2-1)."""
    linear = np.clip(linear, 0, 1)
    curve = (1 + SRGB_OFFSET) * linear ** (1 / SRGB_GAMMA) - SRGB_OFFSET
    return np.where(linear <= SRGB_LINEAR, linear * 12.92, curve)


def _unit(vector: Sequence[float]) -> np.ndarray:
    array = np.asarray(vector, dtype=np.float64)
    return array / np.linalg.norm(array)


def _extend(layer: np.ndarray, alpha: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Give pixels that are partly covered, but not at their centre, the mean of their neighbours that are; (h,w) bool:
    what is covered then.

    layer: (C,h,w), valid where `mask` (h,w); alpha (h,w), how much is covered: 0 from here on where there is no such
    neighbour. Both are changed in place.
    """
    covered = alpha > 0
    index = np.flatnonzero(covered & ~mask)
    height, width = mask.shape
    row, column = np.divmod(index, width)
    steps = np.array([(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right])
    rows, columns = row + steps[:, :1], column + steps[:, 1:]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    around = np.where(inside, rows * width + columns, index)  # itself, which is not known
    known = mask.ravel().take(around)
    count = known.sum(axis=0, dtype=np.float32)
    for plane in layer.reshape(len(layer), -1):
        plane[index] = np.where(known, plane.take(around), 0).sum(axis=0) / np.maximum(count, 1)
    lost = np.divmod(index[count == 0], width)
    alpha[lost], covered[lost] = 0, False
    return covered


def _composed(layers: Sequence[Rendering]) -> Rendering:
    """The layers composited, the nearer one in front at every pixel."""
    first = layers[0]
    box = first.box
    for layer in layers[1:]:
        box = box.joined(layer.box)
    shape = (box.height, box.width)
    channels = np.zeros((3, *shape), dtype=np.float32)  # premultiplied by alpha while compositing
    alpha = np.zeros(shape, dtype=np.float32)
    depth = np.full(shape, np.inf, dtype=np.float32)
    which = np.full(shape, -1, dtype=np.int32)
    for layer in layers:
        part = layer.box.inside(box)
        front = layer.depth < depth[part]
        # How much of the layer, and of what was there, is seen.
        own, other = layer.alpha * np.where(front, 1, 1 - alpha[part]), np.where(front, 1 - layer.alpha, 1)
        for channel, new in zip(channels, layer.channels, strict=True):
            channel[part] = own * new + other * channel[part]
        alpha[part] += layer.alpha * (1 - alpha[part])
        which[part] = np.where(front & (layer.alpha > 0), layer.mesh, which[part])
        depth[part] = np.minimum(depth[part], layer.depth)
    for channel in channels:
        np.divide(channel, alpha, out=channel, where=alpha > 0)
    return Rendering(first.width, first.height, box, channels, _PRIMARIES, alpha, depth, which)
