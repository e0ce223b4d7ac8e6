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

    def overlaps(self, other: Box) -> bool:
        """Whether they have a pixel in common."""
        across = max(self.left, other.left) < min(self.right, other.right)
        return across and max(self.top, other.top) < min(self.bottom, other.bottom)

    def inside(self, outer: Box) -> tuple[slice, slice]:
        """The slices of this box in an array that covers `outer`."""
        rows, columns = self.slices
        return (
            slice(rows.start - outer.top, rows.stop - outer.top),
            slice(columns.start - outer.left, columns.stop - outer.left),
        )


@dataclass(frozen=True)
class Spans:
    """Parts of pixel rows that triangles cover, in no particular order.

    face (S,) int: row of the face array; row, left (S,) int: image coordinates of the first pixel; length (S,) int:
    number of pixels, at least 1.
    """

    face: np.ndarray
    row: np.ndarray
    left: np.ndarray
    length: np.ndarray

    def select(self, which: np.ndarray) -> Spans:
        """Some of them, by mask or index."""
        return Spans(self.face[which], self.row[which], self.left[which], self.length[which])

    def expanded(self, box: Box) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every pixel of every span: span (P,), place within the span (P,), and index (P,), which is row * box width
        + column inside `box`."""
        start = np.cumsum(self.length) - self.length
        span = np.repeat(np.arange(len(self.length)), self.length)
        pixel = np.arange(len(span))
        first = (self.row.astype(np.int64) - box.top) * box.width + self.left - box.left
        return span, pixel - start[span], pixel + (first - start)[span]


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


def spans(pixels: np.ndarray, faces: np.ndarray, box: Box) -> Spans:
    """The pixel rows that every face covers inside `box`. pixels: (V, 2) image coordinates; faces: (N, 3)."""
    x, y = (np.ascontiguousarray(pixels[:, k], dtype=np.float32) for k in range(2))
    # Corners sorted by row: an edge then runs downwards in both triangles that share it, and both find the
    # identical intersection with a pixel row.
    heights = y[faces]
    order = np.argsort(heights, axis=1, kind="stable")
    top, middle, bottom = np.take_along_axis(heights, order, axis=1).T
    across = np.take_along_axis(x[faces], order, axis=1)
    first = np.ceil(np.maximum(top, box.top)).astype(np.int32)
    count = np.ceil(np.minimum(bottom, box.bottom)).astype(np.int32) - first
    live = np.flatnonzero((count > 0) & (across.max(axis=1) >= box.left) & (across.min(axis=1) < box.right))
    first, count, top, middle, bottom = (values[live] for values in (first, count, top, middle, bottom))
    x_top, x_middle, x_bottom = across[live].T

    with np.errstate(divide="ignore", invalid="ignore"):  # a horizontal edge crosses no row: never used
        slope_long = (x_bottom - x_top) / (bottom - top)
        slope_upper = (x_middle - x_top) / (middle - top)
        slope_lower = (x_bottom - x_middle) / (bottom - middle)

    # One entry per row of each triangle.
    triangle = np.repeat(np.arange(len(live)), count)
    row = np.arange(len(triangle)) + (first - (np.cumsum(count) - count))[triangle]
    height = row.astype(np.float32)
    from_top = height - top[triangle]
    one = x_top[triangle] + from_top * slope_long[triangle]
    upper = x_top[triangle] + from_top * slope_upper[triangle]
    lower = x_middle[triangle] + (height - middle[triangle]) * slope_lower[triangle]
    two = np.where(height >= middle[triangle], lower, upper)
    left = np.clip(np.ceil(np.minimum(one, two)), box.left, box.right).astype(np.int32)
    right = np.clip(np.ceil(np.maximum(one, two)), box.left, box.right).astype(np.int32)
    some = np.flatnonzero(right > left)
    return Spans(live[triangle[some]], row[some].astype(np.int32), left[some], right[some] - left[some])


def covered_pixels(pixels: np.ndarray, faces: np.ndarray, box: Box) -> np.ndarray:
    """(box height, box width) bool: the pixels whose centre lies in a face."""
    covered = np.zeros(box.height * box.width, dtype=bool)
    covered[spans(pixels, faces, box).expanded(box)[2]] = True
    return covered.reshape(box.height, box.width)


@dataclass(frozen=True)
class Visible:
    """The nearest face at each pixel's centre, for the pixels of a box that have one; each pixel once.

    index (P,) int: row * box width + column; face (P,) int: row of the face array; nearness (P,) float32; values: C
    arrays (P,) float32 of what was interpolated.
    """

    index: np.ndarray
    face: np.ndarray
    nearness: np.ndarray
    values: list[np.ndarray]


def visible(
    pixels: np.ndarray, faces: np.ndarray, nearness: np.ndarray, box: Box, values: np.ndarray | None = None
) -> Visible:
    """What the faces show at the pixels' centres.

    pixels: (V, 2); nearness: (V,) positive, one over depth, which is linear over a face in the image, and so is a value
    times nearness. values: (V, C), interpolated as they are in space.
    """
    found = spans(pixels, faces, box)
    given = np.zeros((len(pixels), 0)) if values is None else values * nearness[:, None]
    start, slope = _along(found, pixels, faces, np.column_stack([nearness, given]))
    span, place, index = found.expanded(box)
    place = place.astype(np.float32)
    near = start[0][span] + place * slope[0][span]
    nearest = np.zeros(box.height * box.width, dtype=np.float32)
    np.maximum.at(nearest, index, near)
    won = np.flatnonzero(near == nearest[index])
    winner = np.full(len(nearest), -1, dtype=np.intp)
    winner[index[won]] = won
    # Two faces at exactly the same depth: the later one, as everywhere.
    won = won[winner[index[won]] == won]
    span, place, index, near = span[won], place[won], index[won], near[won]
    shown = [(start[k][span] + place * slope[k][span]) / near for k in range(1, len(start))]
    return Visible(index, found.face[span], near, shown)


def _along(found: Spans, pixels: np.ndarray, faces: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (V, C), linear over each face, along the spans: at their first pixel and per pixel, each (C, S) float32.

    A degenerate face gets slopes of zero.
    """
    corners = pixels[faces].astype(np.float64)
    e1, e2 = (corners[:, 1:] - corners[:, :1]).transpose(1, 2, 0)
    area = e1[0] * e2[1] - e1[1] * e2[0]
    inverse = np.divide(1.0, area, out=np.zeros_like(area), where=np.abs(area) > 1e-4)
    base, second, third = np.ascontiguousarray(values.T, dtype=np.float64)[:, faces.T].transpose(1, 0, 2)
    d1, d2 = second - base, third - base
    dx = (d1 * e2[1] - d2 * e1[1]) * inverse
    dy = (d2 * e1[0] - d1 * e2[0]) * inverse
    across = found.left - corners[found.face, 0, 0]
    down = found.row - corners[found.face, 0, 1]
    start = np.empty((len(values.T), len(found.face)), dtype=np.float32)
    slope = np.empty_like(start)
    for k in range(len(start)):
        along = dx[k][found.face]
        start[k] = base[k][found.face] + across * along + down * dy[k][found.face]
        slope[k] = along
    return start, slope


