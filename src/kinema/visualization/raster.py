"""Rasterizing triangles on the CPU with whole-array operations: no GL driver, no display, no compiler.

Every triangle is split into the pixel rows that it touches, every row into its pixels, and the nearest
fragment of each pixel wins. All triangles go through each step together, so the work is a few dozen
array operations. For a body of some ten thousand triangles that is several times faster than building
and traversing a ray tracer's BVH for each frame (benchmarks/rendering.py measures the ratio).

A pixel is sampled at its centre, and centres are at integers. A sample that lies exactly on an edge
shared by two triangles belongs to one of them (top-left rule): no holes, no overlaps.
"""

from __future__ import annotations

from collections.abc import Sequence
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

    def expanded(self, box: Box) -> tuple[np.ndarray, np.ndarray]:
        """Every pixel of every span: the span (P,) and the pixel's index (P,), row * box width + column in `box`."""
        span = np.repeat(np.arange(len(self.length)), self.length)
        first = (self.row.astype(np.int64) - box.top) * box.width + (self.left - box.left)
        first -= np.cumsum(self.length) - self.length
        index = first[span]
        index += np.arange(len(span))
        return span, index


def corners_of(pixels: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The corners of faces (N, 3) in the image, (2, 3, N): x and y of the three. pixels: (V, 2)."""
    return np.ascontiguousarray(pixels.T)[:, faces.T]


def front_facing(corners: np.ndarray) -> np.ndarray:
    """(N,) bool: faces whose corners (2, 3, N) appear counter-clockwise (y down), i.e. seen from outside, where their
    normals are outward by the right-hand rule."""
    (ax, bx, cx), (ay, by, cy) = corners
    return np.asarray((bx - ax) * (cy - ay) < (cx - ax) * (by - ay))


def bounding_box(corners: np.ndarray, width: int, height: int) -> Box | None:
    """The bounding box of faces (2, 3, N) in the image, one pixel wider on each side; None if outside the image."""
    if not corners.size:
        return None
    low = np.clip(np.floor(corners.min(axis=(1, 2))) - 1, -1, [width, height]).astype(int)
    high = np.clip(np.ceil(corners.max(axis=(1, 2))) + 2, -1, [width, height]).astype(int)
    left, top = np.maximum(low, 0)
    if left >= high[0] or top >= high[1]:
        return None
    return Box(int(left), int(top), int(high[0]), int(high[1]))


def spans(corners: np.ndarray, box: Box) -> Spans:
    """The pixel rows that every face covers inside `box`. corners: (2, 3, N) image coordinates."""
    (x_top, x_middle, x_bottom), (top, middle, bottom) = _downwards(corners.astype(np.float32))
    first = np.ceil(np.maximum(top, box.top)).astype(np.int32)
    count = np.maximum(np.ceil(np.minimum(bottom, box.bottom)).astype(np.int32) - first, 0)
    with np.errstate(divide="ignore", invalid="ignore"):  # a horizontal edge crosses no row: never used
        slope_long = (x_bottom - x_top) / (bottom - top)
        slope_upper = (x_middle - x_top) / (middle - top)
        slope_lower = (x_bottom - x_middle) / (bottom - middle)

    # One entry per row of each triangle: the upper part of each, then the lower one.
    until = np.clip(np.ceil(middle).clip(box.top, box.bottom).astype(np.int32) - first, 0, count)
    halves = np.concatenate([until, count - until])
    number = np.arange(len(first))
    face = np.repeat(np.concatenate([number, number]), halves)
    begin = np.concatenate([first, first + until]) - (np.cumsum(halves) - halves)
    row = np.arange(len(face), dtype=np.int32) + np.repeat(begin.astype(np.int32), halves)
    height = row.astype(np.float32)
    one = x_top[face] + (height - top[face]) * slope_long[face]
    split = int(until.sum())
    upper, lower = face[:split], face[split:]
    two = np.empty_like(one)
    two[:split] = x_top[upper] + (height[:split] - top[upper]) * slope_upper[upper]
    two[split:] = x_middle[lower] + (height[split:] - middle[lower]) * slope_lower[lower]
    left = np.ceil(np.minimum(one, two)).clip(box.left, box.right).astype(np.int32)
    right = np.ceil(np.maximum(one, two)).clip(box.left, box.right).astype(np.int32)
    some = np.flatnonzero(right > left)
    left = left[some]
    return Spans(face[some], row[some], left, right[some] - left)


def _downwards(corners: np.ndarray) -> np.ndarray:
    """The corners (2, 3, N) of each face sorted by row.

    An edge then runs downwards in both triangles that share it, and both find the identical intersection with a
    pixel row.
    """
    for one, two in ((0, 1), (1, 2), (0, 1)):
        swapped = np.flatnonzero(corners[1, one] > corners[1, two])
        first = corners[:, one, swapped]
        corners[:, one, swapped] = corners[:, two, swapped]
        corners[:, two, swapped] = first
    return corners


def covered_pixels(corners: np.ndarray, box: Box) -> np.ndarray:
    """(box height, box width) bool: the pixels whose centre lies in a face of those with these corners (2, 3, N)."""
    covered = np.zeros(box.height * box.width, dtype=bool)
    covered[spans(corners, box).expanded(box)[1]] = True
    return covered.reshape(box.height, box.width)


@dataclass(frozen=True)
class Visible:
    """The nearest face at each pixel's centre, for the pixels of a box that have one.

    index (P,) int: row * box width + column; face (P,) int: number of the face; nearness (P,) float32; values: C arrays
    (P,) float32 of what was interpolated. A pixel with two faces at one depth occurs twice; the later one counts.
    """

    index: np.ndarray
    face: np.ndarray
    nearness: np.ndarray
    values: list[np.ndarray]


def visible(corners: np.ndarray, nearness: np.ndarray, box: Box, values: Sequence[np.ndarray] = ()) -> Visible:
    """What the faces show at the pixels' centres.

    corners: (2, 3, N); nearness: (3, N) positive, one over depth, which is linear over a face in the image, and so is
    a value times nearness. values: C arrays (3, N), interpolated as they are in space.
    """
    found = spans(corners, box)
    planes = _Planes(corners, box)
    span, index = found.expanded(box)
    face = found.face[span]
    row = (found.row - box.top)[span]
    column = (index - row * np.int64(box.width)).astype(np.float32)
    row = row.astype(np.float32)
    near = planes.at(nearness, face, column, row)
    nearest = np.zeros(box.height * box.width, dtype=np.float32)
    np.maximum.at(nearest, index, near)
    won = np.flatnonzero(near == nearest[index])
    face, index, near, column, row = face[won], index[won], near[won], column[won], row[won]
    return Visible(index, face, near, [planes.at(value * nearness, face, column, row) / near for value in values])


class _Planes:
    """Linear functions over faces in the image, by pixels of a box. A degenerate face gets slopes of zero."""

    def __init__(self, corners: np.ndarray, box: Box) -> None:
        """corners: (2, 3, N) image coordinates."""
        x, y = corners
        self.x, self.y = x[0] - box.left, y[0] - box.top
        self.x1, self.y1, self.x2, self.y2 = x[1] - x[0], y[1] - y[0], x[2] - x[0], y[2] - y[0]
        area = self.x1 * self.y2 - self.y1 * self.x2
        self.inverse = np.divide(1.0, area, out=np.zeros_like(area), where=np.abs(area) > 1e-4)

    def at(self, values: np.ndarray, face: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
        """(P,) float32: values (3, N) of the corners, linear over `face` (P,), at pixels of the box."""
        d1, d2 = values[1] - values[0], values[2] - values[0]
        dx = (d1 * self.y2 - d2 * self.y1) * self.inverse
        dy = (d2 * self.x1 - d1 * self.x2) * self.inverse
        # In doubles: thin faces have steep slopes, and the box's corner may be far away.
        found = (values[0] - self.x * dx - self.y * dy)[face]
        found += column * dx[face]
        found += row * dy[face]
        return np.asarray(found, dtype=np.float32)


def coverage(corners: np.ndarray, mask: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """The pixels that faces may cover in part, and by how much: index (P,) and fraction (P,) float32 in [0, 1].

    corners: (2, 3, N); mask: (box height, box width) bool, the pixels whose centre they cover. index: row * box width +
    column. Only pixels at the silhouette can be partly covered, so only the faces there are resampled, and only
    there, with 16 samples per pixel.
    """
    boundary = np.asarray(cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)))
    # How many pixels of the silhouette lie above and to the left of each.
    count = np.asarray(cv2.integral(boundary))
    origin = np.array([[box.left], [box.top]])
    limit = np.array([[box.width], [box.height]])
    low = np.rint((corners.min(axis=1) - origin).clip(-1, limit)).astype(int)
    high = np.rint((corners.max(axis=1) - origin).clip(-1, limit)).astype(int)
    reach = np.flatnonzero(_within(count, low[1], low[0], high[1] + 1, high[0] + 1))
    scale = SUBSAMPLES
    fine = Box(box.left * scale, box.top * scale, box.right * scale, box.bottom * scale)
    found = spans(corners[..., reach] * scale + (scale - 1) / 2, fine)
    row, left = (found.row - fine.top) // scale, found.left - fine.left
    found = found.select(_within(count, row, left // scale, row + 1, (left + found.length - 1) // scale + 1))
    hit = np.zeros(fine.height * fine.width, dtype=bool)
    hit[found.expanded(fine)[1]] = True
    rows, columns = np.divmod(np.flatnonzero(boundary), box.width)
    parts = hit.reshape(box.height, scale, box.width, scale)[rows, :, columns].reshape(-1, scale * scale)
    return rows * box.width + columns, parts.mean(axis=1, dtype=np.float32)


def _within(count: np.ndarray, top: np.ndarray, left: np.ndarray, bottom: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(N,) bool: whether anything lies in rows top..bottom-1, columns left..right-1, by the integral image `count`."""
    width = count.shape[1]
    flat = count.reshape(-1)
    top, bottom = (np.clip(edge, 0, count.shape[0] - 1) * width for edge in (top, bottom))
    left, right = (np.clip(edge, 0, width - 1) for edge in (left, right))
    return np.asarray(flat[bottom + right] - flat[top + right] > flat[bottom + left] - flat[top + left])
