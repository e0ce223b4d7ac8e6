"""Where people are in the frames of a tracked clip: their masks where they have some, else their boxes."""

from __future__ import annotations

import cv2
import numpy as np

from kinema.motion import Motion
from kinema.world.camera_motion import CameraMotionOptions, widened

CROWDED = 0.6
"""Share of the image under people's boxes from which their masks hide them better from the search for points. Points
are plenty, and boxes hide what masks leave out and what moves, too: shadows, what people carry, and others close by
whom nobody follows. What is left beside boxes that cover more is too little, and at the image's rim."""

MARGIN = 4
"""Pixels around a mask in which no points are taken: they are seen over a window of some width."""


class HiddenPeople:
    """The people of a motion in images of its frames, of any size (h,w)."""

    def __init__(self, motion: Motion) -> None:
        self._size = motion.height, motion.width
        self._here: dict[int, list[tuple[np.ndarray | None, np.ndarray]]] = {}
        self._masked = any(person.masks is not None for person in motion)
        for person in motion:
            masks = None if person.masks is None else person.masks.open()
            boxes = np.full((len(person), 4), np.nan) if person.boxes is None else person.boxes
            for row, frame in enumerate(person.frames.tolist()):
                self._here.setdefault(frame, []).append((None if masks is None else masks[row], boxes[row]))

    def closed(self, frame: int, size: tuple[int, int]) -> np.ndarray:
        """(h,w) bool: where no points are taken: in the boxes of everybody; where these would hide more than `CROWDED`
        of the image, in `people` with a margin."""
        boxes = painted(self._scaled([box for _, box in self._here.get(frame, ())], size), size)
        if not self._masked or boxes.mean() <= CROWDED:
            return boxes
        around = np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8)
        return np.asarray(cv2.dilate(self.people(frame, size).astype(np.uint8), around) > 0)

    def people(self, frame: int, size: tuple[int, int]) -> np.ndarray:
        """(h,w) bool: people's masks, and the widened boxes of those who have none there."""
        out, boxes = np.zeros(size, bool), []
        for mask, box in self._here.get(frame, ()):
            if mask is None or not mask.any():
                boxes.append(box)
            else:
                out |= cv2.resize(mask.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST) > 0
        return np.asarray(out | painted(self._scaled(boxes, size), size))

    def _scaled(self, boxes: list[np.ndarray], size: tuple[int, int]) -> np.ndarray:
        factor = np.tile(np.divide(size[::-1], self._size[::-1]), 2)
        found = np.reshape(boxes, (-1, 4)) * factor
        return np.asarray(found[np.isfinite(found).all(axis=1)])


def painted(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h,w) bool: people's boxes (n,4), widened."""
    out = np.zeros(size, bool)
    for x1, y1, x2, y2 in np.maximum(np.rint(widened(boxes, CameraMotionOptions())).astype(int), -1):
        out[max(y1, 0) : y2 + 1, max(x1, 0) : x2 + 1] = True
    return out