def coverage(pixels: np.ndarray, faces: np.ndarray, owner: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """The pixels that the faces may cover in part, and by how much: index (P,) and fraction (P,) float32 in [0, 1].

    owner: (box height, box width) int, the visible face at each pixel's centre, -1 for none. index: row * box width +
    column. Only pixels at the silhouette can be partly covered, so only the faces near it are resampled, and only
    there, with 16 samples per pixel.
    """
    mask: np.ndarray = (owner >= 0).view(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    boundary = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, kernel))
    near = cv2.dilate(boundary, kernel).view(bool)
    cell = np.rint(np.clip(pixels, [box.left, box.top], [box.right - 1, box.bottom - 1])).astype(int)
    touched = near[cell[:, 1] - box.top, cell[:, 0] - box.left][faces].any(axis=1)
    touched[owner[near & (owner >= 0)]] = True
    faces = faces[touched]
    # How many pixels of the silhouette lie above and to the left of each.
    count = np.asarray(cv2.integral(boundary))
    low, high = (limit(cell[faces], axis=1) for limit in (np.min, np.max))
    faces = faces[
        _within(count, low[:, 1] - box.top - 1, low[:, 0] - box.left - 1, high[:, 1] - box.top + 2,
                high[:, 0] - box.left + 2)
    ]  # fmt: skip
    scale = SUBSAMPLES
    fine = Box(box.left * scale, box.top * scale, box.right * scale, box.bottom * scale)
    found = spans(pixels * scale + (scale - 1) / 2, faces, fine)
    row, left = (found.row - fine.top) // scale, found.left - fine.left
    found = found.select(_within(count, row, left // scale, row + 1, (left + found.length - 1) // scale + 1))
    hit = np.zeros(fine.height * fine.width, dtype=bool)
    hit[found.expanded(fine)[2]] = True
    rows, columns = np.nonzero(boundary)
    parts = hit.reshape(box.height, scale, box.width, scale)[rows, :, columns].reshape(-1, scale * scale)
    return rows * box.width + columns, parts.mean(axis=1, dtype=np.float32)


def _within(count: np.ndarray, top: np.ndarray, left: np.ndarray, bottom: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(N,) bool: whether anything lies in rows top..bottom-1, columns left..right-1, by the integral image `count`."""
    rows, columns = count.shape[0] - 1, count.shape[1] - 1
    top, bottom = np.clip(top, 0, rows), np.clip(bottom, 0, rows)
    left, right = np.clip(left, 0, columns), np.clip(right, 0, columns)
    return np.asarray(count[bottom, right] - count[top, right] - count[bottom, left] + count[top, left] > 0)
