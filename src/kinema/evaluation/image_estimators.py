"""The estimators of single pictures that the occlusion analysis knows: PARE and BlazePose."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from kinema.body.landmarks import SMPL_VERTICES
from kinema.errors import UsageError
from kinema.evaluation.occlusion import ImageEstimator
from kinema.evaluation.options import IMAGE_ESTIMATORS
from kinema.models.blazepose.landmarks import CROP, BlazePoseLandmarker
from kinema.models.blazepose.landmarks import crop as upright_crop
from kinema.models.pare.crops import IMAGE_SIZE, MEAN, STD, crop, normalized
from kinema.models.pare.estimator import PareEstimator
from kinema.models.pare.joints import JOINTS14, JointDefinition, joint_definition
from kinema.models.pare.options import PareOptions
from kinema.models.pare.published_keys import betas_for
from kinema.models.pare.release import PareRelease
from kinema.skeleton import BLAZEPOSE33, LIMBS12
from kinema.weights import locate


class PareImages:
    """PARE with the evaluation's 14 joints. Patches have the mean colour, 0 in the normalised input."""

    name = "pare"
    size = IMAGE_SIZE
    joints = JOINTS14
    fill = np.zeros(3, dtype=np.float32)

    def __init__(self, estimator: PareEstimator, joints: JointDefinition, *, crop_scale: float = 1.0) -> None:
        self._estimator, self._joints, self._scale = estimator, joints, crop_scale

    @cached_property
    def weights(self) -> Mapping[str, str]:
        body = self._joints.body
        return {self._estimator.path.name: self._estimator.sha256, body.name: body.sha256}

    def prepare(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        return normalized(crop(image, box, scale=self._scale)[None])[0]

    def picture(self, prepared: np.ndarray) -> np.ndarray:
        return np.rint(np.clip(prepared * STD + MEAN, 0, 1) * 255).astype(np.uint8)

    def estimate(self, prepared: np.ndarray) -> np.ndarray:
        return self._joints.joints14(self.vertices(prepared)[0]).astype(np.float64)

    def truth(self, pose: np.ndarray, betas: np.ndarray) -> np.ndarray:
        """The joints (n,14,3) of a true pose (n,72) and shape (n,10)."""
        vertices = self._joints.body.vertices(pose, betas, np.zeros((len(pose), 3)))
        return self._joints.joints14(vertices).astype(np.float64)

    def vertices(self, prepared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Meshes (n,V,3) metres and the weak cameras (n,3) of their crops: for pictures of the bodies."""
        answer = self._estimator.run(prepared)
        body = self._joints.body
        betas = betas_for(body, answer.betas).astype(np.float64)
        return body.vertices(answer.rotations.astype(np.float64), betas, np.zeros((len(answer), 3))), answer.camera

    @property
    def faces(self) -> np.ndarray:
        """(N,3) of the meshes."""
        return self._joints.body.faces


class BlazePoseImages:
    """BlazePose's landmark network with its own 3D landmarks of nose and limbs, relative to the mid-hip."""

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
        # The network's crops hold the circle around the person with a quarter to spare, upright.
        roi = np.array([box[0], box[1], 1.25 * max(box[2], box[3]), 0.0])
        found = self._network(image, roi)
        if found.score > 0.5:
            roi = found.next_roi
        return upright_crop(image, roi).astype(np.float32) / np.float32(255)

    def picture(self, prepared: np.ndarray) -> np.ndarray:
        return np.rint(np.clip(prepared, 0, 1) * 255).astype(np.uint8)

    def estimate(self, prepared: np.ndarray) -> np.ndarray:
        roi = np.array([CROP / 2, CROP / 2, CROP, 0.0])
        pictures = [self.picture(one) for one in prepared]
        return np.array([self._network.run_crop(one, roi).world[self._rows] for one in pictures], dtype=np.float64)


def image_estimator(name: str, release: PareRelease, options: PareOptions, body_model: str | None) -> ImageEstimator:
    """The estimator of that name. Raises UsageError for an unknown one, WeightsError where its weights are missing."""
    if name == "blazepose":
        return BlazePoseImages(threads=options.threads or 2)
    if name != "pare":
        raise UsageError(f"unknown estimator {name!r}; known: {', '.join(IMAGE_ESTIMATORS)}")
    path = release.checkpoint(options.checkpoint)
    body = release.body(body_model)
    h36m = release.file("J_regressor_h36m.npy") if body.num_vertices == SMPL_VERTICES else None
    estimator = PareEstimator(path, device=options.device, precision=options.precision, threads=options.threads)
    return PareImages(estimator, joint_definition(body, None, h36m), crop_scale=options.crop_scale)
