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
"""Into how many parts of a pixel: powers of two, so that sums of them are exact."""
_MOST = 128
"""More faces than are ever on one side of an edge alone."""


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
    """Parts of pixel rows that triangles cover, the longest first.

    face (S,) int: row of the face array; row, left (S,) float: image coordinates of the first pixel, whole numbers;
    members: how many of the spans have a first pixel, a second one, and so on.
    """

    face: np.ndarray
    row: np.ndarray
    left: np.ndarray
    members: list[int]

    def along(self, first: np.ndarray, step: np.ndarray | None = None) -> np.ndarray:
        """A value for every pixel: of the first pixels of all spans, then of the second ones, and so on. first (S,):
        that of each span's first pixel; step (S,): by how much it grows from a pixel to the next, None for 1.

        Thus all is computed from neighbours in memory, in fewer passes than with the spans one after the other.
        """
        out = np.empty(sum(self.members), first.dtype)
        end = 0
        for k, count in enumerate(self.members):
            part, end = out[end : end + count], end + count
            if step is None:
                np.add(first[:count], k, out=part)
            else:
                np.multiply(step[:count], first.dtype.type(k), out=part)
                part += first[:count]
        return out

    def pixels(self, box: Box) -> np.ndarray:
        """Every pixel's index (P,), row * box width + column in `box`."""
        return self.along(((self.row - box.top) * box.width + (self.left - box.left)).astype(np.int64))


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
    x, y = _downwards(corners)
    edge = np.ceil(np.clip(y, box.top, box.bottom))
    # Of each face the rows of the upper part, then of the lower one: between the long edge and another.
    long = np.tile(_line(x[0], y[0], x[2], y[2]), 2)
    short = _line(x[:2].ravel(), y[:2].ravel(), x[1:].ravel(), y[1:].ravel())
    count = (edge[1:] - edge[:2]).astype(np.int64).ravel()
    end = np.cumsum(count)
    part = _numbers(end)
    row = (edge[:2].ravel() - (end - count)).take(part)
    row += np.arange(len(part))
    one, two = (line[0].take(part) * row + line[1].take(part) for line in (long, short))
    left, right = np.minimum(one, two), np.maximum(one, two, out=one)
    for side in (left, right):
        np.ceil(side, out=side)
        np.clip(side, box.left, box.right, out=side)
    length = np.subtract(right, left, out=right).astype(np.int64)
    more = np.bincount(length)
    order = np.argsort(-length)[: len(length) - (more[0] if len(more) else 0)]
    members = (len(length) - np.cumsum(more))[:-1].tolist()
    face = part.take(order)
    face -= x.shape[1] * (face >= x.shape[1])
    return Spans(face, row.take(order), left.take(order), members)


_TIE = 1e-6
"""Pixels: less than what coordinates are known to, more than what double precision loses on them."""


