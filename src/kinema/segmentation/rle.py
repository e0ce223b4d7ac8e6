"""COCO's run-length encoding of masks, the same bytes as pycocotools and rlemasklib write.

Runs go down the columns, one column after the other, and the first one is background. As text, the lengths from the
fourth on are differences to the one before the last, in groups of five bits, the low ones first: bit 5 of a character
says that another follows, and all are offset by 48.
"""

from __future__ import annotations

import numpy as np

from kinema.errors import InputError

_OFFSET = 48
_MOST_CHARACTERS = 7
"""Of one length: 35 bits."""

LARGEST = 2**28
"""Pixels of the largest mask."""


def runs_of(mask: np.ndarray) -> np.ndarray:
    """Lengths (n,) int64 of the runs of a mask (H,W), of which what is not zero is set."""
    flat = np.ravel(np.asarray(mask) != 0, order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    first = [0, 0] if flat.size and flat[0] else [0]
    return np.diff(np.concatenate([first, changes, [flat.size]])).astype(np.int64)


def mask_of(runs: np.ndarray, height: int, width: int) -> np.ndarray:
    """The mask (H,W) bool of the lengths (n,) of its runs, which `decoded` has checked."""
    values = np.arange(len(runs)) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, runs).reshape(width, height).T)


def encode(mask: np.ndarray) -> bytes:
    """A mask (H,W) as COCO's text."""
    return text_of(runs_of(mask))


def decode(text: bytes, height: int, width: int) -> np.ndarray:
    """The mask (H,W) bool of COCO's text. Raises InputError if it is none, or of another size."""
    return mask_of(decoded(text, height, width), height, width)


def text_of(runs: np.ndarray) -> bytes:
    """COCO's text of the lengths (n,) of runs."""
    values = np.array(runs, dtype=np.int64)
    values[3:] -= values[1:-2].copy()
    characters = np.zeros((len(values), _MOST_CHARACTERS), dtype=np.uint8)
    used = np.zeros(characters.shape, dtype=bool)
    going = np.ones(len(values), dtype=bool)
    for place in range(_MOST_CHARACTERS):
        low = values & 31
        values = values >> 5
        more = np.where(low & 16, values != -1, values != 0)
        used[:, place] = going
        characters[:, place] = low + np.where(more, 32, 0) + _OFFSET
        going = going & more
    return bytes(characters[used].tobytes())


def decoded(text: bytes, height: int, width: int) -> np.ndarray:
    """Lengths (n,) int64 of the runs in COCO's text. Raises InputError if they do not fill a mask of that size."""
    codes = np.frombuffer(text, dtype=np.uint8).astype(np.int64) - _OFFSET
    if not codes.size or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise InputError("it is not run-length text of COCO")
    starts = np.concatenate([[0], np.flatnonzero(codes[:-1] & 32 == 0) + 1])
    lengths = np.diff(np.append(starts, codes.size))
    if lengths.max() > _MOST_CHARACTERS:
        raise InputError("it holds a run of more than 35 bits")
    places = np.arange(codes.size) - np.repeat(starts, lengths)
    values = np.add.reduceat((codes & 31) << (5 * places), starts)
    negative = codes[starts + lengths - 1] & 16 != 0
    values = values - np.where(negative, np.int64(1) << (5 * lengths), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return checked(values, height, width)


def checked(runs: np.ndarray, height: int, width: int) -> np.ndarray:
    """The lengths (n,) of runs as int64. Raises InputError if they do not fill a mask of that size."""
    if not 0 < height * width <= LARGEST or height < 0:
        raise InputError(f"its size is {width}x{height} pixels")
    if runs.ndim != 1 or not runs.size or runs.min() < 0 or runs.max() > LARGEST or runs.sum() != height * width:
        raise InputError(f"its runs do not fill {width}x{height} pixels")
    return runs.astype(np.int64)


def box_of(runs: np.ndarray, height: int) -> np.ndarray | None:
    """The box (4,) x, y, width, height in pixels of the lengths (n,) of a mask's runs; None if nothing is set."""
    ends = np.cumsum(runs)
    starts, ends = (ends - runs)[1::2], ends[1::2]
    starts, ends = starts[ends > starts], ends[ends > starts] - 1
    if not len(starts):
        return None
    left, right = starts[0] // height, ends[-1] // height
    whole = (starts // height != ends // height).any()  # a run that goes on in the next column touches both ends
    top, bottom = (0, height - 1) if whole else ((starts % height).min(), (ends % height).max())
    return np.array([left, top, right - left + 1, bottom - top + 1], dtype=np.float64)
