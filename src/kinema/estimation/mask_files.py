"""The masks of a person that a stage kept in a file, checked against the person and the video."""

from __future__ import annotations

import numpy as np

from kinema.checks import same_proportions
from kinema.errors import InputError
from kinema.person import Person
from kinema.storage.stored import StoredArray

_TOLERANCE = 0.02
"""Difference of width over height up to which masks show the video's image: networks round sizes."""


def opened_masks(person: Person, stored: StoredArray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The masks (N,H,W) of a file, mapped into memory, and the row of each of the person's frames (F,).

    size: width and height of the video. Raises InputError if they do not fit the person and the video.
    """
    masks = StoredArray(stored.path).open()  # all of it is mapped; chosen rows would be read into memory
    rows = stored.rows_of(len(person))
    if masks.ndim != 3 or not min(masks.shape[1:]):
        raise InputError(f"{stored.path} holds no masks: its shape is {masks.shape}, not (frames, height, width)")
    if (stored.rows is None and len(masks) != len(person)) or (rows.size and rows.max() >= len(masks)):
        raise InputError(
            f"{stored.path} has {len(masks)} masks and person {person.id} has {len(person)} frames; make the masks of"
            " this video again"
        )
    height, width = masks.shape[1:]
    if not same_proportions((width, height), size, _TOLERANCE):
        raise InputError(
            f"{stored.path} has masks of {width}x{height} pixels, which is another shape than the video's"
            f" {size[0]}x{size[1]}; make the masks of this video"
        )
    return masks, rows