def _downwards(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x and y (3, N) of the corners (2, 3, N) of each face, sorted by row, in double precision.

    An edge then runs downwards in both triangles that share it, and both find the identical intersection with a
    pixel row.
    """
    x, y = (list(axis) for axis in corners)
    for above, below in ((0, 1), (1, 2), (0, 1)):
        swap = y[above] > y[below]
        x[above], x[below] = np.where(swap, x[below], x[above]), np.where(swap, x[above], x[below])
        y[above], y[below] = np.minimum(y[above], y[below]), np.maximum(y[above], y[below])
    return np.array(x, np.float64), np.array(y, np.float64)


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
    covered[spans(corners, box).pixels(box)] = True
    return covered.reshape(box.height, box.width)


_AT_ONCE = 4096
"""Faces that go through the steps together: their pixels stay in a processor's cache from one to the next."""


def visible(corners: np.ndarray, nearness: np.ndarray, box: Box, values: Sequence[np.ndarray] = ()) -> np.ndarray:
    """What the faces show at the pixels' centres: (1 + C, box height, box width) float32, the nearness of the nearest
    face, and its values there; 0 where there is no face.

    corners: (2, 3, N); nearness: (3, N) positive, one over depth, which is linear over a face in the image, and so is
    a value times nearness. values: C arrays (3, N), interpolated as they are in space.
    """
    seen = np.zeros((1 + len(values), box.height * box.width), dtype=np.float32)
    nearest, shown = seen[0], seen[1:]
    for start in range(0, corners.shape[2], _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        found, near_here = spans(corners[..., some], box), nearness[:, some]
        planes = _Planes(corners[..., some], found, box)
        index, near = found.pixels(box), planes.of(near_here)
        np.maximum.at(nearest, index, near)
        won = np.flatnonzero(near == nearest.take(index))
        index = index.take(won)
        for plane, value in zip(shown, values, strict=True):
            inside = planes.of(value[:, some] * near_here)
            inside /= near
            plane[index] = inside.take(won)
    return seen.reshape(-1, box.height, box.width)


class _Planes:
    """Linear functions over faces in the image, at the pixels of spans. A degenerate face gets slopes of zero."""

    def __init__(self, corners: np.ndarray, spans: Spans, box: Box) -> None:
        """corners: (2, 3, N) image coordinates."""
        x, y = corners
        self.spans, self.row, self.column = spans, spans.row - box.top, spans.left - box.left
        self.x, self.y = x[0] - box.left, y[0] - box.top
        self.x1, self.y1, self.x2, self.y2 = x[1] - x[0], y[1] - y[0], x[2] - x[0], y[2] - y[0]
        area = self.x1 * self.y2 - self.y1 * self.x2
        self.inverse = np.divide(1.0, area, out=np.zeros_like(area), where=np.abs(area) > 1e-4)

    def of(self, values: np.ndarray) -> np.ndarray:
        """Values (3, N) of the corners, linear over each face, at every pixel: (P,) float32."""
        d1, d2 = values[1] - values[0], values[2] - values[0]
        dx = (d1 * self.y2 - d2 * self.y1) * self.inverse
        dy = (d2 * self.x1 - d1 * self.x2) * self.inverse
        # In doubles up to a span: thin faces have steep slopes, and the box's corner may be far away.
        first = (values[0] - self.x * dx - self.y * dy).take(self.spans.face)
        step = dx.take(self.spans.face)
        first += self.column * step
        first += self.row * dy.take(self.spans.face)
        return self.spans.along(first.astype(np.float32), step.astype(np.float32))


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
    along = np.rint(STEPS * across.clip(0, box.width)).astype(np.int64)
    place = (line - limits[0]).astype(np.int64) * (STEPS * (box.width + 1)) + along
    # Along each line from left to right: how many faces there are after each edge and before it. Edges at which there
    # are none on one side are where what is covered starts or ends. One number holds both, since sorting numbers is
    # faster than finding their order.
    change = (np.sign(y_end - y) * weights).astype(np.int64)
    both = np.sort(place * (2 * _MOST) + (change + _MOST).take(edge))
    place, more = both // (2 * _MOST), both % (2 * _MOST) - _MOST
    after = np.cumsum(more)
    more = (after > 0).astype(np.int64) - (after > more)
    some = np.flatnonzero(more)
    more, (pixel, part) = more.take(some), np.divmod(place.take(some), STEPS)
    row, column = np.divmod(pixel, box.width + 1)
    pixel = row // LINES * (box.width + 1) + column
    # So much more is covered of this pixel, and the rest of a whole one from the next pixel on.
    total = np.zeros(box.height * (box.width + 1) + 1, np.float32)
    np.add.at(total, pixel, (more * (STEPS - part) / (LINES * STEPS)).astype(np.float32))
    np.add.at(total, pixel + 1, (more * part / (LINES * STEPS)).astype(np.float32))
    np.cumsum(total, out=total)
    return total[:-1].reshape(box.height, box.width + 1)[:, :-1]
