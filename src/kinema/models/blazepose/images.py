"""BlazePose as a single-image estimator, for the occlusion analysis (`kinema.evaluation.occlusion`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kinema.geometry.crops import crop
from kinema.models.blazepose.landmarks import CROP, BlazePoseLandmarker
from kinema.models.image_estimator import ImageSettings
from kinema.models.imagenet import MEAN
from kinema.skeleton import BLAZEPOSE33, LIMBS12
from kinema.weights import locate


class BlazePoseImages:
    """BlazePose's landmark network: its own 3D landmarks of nose and limbs, relative to the mid-hip."""

    name = "blazepose"
    size = CROP
    joints = ("nose", *LIMBS12)
    fill = MEAN

    def __init__(self, *, threads: int = 2) -> None:
        file = locate("blazepose-landmarks-full")
        self.weights: Mapping[str, str] = {file.name: file.sha256}
        self._network = BlazePoseLandmarker(file.path, threads=threads)
        self._rows = BLAZEPOSE33.indices(self.joints)

    def prepare(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        # The network's crops contain the circle around the person with a margin of a quarter, upright.
        roi = np.array([box[0], box[1], 1.25 * max(box[2], box[3]), 0.0])
        found = self._network(image, roi)
        if found.score > 0.5:
            roi = found.next_roi
        return crop(image, roi, size=CROP).astype(np.float32) / np.float32(255)

    def to_image(self, prepared: np.ndarray) -> np.ndarray:
        return np.asarray(np.rint(np.clip(prepared, 0, 1) * 255).astype(np.uint8))

    def estimate(self, prepared: np.ndarray) -> np.ndarray:
        roi = np.array([CROP / 2, CROP / 2, CROP, 0.0])
        images = [self.to_image(one) for one in prepared]
        return np.array([self._network.run_crop(one, roi).world[self._rows] for one in images], dtype=np.float64)


def open_images(options: Any, shared: ImageSettings) -> BlazePoseImages:
    """BlazePose as an estimator; it has no options. Raises WeightsError if the network is unavailable."""
    return BlazePoseImages(threads=shared.threads or 2)
