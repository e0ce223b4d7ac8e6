"""Images as files store them: one luma plane and two chroma planes of half the size (4:2:0, 8 bits, limited range).

Most of an image is unchanged when something is drawn on it. Drawing on its planes converts only the drawn parts and
leaves the colours of the rest exactly as decoded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import cast

import av
import cv2
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorRange, VideoReformatter

from kinema.video.colour import full_range, yuv_matrix

_WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114)}
"""AVColorSpace -> the weights of red and blue in luma: ITU-R BT.709 and BT.601."""
MATRICES = frozenset(_WEIGHTS)


@dataclass(frozen=True, eq=False)
class Planes:
    """One image. frame: yuv420p of even size, whose memory nobody else uses; matrix: AVColorSpace, one of `MATRICES`.

    It stays an FFmpeg frame from decoder to encoder, because every further copy of a 1080p frame takes a millisecond or
    two.
    """

    frame: av.VideoFrame
    matrix: int

    @property
    def width(self) -> int:
        return self.frame.width

    @property
    def height(self) -> int:
        return self.frame.height

    def split(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Views of luma (H,W) and the two planes of chroma (H/2,W/2), to read and to write."""
        luma, first, second = (
            np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
            for plane in self.frame.planes
        )
        return luma, first, second

    def blend(self, rows: slice, columns: slice, shades: np.ndarray, tint: np.ndarray, alpha: np.ndarray) -> None:
        """Composite onto a part of the image. shades (C,h,w) float32; tint (3,C+1): maps them to sRGB in [0,1], with
        an offset in the last column; alpha (h,w) float32 in [0,1].

        Y'CbCr is linear in RGB, so this equals compositing in RGB, without the conversions.
        """
        grown = _even(rows), _even(columns)
        if not alpha.size:
            return
        border = [
            (own.start - whole.start, whole.stop - own.stop) for whole, own in zip(grown, (rows, columns), strict=True)
        ]
        if np.any(border):
            shades = np.pad(shades, [(0, 0), *border], mode="edge")
            alpha = np.pad(alpha, border)
        forward = _conversion(self.matrix)[0]
        tint = 255 * forward[:, :3] @ tint
        tint[:, -1] += forward[:, 3]
        half = slice(grown[0].start // 2, grown[0].stop // 2), slice(grown[1].start // 2, grown[1].stop // 2)
        covered, halves = _halved(alpha), [_halved(shade * alpha) for shade in shades]
        above = [_mixed(shades, tint[0]) * alpha, *(_mixed(halves, row, covered) for row in tint[1:])]
        for plane, part, opaque, color in zip(
            self.split(), (grown, half, half), (alpha, covered, covered), above, strict=True
        ):
            below = plane[part].astype(np.float32)
            below *= 1 - opaque
            below += color
            below += np.float32(0.5)  # the conversion to integers truncates
            plane[part] = below

    @contextlib.contextmanager
    def part(self, rows: slice, columns: slice) -> Iterator[np.ndarray]:
        """An RGB array (H,W,3) uint8 of the whole image to draw into, valid and written back only in this part."""
        rows, columns = _even(rows), _even(columns)
        half = slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)
        image = np.empty((self.height, self.width, 3), np.uint8)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            yield image
            return
        forward, back = _conversion(self.matrix)
        y, u, v = self.split()
        y, u, v = y[rows, columns], u[half], v[half]
        size = (y.shape[1], y.shape[0])
        u_whole, v_whole = (cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST) for plane in (u, v))
        image[rows, columns] = cv2.transform(cv2.merge([y, u_whole, v_whole]), back)
        yield image
        drawn = cv2.transform(image[rows, columns], forward)
        y[...] = drawn[..., 0]
        chroma = cv2.resize(drawn[..., 1:], (u.shape[1], u.shape[0]), interpolation=cv2.INTER_AREA)
        u[...], v[...] = chroma[..., 0], chroma[..., 1]


class PlanesConverter:
    """Converts decoded frames to `Planes` of one size and matrix that own their memory."""

    def __init__(self, width: int, height: int, matrix: int) -> None:
        self.width, self.height, self.matrix = width, height, matrix
        self._graph = _copying(width, height)
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> Planes:
        full, matrix = full_range(frame), yuv_matrix(frame)
        kind = (frame.format.name, frame.width, frame.height, matrix)
        if full or kind != ("yuv420p", self.width, self.height, self.matrix):
            frame = self._reformatter.reformat(
                frame, width=self.width, height=self.height, format="yuv420p",
                src_colorspace=matrix, dst_colorspace=None if matrix is None else self.matrix,
                src_color_range=ColorRange.JPEG if full else ColorRange.MPEG, dst_color_range=ColorRange.MPEG,
            )  # fmt: skip
        self._graph.push(frame)
        return Planes(cast(av.VideoFrame, self._graph.pull()), self.matrix)


def _copying(width: int, height: int) -> Graph:
    """A filter graph that copies yuv420p frames into memory that FFmpeg reuses once nobody holds the copy.

    A frame made in another way would be copied once more for the encoder. A decoder's side data (captions, motion
    vectors) is left out: it would be encoded with the image.
    """
    graph = Graph()
    source = graph.add_buffer(
        width=width, height=height, format=av.VideoFormat("yuv420p"), time_base=Fraction(1, 90000)
    )
    chain = [source, graph.add("copy"), graph.add("sidedata", "mode=delete"), graph.add("buffersink")]
    for before, after in pairwise(chain):
        before.link_to(after)
    graph.configure()
    return graph


def _mixed(
    shades: Sequence[np.ndarray] | np.ndarray, weights: np.ndarray, offset: np.ndarray | float = 1.0
) -> np.ndarray:
    """Shades (C,h,w) weighted by all but the last of the weights (C+1,), plus the last one times the offset."""
    *factors, constant = weights.astype(np.float32)
    total = np.asarray(factors[0] * shades[0])
    for factor, shade in zip(factors[1:], shades[1:], strict=True):
        total += factor * shade
    total += constant * offset
    return total


def _halved(plane: np.ndarray) -> np.ndarray:
    """The mean of each 2 x 2 pixels of a plane (H,W) float32 of even size."""
    size = (plane.shape[1] // 2, plane.shape[0] // 2)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _even(extent: slice) -> slice:
    """The extent enlarged to whole chroma pixels."""
    return slice(extent.start - extent.start % 2, extent.stop + extent.stop % 2)


@cache
def _conversion(matrix: int) -> tuple[np.ndarray, np.ndarray]:
    """(3,4) each: RGB to Y'CbCr of limited range, and back (ITU-R BT.601 and BT.709, 8 bits)."""
    red, blue = _WEIGHTS[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    scale = np.array([219, 112 / (1 - blue), 112 / (1 - red)])[:, None] / 255
    forward = scale * np.stack([luma, np.array([0, 0, 1]) - luma, np.array([1, 0, 0]) - luma])
    offset = np.array([16, 128, 128])
    back = np.linalg.inv(forward)
    return np.column_stack([forward, offset]), np.column_stack([back, -back @ offset])
