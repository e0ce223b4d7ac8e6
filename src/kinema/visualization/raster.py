"""Rasterizing triangles on the CPU with whole-array operations: no GL driver, no display, no compiler.

Every triangle is split into the pixel rows that it touches, every row into its pixels, and the nearest
fragment of each pixel wins. All triangles go through each step together, so the work is a few dozen
array operations. For a body of some ten thousand triangles that is several times faster than building
and traversing a ray tracer's BVH for each frame (benchmarks/rendering.py measures the ratio). How much of
a pixel is covered is found apart from that, from the few edges of the outline.

A pixel is sampled at its centre, and centres are at integers. A sample that lies exactly on an edge
shared by two triangles belongs to one of them (top-left rule): no holes, no overlaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LINES = 4
"""Lines per row of pixels along which coverage is measured."""
STEPS = 64
"""Into how many parts of a pixel: a power of two, so that sums of them are exact."""


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
        end = np.cumsum(self.length)
        span = _numbers(end)
        first = (self.row - box.top) * np.int64(box.width) + (self.left - box.left)
        first -= end - self.length
        index = first.take(span)
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
    """The bounding box of faces (2, 3, N) in the image, one pixel wider on each side; None if outside the image.

    It starts and ends at even pixels, or where the image ends: videos store colour for two by two pixels.
    """
    if not corners.size:
        return None
    low = np.clip(np.floor(corners.min(axis=(1, 2))) - 1, -1, [width, height]).astype(int)
    high = np.clip(np.ceil(corners.max(axis=(1, 2))) + 2, -1, [width, height]).astype(int)
    left, top = np.maximum(low - low % 2, 0)
    right, bottom = np.minimum(high + high % 2, [width, height])
    if left >= right or top >= bottom:
        return None
    return Box(int(left), int(top), int(right), int(bottom))


def spans(corners: np.ndarray, box: Box) -> Spans:
    """The pixel rows that every face covers inside `box`. corners: (2, 3, N) image coordinates."""
    (x_top, x_middle, x_bottom), (top, middle, bottom) = _downwards(corners)
    first, split, stop = (np.ceil(np.clip(edge, box.top, box.bottom)) for edge in (top, middle, bottom))
    # Of each face the rows of the upper part, then of the lower one: between the long edge and another.
    long = np.tile(_line(x_top, top, x_bottom, bottom), 2)
    short = np.concatenate([_line(x_top, top, x_middle, middle), _line(x_middle, middle, x_bottom, bottom)], axis=1)
    count = np.concatenate([split - first, stop - split]).astype(np.int64)
    end = np.cumsum(count)
    part = _numbers(end)
    row = (np.concatenate([first, split]) - (end - count)).take(part)
    row += np.arange(len(part))
    one, two = (line[0].take(part) * row + line[1].take(part) for line in (long, short))
    left = np.ceil(np.minimum(one, two)).clip(box.left, box.right)
    length = np.ceil(np.maximum(one, two)).clip(box.left, box.right) - left
    some = np.flatnonzero(length > 0)
    face = np.tile(np.arange(len(first)), 2).take(part.take(some))
    row, left, length = (values.take(some).astype(np.int64) for values in (row, left, length))
    return Spans(face, row, left, length)


_TIE = 1e-6
"""Pixels: less than what coordinates are known to, more than what double precision loses on them."""
_ORDERS = np.array([[0, 1, 2], [1, 0, 2], [0, 2, 1], [0, 0, 0], [0, 0, 0], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
"""Corners of a face from the top down, by whether the first is below the second (1), the second below the third (2)
and the first below the third (4)."""


def _downwards(corners: np.ndarray) -> np.ndarray:
    """The corners (2, 3, N) of each face sorted by row, in double precision.

    An edge then runs downwards in both triangles that share it, and both find the identical intersection with a
    pixel row.
    """
    x, y = np.asarray(corners, dtype=np.float64)
    code = (y[0] > y[1]) + 2 * (y[1] > y[2]) + 4 * (y[0] > y[2])
    order = _ORDERS.T.take(code, axis=1) * y.shape[1] + np.arange(y.shape[1])
    return np.stack([x.take(order), y.take(order)])


def _line(x: np.ndarray, y: np.ndarray, x_end: np.ndarray, y_end: np.ndarray) -> np.ndarray:
    """Slope and offset (2, N) of the lines through two points each, as functions of the row.

    They are `_TIE` to the left: lines that start at the centre of a pixel all lie left of it, however they are rounded.
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # a horizontal line crosses no row: never used
        slope = (x_end - x) / (y_end - y)
        return np.stack([slope, x - y * slope - _TIE])


