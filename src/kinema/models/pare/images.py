"""PARE as a single-image estimator, for the occlusion analysis (`kinema.evaluation.occlusion`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from kinema.body.landmarks import SMPL_VERTICES
from kinema.models.attention import Attention
from kinema.models.image_estimator import ImageSettings
from kinema.models.imagenet import MEAN, STD
from kinema.models.pare.crops import crop, evaluation_crop, normalized
from kinema.models.pare.facts import IMAGE_SIZE, JOINTS14
from kinema.models.pare.joints import JointDefinition, joint_definition
from kinema.models.pare.options import PareOptions
from kinema.models.pare.release import PareRelease, betas_for
from kinema.models.pare.torch_run import PareEstimator


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
        return np.asarray(normalized(crop(image, box, scale=self._scale)[None])[0])

    def prepare_labelled(self, image: np.ndarray, center: np.ndarray, scale: float) -> np.ndarray:
        """As in the published evaluation."""
        cut = evaluation_crop(image, center, scale)
        return np.asarray(normalized(cut[None].astype(np.float32))[0])

    def to_image(self, prepared: np.ndarray) -> np.ndarray:
        return np.asarray(np.rint(np.clip(prepared * STD + MEAN, 0, 1) * 255).astype(np.uint8))

    def estimate(self, prepared: np.ndarray) -> np.ndarray:
        return self._joints.joints14(self.vertices(prepared)[0]).astype(np.float64)

    def attention(self, prepared: np.ndarray) -> Attention:
        """The part attention of SMPL's joints."""
        maps = self._estimator.run(prepared[None], maps=True).attention
        assert maps is not None
        return Attention(maps[0])

    def truth(self, pose: np.ndarray, betas: np.ndarray) -> np.ndarray:
        """The joints (n,14,3) of a true pose (n,72) and shape (n,10)."""
        vertices = self._joints.body.vertices(pose, betas, np.zeros((len(pose), 3)))
        return self._joints.joints14(vertices).astype(np.float64)

    def vertices(self, prepared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Meshes (n,V,3) metres and the weak cameras (n,3) of their crops: for rendering the bodies."""
        output = self._estimator.run(prepared)
        body = self._joints.body
        betas = betas_for(body, output.betas).astype(np.float64)
        return body.vertices(output.rotations.astype(np.float64), betas, np.zeros((len(output), 3))), output.camera

    @property
    def faces(self) -> np.ndarray:
        """(N,3) of the meshes."""
        return self._joints.body.faces


def open_images(options: PareOptions, shared: ImageSettings) -> PareImages:
    """PARE with a checkpoint and a body, given by the user or found. Raises WeightsError without a checkpoint, and what
    `PareEstimator` raises."""
    release = PareRelease(shared.data)
    path = release.checkpoint(options.checkpoint)
    body = release.body(shared.body_model)
    h36m = release.file("J_regressor_h36m.npy") if body.num_vertices == SMPL_VERTICES else None
    estimator = PareEstimator(path, device=options.device, precision=options.precision, threads=shared.threads)
    return PareImages(estimator, joint_definition(body, None, h36m), crop_scale=options.crop_scale)
