"""The boxes in which NLF looks for people: those of their tracks, or around their masks."""

from __future__ import annotations

import cv2
import numpy as np

from kinema.errors import UsageError
from kinema.estimation.mask_files import opened_masks
from kinema.models.nlf.options import MASKS, NO_MASKS
from kinema.models.pare.regression import whole_boxes
from kinema.motion import Motion
from kinema.person import Person


def boxes_of(motion: Motion, source: str, notes: list[str]) -> dict[int, np.ndarray]:
    """Boxes (F,4) corners in pixels by id, of everyone who has boxes. source: TRACKS or MASKS.

    Where a mask is empty the track's box stands in, so that nobody's frames are lost; `notes` is told how often. Raises
    UsageError without masks, and InputError for masks of another video.
    """
    tracks = {person.id: boxes for person in motion if (boxes := whole_boxes(person)) is not None}
    if source != MASKS:
        return tracks
    empty = 0
    for person in motion:
        if person.id in tracks:
            boxes = mask_boxes(person, motion)
            unseen = np.isnan(boxes).any(axis=1)
            empty += int(unseen.sum())
            tracks[person.id] = np.where(unseen[:, None], tracks[person.id], boxes)
    if empty:
        notes.append(f"masks are empty in {empty} frames of people in all, who were cropped by their tracks there")
    return tracks


def mask_boxes(person: Person, motion: Motion) -> np.ndarray:
    """The extent of a person's masks as corners (F,4) in pixels of the video, NaN where nothing is set.

    Raises UsageError without masks, and InputError if they do not fit the person and the video.
    """
    if person.masks is None:
        raise UsageError(NO_MASKS)
    masks, rows = opened_masks(person, person.masks, (motion.width, motion.height))
    height, width = masks.shape[1:]
    out = np.full((len(person), 4), np.nan)
    for box, row in zip(out, rows, strict=True):
        x, y, w, h = cv2.boundingRect((masks[row] != 0).view(np.uint8))
        if w:
            box[:] = x, y, x + w, y + h
    return np.asarray(out * np.tile([motion.width / width, motion.height / height], 2))
