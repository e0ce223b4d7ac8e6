"""Rasterizing triangles on the CPU with whole-array operations: no GL driver, no display, no compiler.

Every triangle is split into the pixel rows that it touches, every row into its pixels, and the nearest
fragment of each pixel wins. All triangles go through each step together, so the work is a few dozen
array operations. For a body of some ten thousand triangles that is several times faster than building
and traversing a ray tracer's BVH for each frame (benchmarks/rendering.py measures the ratio).

A pixel is sampled at its centre, and centres are at integers. A sample that lies exactly on an edge
shared by two triangles belongs to one of them (top-left rule): no holes, no overlaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SUBSAMPLES = 4
"""Samples along each side of a pixel at the silhouette."""


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels: columns left..right-1, rows top..bottom-1."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns for indexing an (H, W, ...) array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def joined(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def inside(self, outer: Box) -> tuple[slice, slice]:
        """The slices of this box in an array that covers `outer`."""
        rows, columns = self.slices
        return (
            slice(rows.start - outer.top, rows.stop - outer.top),
            slice(columns.start - outer.left, columns.stop - outer.left),
        )


@dataclass(frozen=True)
class Fragments:
    """Samples of triangles inside a box, in no particular order.

    index (P,) int: row * box width + column; face (P,) int: row of the face array; column, row (P,)
    float32: the sample's pixel coordinates in the image.
    """

    index: np.ndarray
    face: np.ndarray
    column: np.ndarray
    row: np.ndarray


def front_facing(pixels: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(N,) bool: faces whose corners appear counter-clockwise (y down), i.e. seen from outside.

    pixels: (V, 2); faces: (N, 3) with outward normals by the right-hand rule.
    """
    a, b, c = (pixels[faces[:, k]] for k in range(3))
    return np.asarray((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) < (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1]))


def bounding_box(pixels: np.ndarray, faces: np.ndarray, width: int, height: int) -> Box | None:
    """The faces' (N, 3) bounding box in the image, one pixel wider on each side; None if outside the image."""
    if not len(faces):
        return None
    used = np.zeros(len(pixels), dtype=bool)
    used[faces.ravel()] = True
    pixels = pixels[used]
    low = np.clip(np.floor(pixels.min(axis=0)) - 1, -1, [width, height]).astype(int)
    high = np.clip(np.ceil(pixels.max(axis=0)) + 2, -1, [width, height]).astype(int)
    left, top = np.maximum(low, 0)
    if left >= high[0] or top >= high[1]:
        return None
    return Box(int(left), int(top), int(high[0]), int(high[1]))


def fragments(pixels: np.ndarray, faces: np.ndarray, box: Box) -> Fragments:
    """Every sample of every face inside `box`. pixels: (V, 2) image coordinates; faces: (N, 3)."""
    x, y = (np.ascontiguousarray(pixels[:, k], dtype=np.float32) for k in range(2))
    a, b, c = (y[faces[:, k]] for k in range(3))
    top, bottom = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    first = np.ceil(np.maximum(top, box.top)).astype(np.int32)
    count = np.ceil(np.minimum(bottom, box.bottom)).astype(np.int32) - first
    a, b, c = (x[faces[:, k]] for k in range(3))
    outside = (np.maximum(np.maximum(a, b), c) < box.left) | (np.minimum(np.minimum(a, b), c) >= box.right)
    live = np.flatnonzero((count > 0) & ~outside)
    first, count = first[live], count[live]
    # Corners sorted by row: an edge then runs downwards in both triangles that share it, and both find the
    # identical intersection with a pixel row.
    corners = faces[live]
    corners = np.take_along_axis(corners, np.argsort(y[corners], axis=1, kind="stable"), axis=1)
    (x_top, x_middle, x_bottom), (top, middle, bottom) = x[corners.T], y[corners.T]

    with np.errstate(divide="ignore", invalid="ignore"):  # a horizontal edge crosses no row: never used
        slope_long = (x_bottom - x_top) / (bottom - top)
        slope_upper = (x_middle - x_top) / (middle - top)
        slope_lower = (x_bottom - x_middle) / (bottom - middle)

    # One entry per row of each triangle.
    triangle = np.repeat(np.arange(len(live)), count)
    row = (np.arange(len(triangle)) + np.repeat(first - (np.cumsum(count) - count), count)).astype(np.float32)
    lower = row >= middle[triangle]
    one = x_top[triangle] + (row - top[triangle]) * slope_long[triangle]
    start = np.where(lower, x_middle[triangle], x_top[triangle])
    height = row - np.where(lower, middle[triangle], top[triangle])
    two = start + height * np.where(lower, slope_lower[triangle], slope_upper[triangle])
    left = np.clip(np.ceil(np.minimum(one, two)), box.left, box.right).astype(np.int32)
    right = np.clip(np.ceil(np.maximum(one, two)), box.left, box.right).astype(np.int32)

    # One entry per pixel of each row.
    length = right - left
    column = np.arange(length.sum()) + np.repeat(left - (np.cumsum(length) - length), length)
    origin = (row.astype(np.int32) - box.top) * box.width - box.left
    return Fragments(
        index=np.repeat(origin, length) + column,
        face=np.repeat(live[triangle], length),
        column=column.astype(np.float32),
        row=np.repeat(row, length),
    )


