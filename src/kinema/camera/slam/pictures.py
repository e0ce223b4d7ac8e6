"""What the networks see of a clip: pictures of the working size, and where people hide the background."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from kinema.errors import InputError
from kinema.models.droid.facts import SHRINK, SMALLEST
from kinema.motion import Motion
from kinema.video import VideoReader
from kinema.world.camera_motion import CameraMotionOptions, widened

AREA = 384 * 512
"""Pixels of the working size."""


def working_size(height: int, width: int) -> tuple[int, int]:
    """Height and width, multiples of 8, of about `AREA` pixels. Raises InputError for pictures too narrow for it."""
    scale = (AREA / (height * width)) ** 0.5
    size = int(height * scale) // SHRINK * SHRINK, int(width * scale) // SHRINK * SHRINK
    if min(size) < SMALLEST:
        raise InputError(
            f"pictures of {width}x{height} pixels are too narrow for DROID-SLAM; their sides may differ"
            f" {AREA // SMALLEST**2} times"
        )
    return size


class WorkingPictures:
    """The pictures of a tracked clip. size: their height and width."""

    def __init__(self, video: VideoReader, motion: Motion) -> None:
        self.size = working_size(motion.height, motion.width)
        self._video, self._motion = video, motion
        self._boxes: dict[int, list[np.ndarray]] = {}
        self._masks: dict[int, list[tuple[np.ndarray, int]]] = {}
        for person in motion:
            masks = None if person.masks is None else person.masks.open()
            for row, frame in enumerate(person.frames.tolist()):
                if masks is not None:
                    self._masks.setdefault(frame, []).append((masks, row))
                elif person.boxes is not None and np.isfinite(person.boxes[row]).all():
                    self._boxes.setdefault(frame, []).append(person.boxes[row])

    def read(self, frames: range) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Number, picture (H,W,3) uint8 RGB, and people (H,W) bool of some frames."""
        for number, frame in enumerate(self._video):
            if number >= frames.stop or number >= self._motion.num_frames:
                break
            if number in frames:
                picture = cv2.resize(frame.image, self.size[::-1], interpolation=cv2.INTER_AREA)
                yield number, picture, self.people(number)

    def people(self, number: int) -> np.ndarray:
        """Where people are in a frame (H,W) bool: their masks, or their boxes where there are none."""
        high, wide = self.size
        out = np.zeros(self.size, np.uint8)
        for masks, row in self._masks.get(number, ()):
            mask = np.asarray(masks[row]) > 0
            out[cv2.resize(mask.astype(np.uint8), (wide, high), interpolation=cv2.INTER_NEAREST) > 0] = 1
        ratio = np.array([wide / self._motion.width, high / self._motion.height] * 2)
        boxes = np.reshape(self._boxes.get(number, []), (-1, 4))
        for x1, y1, x2, y2 in np.rint(widened(boxes, CameraMotionOptions()) * ratio).astype(int).tolist():
            out[max(y1, 0) : max(y2 + 1, 0), max(x1, 0) : max(x2 + 1, 0)] = 1
        return out > 0


def masked(picture: np.ndarray, people: np.ndarray) -> np.ndarray:
    """The picture (H,W,3) with people (H,W) black."""
    return np.where(people[..., None], np.uint8(0), picture)
