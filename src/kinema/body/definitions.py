"""Joint definitions as means of a body's vertices: SMPL's, OpenSim's, Human3.6M's, COCO's, Halpe's.

The regressors are our own, derived for any body of SMPL's format when they are needed:

- smpl: the body's own joint regressor.
- opensim: hips and shoulders are centres of ball joints, like SMPL's; knees, ankles, elbows and wrists are halfway
  between the epicondyles, the malleoli, the styloid processes (the joint centres of Rajagopal et al. 2016 and of
  markers), here between the outermost points of the skin on both sides of the joint.
- h36m: the mixtures of `kinema.body.points`.
- coco, halpe: where networks trained on these annotations place the points of a body whose joints are known:
  their offsets on rendered people in captured poses (`python tools/keypoint_errors.py`, RTMPose-s), in the rest pose's
  axes. Ankles are annotated 3 cm above SMPL's, hips 3 cm in front of SMPL's, the neck 6 cm above the middle of the
  collarbones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse

from kinema.errors import UsageError
from kinema.skeleton import DEFINITIONS, SMPL24, mirrored

if TYPE_CHECKING:
    from kinema.body.model import BodyModel

CLICKED: Mapping[str, tuple[float, float, float]] = {
    "nose": (0.0, 0.026, -0.014), "left_eye": (-0.002, 0.014, -0.010), "left_ear": (0.003, -0.001, -0.002),
    "left_shoulder": (-0.005, -0.011, 0.0), "left_elbow": (0.011, 0.009, 0.013), "left_wrist": (0.003, -0.003, 0.001),
    "left_hip": (0.001, -0.008, 0.028), "left_knee": (-0.003, 0.005, -0.012), "left_ankle": (-0.004, 0.033, 0.006),
    "head_top": (0.0, -0.019, -0.004), "neck": (0.0, 0.056, 0.014), "mid_hip": (0.0, 0.032, 0.024),
    "left_big_toe": (0.004, 0.010, -0.034), "left_small_toe": (-0.013, 0.019, -0.022),
    "left_heel": (0.004, 0.034, 0.016),
}  # fmt: skip
"""Metres from a point of `halpe26` (`kinema.body.points`) to where it is annotated, in the T-pose: x to the left, y up,
z forward."""

_ACROSS = {
    "knee": ("hip", "knee", 1, 0), "ankle": ("knee", "ankle", 1, 0), "elbow": ("shoulder", "elbow", 0, 1),
    "wrist": ("elbow", "wrist", 0, 2),
}  # fmt: skip
"""Joint -> the two joints whose skin surrounds it, and the rest pose's axes along the limb and across the joint."""

_RING = 0.015
"""Metres along the limb, on either side of a joint, within which its outermost points are searched."""

_SIDE = 3
"""Number of outermost vertices whose mean is one side of a joint."""

_NEIGHBOURS = 60
"""Number of vertices around a point that carry it along with the skin."""


@dataclass(frozen=True, eq=False)
class JointRegressor:
    """Joints as means of vertices. names (K); weights (K, V) sparse, rows sum to 1: joints = weights @ vertices of the
    rest pose; joint (K,) int: the SMPL joint that each moves with. Blended skin collapses where it bends, joints do
    not: a mean of posed vertices is up to 2 cm off at bent hips and shoulders."""

    definition: str
    names: tuple[str, ...]
    weights: scipy.sparse.csr_matrix
    joint: np.ndarray

    def posed(self, body: BodyModel, pose: np.ndarray, betas: np.ndarray, transl: np.ndarray) -> np.ndarray:
        """(F, K, 3) metres: the joints of a body in poses (F, 72) with shapes (F, 10) at (F, 3)."""
        shapes, which = np.unique(betas, axis=0, return_inverse=True)
        offsets = np.stack(
            [self.weights @ body.shaped(shape) - body.rest_joints(shape)[self.joint] for shape in shapes]
        )
        rotation, place = body.chain(pose, betas, transl)
        moved = rotation[:, self.joint] @ offsets[which.ravel()][..., None]
        return np.asarray(place[:, self.joint] + np.squeeze(moved, -1))


def joint_regressor(body: BodyModel, definition: str) -> JointRegressor:
    """The joints of a definition on a body. Raises UsageError for an unknown definition or a body without landmarks."""
    if definition not in DEFINITIONS:
        raise UsageError(f"unknown joint definition {definition!r}; known: {', '.join(DEFINITIONS)}")
    if definition in ("smpl", "opensim"):
        weights = scipy.sparse.lil_matrix(body.J_regressor)
        if definition == "opensim":
            for name in SMPL24.joints:
                if name.partition("_")[2] in _ACROSS:
                    weights[SMPL24.index(name)] = _midpoint(body, name)
        return JointRegressor(definition, SMPL24.joints, weights.tocsr(), np.arange(len(SMPL24)))
    points = body.points(DEFINITIONS[definition])
    rows = points.weights.tolil()
    if definition in ("coco", "halpe"):
        for k, name in enumerate(points.names):
            left = name if name in CLICKED else mirrored(name)
            if left in CLICKED:
                offset = np.array(CLICKED[left]) * ([1, 1, 1] if left == name else [-1, 1, 1])
                rows[k] = _moved(body, np.asarray(rows[k].todense()).ravel(), offset)
    return JointRegressor(definition, points.names, rows.tocsr(), points.joint)


def _midpoint(body: BodyModel, name: str) -> np.ndarray:
    """Weights (V,) of the midpoint between the two sides of a joint."""
    side, _, joint = name.partition("_")
    above, own, along, across = _ACROSS[joint]
    skin = np.isin(body.weights.argmax(axis=1), SMPL24.indices([f"{side}_{above}", f"{side}_{own}"]))
    place = body.v_template
    centre = body.J_template[SMPL24.index(name)]
    ring = np.flatnonzero(skin & (np.abs(place[:, along] - centre[along]) < _RING))
    if len(ring) < 2 * _SIDE:
        raise UsageError(f"body model {body.name} has no skin around its {name}; use the definition smpl")
    order = ring[np.argsort(place[ring, across], kind="stable")]
    weights = np.zeros(body.num_vertices)
    weights[order[:_SIDE]] = weights[order[-_SIDE:]] = 0.5 / _SIDE
    return weights


def _moved(body: BodyModel, weights: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Weights (V,) of a point that lies `offset` (3,) from the point of `weights` in the rest pose: the smallest change
    to `weights` among the vertices around it."""
    place = weights @ body.v_template + offset
    near = np.argsort(np.linalg.norm(body.v_template - place, axis=1), kind="stable")[:_NEIGHBOURS]
    system = np.concatenate([body.v_template[near] - place, np.ones((len(near), 1))], axis=1)
    moved = weights.copy()
    moved[near] += np.linalg.lstsq(system.T, np.append(offset, 0.0), rcond=None)[0]
    return moved
