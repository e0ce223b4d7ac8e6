"""The masks of a clip in memory: run-length text, so that an hour of video fits.

masks = Masks.of(frames, height=1080, width=1920, ids=(1, 2))   # frames: an iterable of (P,H,W) arrays
masks.frame(10)                                                  # (P,H,W) bool
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from kinema.brief import Brief
from kinema.checks import same_proportions
from kinema.errors import InputError, ShapeError
from kinema.segmentation.rle import box_of, decode, decoded, encode

_SAME_PROPORTIONS = 0.02
"""Difference of width over height up to which masks of another size show the same image: networks round sizes."""


@dataclass(frozen=True, eq=False, repr=False)
class Masks(Brief):
    """Masks of `ids`, one for each in every frame, empty where somebody is not seen.

    height, width: of a mask in pixels, which may differ from the video's. rows: for each frame COCO's text of each
    person's mask. ids: the people's numbers, those of the tracks; semantic: there is one mask, of all people together.
    """

    height: int
    width: int
    rows: tuple[tuple[bytes, ...], ...]
    ids: tuple[int, ...]
    semantic: bool = False

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ShapeError(f"masks need at least one pixel, found {self.width}x{self.height}")
        if len(set(self.ids)) != len(self.ids):
            raise ShapeError(f"masks: the ids must differ, found {self.ids}")
        if self.semantic and len(self.ids) != 1:
            raise ShapeError(f"masks of all people together are one a frame, found {len(self.ids)}")
        for index, row in enumerate(self.rows):
            if len(row) != len(self.ids):
                raise ShapeError(f"masks: frame {index} has {len(row)} masks, expected {len(self.ids)}")

    @classmethod
    def of(
        cls, frames: Iterable[np.ndarray], *, height: int, width: int, ids: Sequence[int], semantic: bool = False
    ) -> Masks:
        """From arrays (P,height,width) bool, one a frame, taken one after the other. Raises ShapeError."""
        rows = []
        for frame in frames:
            if frame.shape != (len(ids), height, width):
                raise ShapeError(f"masks of a frame have shape {frame.shape}, expected {(len(ids), height, width)}")
            rows.append(tuple(encode(mask) for mask in frame))
        return cls(height, width, tuple(rows), tuple(ids), semantic)

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.rows)

    def frame(self, index: int, size: tuple[int, int] | None = None) -> np.ndarray:
        """The masks (P,H,W) bool of a frame. size: height and width to which they are scaled, None for their own."""
        found = [scaled(decode(text, self.height, self.width), size) for text in self.rows[index]]
        return np.array(found, dtype=bool).reshape(len(found), *(size or (self.height, self.width)))

    def union(self, index: int, size: tuple[int, int] | None = None) -> np.ndarray:
        """Where anybody is in a frame (H,W) bool."""
        return np.asarray(self.frame(index, size).any(axis=0))

    def boxes(self, index: int, size: tuple[int, int] | None = None) -> np.ndarray:
        """Boxes (P,4) x, y, width, height of the people in a frame, NaN for those who are not seen.

        size: height and width of the image in whose pixels they are given, None for the masks' own.
        """
        out = np.full((len(self.ids), 4), np.nan)
        for box, text in zip(out, self.rows[index], strict=True):
            found = box_of(decoded(text, self.height, self.width), self.height)
            if found is not None:
                box[:] = found
        ratio = (1.0, 1.0) if size is None else (size[1] / self.width, size[0] / self.height)
        return np.asarray(out * np.tile(ratio, 2))

    def seen(self) -> np.ndarray:
        """(frames, P) bool: whether a mask holds any pixel."""
        empty = encode(np.zeros((self.height, self.width), bool))
        return np.array([[text != empty for text in row] for row in self.rows], bool).reshape(-1, len(self.ids))

    def select(self, *ids: int) -> Masks:
        """The masks of these people only, in this order."""
        places = [self.ids.index(id) for id in ids]
        rows = tuple(tuple(row[place] for place in places) for row in self.rows)
        return dataclasses.replace(self, rows=rows, ids=tuple(ids))

    def scaled(self, height: int, width: int) -> Masks:
        """The same masks at another size."""
        if (height, width) == (self.height, self.width):
            return self
        rows = (tuple(encode(mask) for mask in self.frame(i, (height, width))) for i in range(len(self)))
        return dataclasses.replace(self, height=height, width=width, rows=tuple(rows))

    def require_fit(self, frames: int, height: int, width: int, *, source: str = "the masks") -> None:
        """Raise InputError unless they belong to a video of this many frames and this aspect ratio. source: their
        file."""
        if len(self) != frames:
            raise InputError(
                f"{source} has masks of {len(self)} frames and the video has {frames}; give the masks of this video, or"
                " cut both to the same range"
            )
        self.require_shape(height, width, source=source)

    def require_shape(self, height: int, width: int, *, source: str = "the masks") -> None:
        """Raise InputError unless they belong to a video of this aspect ratio. source: their file."""
        if not same_proportions((self.width, self.height), (width, height), _SAME_PROPORTIONS):
            raise InputError(
                f"{source} has masks of {self.width}x{self.height} pixels, which is another shape than the video's"
                f" {width}x{height}; give the masks of this video"
            )


def scaled(mask: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """A mask (H,W) bool at another height and width: set where at least half of a pixel is."""
    if size is None or mask.shape == size:
        return mask
    smaller = size[0] * size[1] < mask.shape[0] * mask.shape[1]
    values = cv2.resize(
        mask.astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    )
    return np.asarray(values >= 0.5)
