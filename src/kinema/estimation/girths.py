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
from kinema.estimation.shape import ShapeEquations, stature
from kinema.estimation.solver import Evidence, PoseState, moved
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
        equations = ShapeEquations.of(rig, evidence, state, options)
        for i, terms in enumerate(outline_terms(body, rig, betas, outlines, state, camera)):
            of_pose, of_shape = ((each * terms.weight[:, None]).T for each in (terms.by_pose, terms.by_shape))
            equations.hessian[i] += of_pose @ terms.by_pose
            equations.gradient[i] += of_pose @ terms.residual
            equations.coupling[i] += of_shape @ terms.by_pose
            equations.shape_hessian[i] += of_shape @ terms.by_shape
            equations.shape_gradient[i] += of_shape @ terms.residual
        of_frames, side = equations.without_poses()
        reduced = share * of_frames + np.eye(len(betas)) + anchor
        change = np.clip(-np.linalg.solve(reduced, share * side + betas + anchor @ (betas - start)), -1.0, 1.0)
        betas = betas + change
        state = moved(state, equations.pose_change(change), options.max_step)
    return betas
