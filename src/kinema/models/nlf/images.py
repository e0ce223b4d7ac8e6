"""NLF as a single-image estimator, for the occlusion analysis (`kinema.evaluation.occlusion`)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kinema.geometry.camera import camera_from_fov
from kinema.models.attention import Attention
from kinema.models.imagenet import MEAN
from kinema.models.nlf.facts import FOV
from kinema.models.nlf.torch_run import CropSettings, NlfEstimator
from kinema.models.nlf.views import Lens
from kinema.skeleton import SMPL24


class NlfImages:
    """NLF's SMPL joints, relative to the mid-hip. Patches have the mean colour.

    estimator: asked for the 24 joints alone.
    """

    name = "nlf"
    joints = SMPL24.joints
    fill = MEAN

    def __init__(self, estimator: NlfEstimator) -> None:
        self._estimator, self.size = estimator, estimator.side
        self._hips = SMPL24.indices(["left_hip", "right_hip"])

    @property
    def weights(self) -> Mapping[str, str]:
        path = self._estimator.path
        return {} if path is None else {path.name: self._estimator.sha256}

    def prepare(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        corner = np.r_[box[:2] - box[2:] / 2, box[2:]]
        lens = Lens(camera_from_fov(image.shape[1], image.shape[0], FOV).intrinsics)
        (person,) = self._estimator.cropped(image, corner[None], lens, CropSettings())
        return np.ascontiguousarray(person.crops[0].permute(1, 2, 0).numpy())

    def to_image(self, prepared: np.ndarray) -> np.ndarray:
        return np.asarray(np.rint(np.clip(prepared, 0, 1) * 255).astype(np.uint8))

    def estimate(self, prepared: np.ndarray) -> np.ndarray:
        found = self._estimator.relative(np.ascontiguousarray(prepared.transpose(0, 3, 1, 2), np.float32))
        return np.asarray(found - found[:, self._hips].mean(axis=1, keepdims=True), dtype=np.float64)

    def attention(self, prepared: np.ndarray) -> Attention:
        """The heatmaps from which the joints are read, and their uncertainties."""
        given = np.ascontiguousarray(prepared.transpose(2, 0, 1)[None], np.float32)
        (maps,), (spread,) = self._estimator.heatmaps(given)
        return Attention(maps, tuple(f"+- {1000 * each:.0f} mm" for each in spread))
