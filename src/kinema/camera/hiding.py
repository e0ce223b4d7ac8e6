"""Where people are in the frames of a tracked clip: their masks where they have some, else their boxes."""

from __future__ import annotations

import cv2
import numpy as np

from kinema.motion import Motion
from kinema.world.camera_motion import CameraMotionOptions, widened

_ROOM = 0.012
"""Of the longer side, by which masks are widened: they are a few pixels coarse, and points see their surroundings."""


class HiddenPeople:
    """Call it with a frame's number and the size (h,w) of an image of it."""

    def __init__(self, motion: Motion) -> None:
        self._size = motion.width, motion.height
        self._masks: dict[int, list[tuple[np.ndarray, int, np.ndarray | None]]] = {}
        self._boxes: dict[int, list[np.ndarray]] = {}
        self.masked = any(person.masks is not None for person in motion)
        for person in motion:
            masks = None if person.masks is None else person.masks.open()
            for row, frame in enumerate(person.frames.tolist()):
                box = None if person.boxes is None else person.boxes[row]
                if masks is not None:
                    self._masks.setdefault(frame, []).append((masks, row, box))
                elif box is not None and np.isfinite(box).all():
                    self._boxes.setdefault(frame, []).append(box)

    def __call__(self, frame: int, size: tuple[int, int]) -> np.ndarray | None:
        """(h,w) bool, None where nobody has masks. Where a mask is empty, the person's box counts."""
        if not self.masked:
            return None
        out, boxes = np.zeros(size, np.uint8), list(self._boxes.get(frame, ()))
        for masks, row, box in self._masks.get(frame, ()):
            mask = np.asarray(masks[row], np.uint8)
            if mask.any():
                out |= cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST)
            elif box is not None:
                boxes.append(box)
        width = 2 * round(_ROOM * max(size)) + 1
        out = cv2.dilate(out, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
        ratio = np.tile(size[::-1], 2) / np.tile(self._size, 2)
        for x1, y1, x2, y2 in self._at(boxes, ratio):
            out[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)] = 1
        return out > 0

    def boxes(self, frame: int, size: tuple[int, int]) -> np.ndarray:
        """The boxes (n,4) of everybody in a frame, in pixels of an image of that size."""
        every = [*self._boxes.get(frame, ()), *(box for _, _, box in self._masks.get(frame, ()) if box is not None)]
        found = np.reshape(every, (-1, 4)) * np.tile(size[::-1], 2) / np.tile(self._size, 2)
        return np.asarray(found[np.isfinite(found).all(axis=1)])

    @staticmethod
    def _at(boxes: list[np.ndarray], ratio: np.ndarray) -> list[list[int]]:
        wide = widened(np.reshape(boxes, (-1, 4)), CameraMotionOptions()) * ratio
        found: list[list[int]] = np.rint(wide[np.isfinite(wide).all(axis=1)]).astype(int).tolist()
        return found
