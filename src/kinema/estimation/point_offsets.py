"""Where a keypoint network sees the points of this person's limbs and head, learned from outlines.

A network sees points in other places than the body has them: an ankle a centimetre too high, on everybody by and large
and on each person a little differently, so that the body that meets its points is too small in the image. In frames
with an outline the pose is fitted to it and to the keypoints; what the keypoints then differ by in all of them, in the
axes of the parts that carry them, is taken for the network's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.estimation.bursts import AT_JOINT
from kinema.estimation.options import SolverOptions
from kinema.estimation.outline import Outline, outline_terms
from kinema.estimation.solver import MIN_DEPTH, Evidence, PoseState, moved, normal_equations
from kinema.geometry.camera import Camera
from kinema.keypoints.errors import SPREADS
from kinema.skeleton import FUSED59, SMPL24, mirrored

FRAME_EVIDENCE = 0.25
"""Weight of a frame's keypoints for the offsets: other errors of a network last, too, and are alike in like frames."""

PULL = 12.0
"""Weight of an outline for the poses, relative to that for the shape: here it decides where limbs are, and not the
keypoints whose errors are looked for."""

ITERATIONS = 2
"""Steps of the poses, which start where keypoints and outlines put them."""

SHOWN = SMPL24.indices([j for j in SMPL24.joints if j.endswith(("head", "elbow", "wrist", "knee", "ankle"))])
"""Joints around which an outline shows where a limb is. Hips and shoulders lie within the trunk, whose outline is of
bellies, breasts and collars: offsets of theirs would cover more of the mask and move joints away from marked ones."""

_WRISTS = SMPL24.indices(("left_wrist", "right_wrist"))

_MIRROR = np.array([-1.0, 1.0, 1.0])


def point_offsets(
    body: BodyModel,
    rig: Rig,
    names: Sequence[str],
    set_name: str,
    betas: np.ndarray,
    evidence: Evidence,
    state: PoseState,
    outlines: Sequence[Outline],
    camera: Camera,
    options: SolverOptions,
) -> np.ndarray:
    """(K,3) metres, in the axes of the rest pose: from the points of a rig, called `names`, to where they are seen.

    Left and right are mirror images. Zero for points of which outlines tell nothing: of the trunk, fingers and toes.
    set_name: the points' joint set. rig: of the betas (10,); evidence, state: of the outlines' frames, in their order.
    """
    for _ in range(ITERATIONS):
        hessian, gradient = normal_equations(rig, evidence, state, options)
        for i, terms in enumerate(outline_terms(body, rig, betas, outlines, state, camera)):
            terms.add_to(hessian[i], gradient[i], PULL)
        state = moved(state, -np.linalg.solve(hessian, gradient[..., None])[..., 0], options.max_step)
    square, right = _normal_equations(rig, evidence, state, options)
    fingers = np.isin(rig.point_joint, _WRISTS) & (np.linalg.norm(rig.point_offset, axis=1) > AT_JOINT)
    spread, found = expected(set_name, names), np.zeros_like(rig.point_offset)
    for k, name in enumerate(names):
        if rig.point_joint[k] not in SHOWN or fingers[k]:
            continue
        mine, side = square[k] + np.eye(3) / spread[k] ** 2, right[k]
        if mirrored(name) != name and mirrored(name) in names:
            other = names.index(mirrored(name))
            mine = mine + square[other] * np.outer(_MIRROR, _MIRROR)
            side = side + right[other] * _MIRROR
        found[k] = np.linalg.solve(mine, side)
    return found


def expected(set_name: str, names: Sequence[str]) -> np.ndarray:
    """(K,) metres: standard deviations of offsets on an axis before any outline is seen.

    Those of a sure network's errors on rendered people: RTMPose's for the fused set, BlazePose's for all others, whose
    networks are not known; an ankle's for points that were not measured.
    """
    levels = SPREADS["rtmpose" if set_name == FUSED59.name else "blazepose"].levels
    parts = [name.removeprefix("left_").removeprefix("right_") for name in names]
    return np.array([levels.get(part, levels["ankle"])[0] for part in parts])


def _normal_equations(
    rig: Rig, evidence: Evidence, state: PoseState, options: SolverOptions
) -> tuple[np.ndarray, np.ndarray]:
    """(K,3,3) and (K,3): of the offsets that would bring the points of given poses onto their rays."""
    rotation, _, points = rig.forward(state.local, state.root)
    depth = np.maximum(points[..., 2:], MIN_DEPTH)
    away = evidence.rays * depth - points[..., :2]  # metres, across
    turned = rotation[:, rig.point_joint]
    across = turned[:, :, :2] - (points[..., :2] / depth)[..., None] * turned[:, :, 2:]  # (F,K,2,3)
    error = np.sum((away / options.pixel_sigma) ** 2, axis=-1)
    weight = FRAME_EVIDENCE / options.pixel_sigma**2 * evidence.weight / (1 + error / options.robust_scale**2) ** 2
    square = np.einsum("fk,fkia,fkib->kab", weight, across, across)
    return square, np.einsum("fk,fkia,fki->ka", weight, across, away)