def planes(pixels: np.ndarray, faces: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Linear interpolation of `values` (V, C) over each face: value = base + dx (x - x0) + dy (y - y0).

    x0, y0 is the face's first corner. Returns base, dx, dy, each (N, C) float32. A degenerate face
    gets slopes of zero.
    """
    corners = pixels[faces].astype(np.float64)
    e1, e2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]
    inverse = np.divide(1.0, area, out=np.zeros_like(area), where=np.abs(area) > 1e-4)[:, None]
    base = values[faces[:, 0]]
    d1, d2 = values[faces[:, 1]] - base, values[faces[:, 2]] - base
    dx = (d1 * e2[:, 1:] - d2 * e1[:, 1:]) * inverse
    dy = (d2 * e1[:, :1] - d1 * e2[:, :1]) * inverse
    return base.astype(np.float32), dx.astype(np.float32), dy.astype(np.float32)


def nearest_faces(pixels: np.ndarray, faces: np.ndarray, nearness: np.ndarray, box: Box) -> np.ndarray:
    """The visible face at each pixel's centre, (box height, box width) int32, -1 for none.

    pixels: (V, 2); nearness: (V,) positive, one over depth, which is linear over a face in the image.
    """
    base, dx, dy = (plane[:, 0] for plane in planes(pixels, faces, nearness[:, None]))
    samples = fragments(pixels, faces, box)
    face = samples.face
    x0, y0 = pixels[faces[:, 0]].astype(np.float32).T
    near = base[face] + (samples.column - x0[face]) * dx[face] + (samples.row - y0[face]) * dy[face]
    nearest = np.zeros(box.height * box.width, dtype=np.float32)
    np.maximum.at(nearest, samples.index, near)
    won = near == nearest[samples.index]
    owner = np.full(box.height * box.width, -1, dtype=np.int32)
    owner[samples.index[won]] = face[won]
    return owner.reshape(box.height, box.width)


def interpolate(
    pixels: np.ndarray, faces: np.ndarray, values: np.ndarray, rows: np.ndarray, columns: np.ndarray, face: np.ndarray
) -> np.ndarray:
    """Values (V, C) of the vertices, linear over `face` (P,) at image pixels rows, columns (P,) -> (P, C) float32."""
    base, dx, dy = planes(pixels, faces, values)
    origin = pixels[faces[:, 0]].astype(np.float32)[face]
    across = columns.astype(np.float32) - origin[:, 0]
    down = rows.astype(np.float32) - origin[:, 1]
    return np.asarray(base[face] + across[:, None] * dx[face] + down[:, None] * dy[face])


def coverage(pixels: np.ndarray, faces: np.ndarray, owner: np.ndarray, box: Box) -> np.ndarray:
    """The fraction of each pixel that the faces cover, (box height, box width) float32 in [0, 1].

    owner: (box height, box width) int, the visible face at each pixel's centre, -1 for none. Only pixels at
    the silhouette can be partly covered, so only the faces near it are resampled, with 16 samples
    per pixel.
    """
    mask: np.ndarray = (owner >= 0).astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    boundary = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, kernel)
    near = cv2.dilate(boundary, kernel).astype(bool)
    cell = np.rint(np.clip(pixels, [box.left, box.top], [box.right - 1, box.bottom - 1])).astype(int)
    touched = near[cell[:, 1] - box.top, cell[:, 0] - box.left][faces].any(axis=1)
    touched[owner[near & (owner >= 0)]] = True
    scale = SUBSAMPLES
    fine = Box(box.left * scale, box.top * scale, box.right * scale, box.bottom * scale)
    samples = fragments(pixels * scale + (scale - 1) / 2, faces[touched], fine)
    hit = np.zeros(fine.height * fine.width, dtype=bool)
    hit[samples.index] = True
    rows, columns = np.nonzero(boundary)
    parts = hit.reshape(box.height, scale, box.width, scale)[rows, :, columns].reshape(-1, scale * scale)
    covered = mask.astype(np.float32)
    covered[rows, columns] = parts.mean(axis=1)
    return covered
