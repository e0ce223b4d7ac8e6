"""What the networks see of a clip: pictures of the working size, and where people hide the background."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from kinema.camera.hiding import HiddenPeople
from kinema.errors import InputError
from kinema.models.droid.facts import SHRINK, SMALLEST
from kinema.motion import Motion
from kinema.video import VideoReader

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
        self._video, self._frames, self._hidden = video, motion.num_frames, HiddenPeople(motion)

    def read(self, frames: range) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Number, picture (H,W,3) uint8 RGB, and people (H,W) bool of some frames."""
        for number, frame in enumerate(self._video):
            if number >= frames.stop or number >= self._frames:
                break
            if number in frames:
                picture = cv2.resize(frame.image, self.size[::-1], interpolation=cv2.INTER_AREA)
                yield number, picture, self.people(number)

    def people(self, number: int) -> np.ndarray:
        """Where people are in a frame (H,W) bool: their masks, or their boxes where there are none."""
        return self._hidden.people(number, self.size)


def masked(picture: np.ndarray, people: np.ndarray) -> np.ndarray:
    """The picture (H,W,3) with people (H,W) black."""
    return np.where(people[..., None], np.uint8(0), picture)