def _numbers(end: np.ndarray) -> np.ndarray:
    """0 for the first places up to `end[0]`, 1 for those up to `end[1]`, and so on. Faster than np.repeat for few."""
    if not len(end):
        return np.zeros(0, np.int64)
    return np.cumsum(np.bincount(end, minlength=int(end[-1]) + 1)[:-1])


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
    face = found.face.take(span)
    row = (found.row - box.top).take(span)
    column = (index - row * np.int64(box.width)).astype(np.float32)
    row = row.astype(np.float32)
    near = planes.at(nearness, face, column, row)
    nearest = np.zeros(box.height * box.width, dtype=np.float32)
    np.maximum.at(nearest, index, near)
    won = np.flatnonzero(near == nearest.take(index))
    face, index, near, column, row = (each.take(won) for each in (face, index, near, column, row))
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
        found = (values[0] - self.x * dx - self.y * dy).take(face)
        found += column * dx.take(face)
        found += row * dy.take(face)
        return np.asarray(found, dtype=np.float32)


def coverage(points: np.ndarray, edges: np.ndarray, weights: np.ndarray, box: Box) -> np.ndarray:
    """How much of each pixel faces cover: (box height, box width) float32 in [0, 1].

    points: (2, V) image coordinates; edges (2, E): the points from which and to which the faces' edges run; weights
    (E,) int: how many more faces there are on an edge's left than on its right, as the camera sees it. Where faces
    meet that is 0, so the edges of the outline are enough. Along `LINES` lines per row of pixels the length that is
    covered is measured, to 1 / `STEPS` of a pixel.
    """
    (x, x_end), (y, y_end) = (axis.take(edges).astype(np.float64) for axis in points)
    y, y_end = (LINES * rows + (LINES - 1) / 2 for rows in (y, y_end))
    slope, offset = _line(x, y, x_end, y_end)
    limits = LINES * box.top, LINES * box.bottom
    first, stop = (np.ceil(np.clip(end, *limits)) for end in (np.minimum(y, y_end), np.maximum(y, y_end)))
    count = (stop - first).astype(np.int64)
    end = np.cumsum(count)
    edge = _numbers(end)
    line = (first - (end - count)).take(edge) + np.arange(len(edge))
    across = slope.take(edge) * line + offset.take(edge) - (box.left - 0.5)
    row_length = STEPS * (box.width + 1)
    place = (line - limits[0]).astype(np.int64) * row_length + np.rint(STEPS * across.clip(0, box.width)).astype(
        np.int64
    )
    order = np.argsort(place)
    # Along each line from left to right: how many faces there are after each edge and before it. Edges at which there
    # are none on one side are where what is covered starts or ends.
    more = (np.sign(y_end - y) * weights).astype(np.int64).take(edge.take(order))
    after = np.cumsum(more)
    change = (after > 0).astype(np.int32) - (after > more)
    some = np.flatnonzero(change)
    change = change.take(some)
    pixel, part = np.divmod(place.take(order.take(some)), STEPS)
    row, column = np.divmod(pixel, box.width + 1)
    pixel = row // LINES * (box.width + 1) + column
    # So much more is covered of this pixel, and the rest of a whole one from the next pixel on.
    total = np.zeros(box.height * (box.width + 1) + 1, np.int32)
    np.add.at(total, pixel, change * (STEPS - part).astype(np.int32))
    np.add.at(total, pixel + 1, change * part.astype(np.int32))
    covered = np.cumsum(total, dtype=np.int32)[:-1].reshape(box.height, box.width + 1)[:, :-1]
    return np.asarray(covered * np.float32(1 / (LINES * STEPS)), dtype=np.float32)
