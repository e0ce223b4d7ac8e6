"""How broad a person is: the shape fitted to keypoints, changed so that the body's contour meets the outlines.

Keypoints tell how long the limbs are and hardly how thick. The lengths stay; the equations are those of
`kinema.estimation.shape`, with a free pose in each frame, and the outlines among the evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.estimation.options import SolverOptions
from kinema.estimation.outline import Outline, outline_terms
from kinema.estimation.shape import shape_columns, stature
from kinema.estimation.solver import Evidence, PoseState, moved, normal_equations, reprojection_terms
from kinema.geometry.camera import Camera

EVIDENCE = 5.0
"""Weight for the shape of all outlines together, however many there are: each shows all of the person's girths. More
brings the contour nearer to the outline, which is that of clothes: twice as much made bellies of loose jackets."""

LENGTH_SIGMA = 0.003
"""Metres by which a joint may move, relative to its parent, from where the keypoints put it."""

ITERATIONS = 4
"""Steps; the poses start where the keypoints put them."""


def fit_girths(
    body: BodyModel,
    make_rig: Callable[[np.ndarray], Rig],
    evidence: Evidence,
    state: PoseState,
    outlines: Sequence[Outline],
    camera: Camera,
    options: SolverOptions,
    betas: np.ndarray,
) -> np.ndarray:
    """Betas (10,) with the lengths of `betas` (10,), which keypoints gave, and the girths of the outlines.

    evidence, state: of the outlines' frames, in their order.
    """
    lengths = make_rig(betas).offsets_dbeta.reshape(-1, len(betas))
    _, slope = stature(body)
    anchor = lengths.T @ lengths / LENGTH_SIGMA**2 + np.outer(slope, slope) / LENGTH_SIGMA**2
    start, share = betas, EVIDENCE / len(outlines)
    for _ in range(ITERATIONS):
        rig = make_rig(betas)
        hessian, gradient = normal_equations(rig, evidence, state, options)
        jacobian, residual, weight = reprojection_terms(rig, evidence, state, options)
        by_shape = shape_columns(rig, state, options)
        weighted = np.swapaxes(by_shape * weight[..., None], 1, 2)
        coupling, shape_hessian = weighted @ jacobian, weighted @ by_shape
        shape_gradient = np.squeeze(weighted @ residual[..., None], -1)
        for i, terms in enumerate(outline_terms(body, rig, betas, outlines, state, camera)):
            of_pose, of_shape = ((each * terms.weight[:, None]).T for each in (terms.by_pose, terms.by_shape))
            hessian[i] += of_pose @ terms.by_pose
            gradient[i] += of_pose @ terms.residual
            coupling[i] += of_shape @ terms.by_pose
            shape_hessian[i] += of_shape @ terms.by_shape
            shape_gradient[i] += of_shape @ terms.residual
        right = np.concatenate([np.swapaxes(coupling, 1, 2), gradient[..., None]], axis=-1)
        eliminated = coupling @ np.linalg.solve(hessian, right)
        reduced = share * (shape_hessian - eliminated[..., :-1]).sum(0) + np.eye(len(betas)) + anchor
        side = share * (shape_gradient - eliminated[..., -1]).sum(0) + betas + anchor @ (betas - start)
        change = np.clip(-np.linalg.solve(reduced, side), -1.0, 1.0)
        betas = betas + change
        step = -np.linalg.solve(hessian, (gradient + np.einsum("fbn,b->fn", coupling, change))[..., None])[..., 0]
        state = moved(state, step, options.max_step)
    return betas
