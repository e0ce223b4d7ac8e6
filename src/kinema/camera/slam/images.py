"""What the networks see of a clip: images of the working size, as a lens without distortion shows them, and where
people hide the background."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from kinema.camera.hiding import HiddenPeople
from kinema.errors import InputError
from kinema.geometry.camera import resized_intrinsics
from kinema.models.droid.facts import SHRINK, SMALLEST
from kinema.motion import Motion
from kinema.video import VideoReader

AREA = 384 * 512
"""Pixels of the working size."""


def working_size(height: int, width: int) -> tuple[int, int]:
    """Height and width, multiples of 8, of about `AREA` pixels. Raises InputError for images too narrow for it."""
    scale = (AREA / (height * width)) ** 0.5
    size = int(height * scale) // SHRINK * SHRINK, int(width * scale) // SHRINK * SHRINK
    if min(size) < SMALLEST:
        raise InputError(
            f"images of {width}x{height} pixels are too narrow for DROID-SLAM; their sides may differ"
            f" {AREA // SMALLEST**2} times"
        )
    return size


class WorkingImages:
    """The images of a tracked clip. size: their height and width."""

    def __init__(self, video: VideoReader, motion: Motion) -> None:
        self.size = working_size(motion.height, motion.width)
        self._video, self._frames, self._hidden = video, motion.num_frames, HiddenPeople(motion)
        self._straight: tuple[np.ndarray, np.ndarray] | None = None
        camera = motion.camera
        if camera is not None and camera.distortion is not None and np.any(camera.distortion):
            lens = resized_intrinsics(camera.intrinsics, (motion.width, motion.height), self.size[::-1])
            self._straight = cv2.initUndistortRectifyMap(
                lens, camera.distortion, np.eye(3), lens, self.size[::-1], cv2.CV_32FC1
            )

    def read(self, frames: range) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Number, image (H,W,3) uint8 RGB, and people (H,W) bool of some frames."""
        for number, frame in enumerate(self._video):
            if number >= frames.stop or number >= self._frames:
                break
            if number in frames:
                image = cv2.resize(frame.image, self.size[::-1], interpolation=cv2.INTER_AREA)
                yield number, self._straightened(image), self.people(number)

    def people(self, number: int) -> np.ndarray:
        """Where people are in a frame (H,W) bool: their masks, or their boxes where there are none."""
        return self._straightened(self._hidden.people(number, self.size).astype(np.uint8)) > 0

    def _straightened(self, image: np.ndarray) -> np.ndarray:
        """The image of a lens without the camera's distortion."""
        if self._straight is None:
            return image
        return cv2.remap(image, *self._straight, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def masked(image: np.ndarray, people: np.ndarray) -> np.ndarray:
    """The image (H,W,3) with people (H,W) black."""
    return np.where(people[..., None], np.uint8(0), image)
