"""The dictionaries by which mask files hold one mask, read with checks."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from kinema.errors import InputError, quoted
from kinema.segmentation.masks import Masks
from kinema.segmentation.rle import LARGEST, checked, decoded, encode, text_of

_MOST_TEXT = 2**24
"""Characters of the longest mask that is read."""


def entry_text(entry: Any, where: str) -> tuple[bytes, int, int]:
    """COCO's text, height and width of a mask's dictionary: `size` with `counts` (text or lengths) or `zcounts`.

    where: what and which it is, for errors. Raises InputError.
    """
    if not isinstance(entry, dict) or "size" not in entry:
        raise InputError(f"{where} is not a run-length encoded mask: it has no size")
    height, width = _size(entry["size"], where)
    counts = entry.get("counts", entry.get("zcounts"))
    try:
        if "counts" not in entry and isinstance(counts, bytes):
            counts = _inflated(counts)
        if isinstance(counts, str):
            counts = counts.encode("ascii")
        if isinstance(counts, bytes):
            decoded(counts, height, width)
            return counts, height, width
        if isinstance(counts, (list, tuple, np.ndarray)):
            return text_of(checked(_lengths(counts), height, width)), height, width
    except InputError as error:
        raise InputError(f"{where} cannot be decoded: {error}; write the file again") from None
    except UnicodeEncodeError:
        raise InputError(f"{where} cannot be decoded: its counts are not text; write the file again") from None
    raise InputError(f"{where} is not a run-length encoded mask: it has no counts")


def _size(value: Any, where: str) -> tuple[int, int]:
    try:
        height, width = (int(each) for each in value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{where} has the size {quoted(value)}, expected height and width") from None
    if height < 1 or width < 1 or height * width > LARGEST:
        raise InputError(f"{where} has {width}x{height} pixels, expected an image's size")
    return height, width


def _lengths(counts: Any) -> np.ndarray:
    try:
        lengths = np.asarray(counts)
    except ValueError:
        raise InputError("its counts are not a list of lengths") from None
    if lengths.dtype.kind not in "iu":
        raise InputError("its counts are not whole numbers")
    return lengths.astype(np.int64)


def _inflated(data: bytes) -> bytes:
    opened = zlib.decompressobj()
    try:
        text = opened.decompress(data, _MOST_TEXT)
    except zlib.error:
        raise InputError("its zcounts are not compressed text") from None
    if not opened.eof:
        raise InputError("its zcounts are incomplete or too long")
    return text


def masks_from(
    frames: Sequence[Sequence[Any]], source: str, *, ids: Sequence[int] | None = None, semantic: bool = False
) -> Masks:
    """Masks of dictionaries, for each frame those of the people in their order; None is a person who is not seen.

    source: the file, for errors. ids: None for 1, 2, 3. Frames may list fewer people than others: the last ones are not
    seen. Raises InputError.
    """
    people = max((len(frame) for frame in frames), default=0) if ids is None else len(ids)
    read: list[list[bytes | None]] = []
    size: tuple[int, int] | None = None
    for index, frame in enumerate(frames):
        row: list[bytes | None] = [None] * people
        for person, entry in enumerate(frame):
            if entry is None:
                continue
            where = f"{source}: mask {person + 1} of frame {index}"
            text, height, width = entry_text(entry, where)
            if size is not None and size != (height, width):
                raise InputError(
                    f"{where} has {width}x{height} pixels, and the ones before {size[1]}x{size[0]}; all masks of a"
                    " video need one size"
                )
            size, row[person] = (height, width), text
        read.append(row)
    if size is None:
        raise InputError(f"{source} holds no masks; give a file with at least one")
    nothing = encode(np.zeros(size, bool))
    rows = tuple(tuple(nothing if text is None else text for text in row) for row in read)
    return Masks(*size, rows, tuple(range(1, people + 1) if ids is None else ids), semantic)
