"""One shape for a track: betas that explain all its frames, each frame free to pose as it must.

The frames share only the ten betas, so the normal equations have the shape of an arrow: every frame's
pose is eliminated from its own block (Schur complement) and ten equations remain.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.estimation.options import SolverOptions
from kinema.estimation.solver import Evidence, PoseState, moved, normal_equations, reprojection_terms

FRAME_EVIDENCE = 0.02
"""What one frame says about the shape, as a share of what it says about the pose: neighbouring frames
repeat each other, and a landmark that lies off its anatomical place does so in all of them."""

HEIGHT_SIGMA = 0.003
"""Metres: how exactly a height that the user gives is met."""


def stature(body: BodyModel) -> tuple[float, np.ndarray]:
    """Height of the standing body at betas 0, metres, and its derivative by betas (10,)."""
    up = body.v_template[:, 1]
    top, sole = int(np.argmax(up)), int(np.argmin(up))
    return float(up[top] - up[sole]), np.asarray(body.shapedirs[top, 1] - body.shapedirs[sole, 1])


def fit_shape(
    body: BodyModel,
    make_rig: Callable[[np.ndarray], Rig],
    evidence: Evidence,
    state: PoseState,
    options: SolverOptions,
    *,
    height: float | None = None,
    iterations: int = 8,
) -> tuple[np.ndarray, PoseState]:
    """Betas (10,) of the person and the poses that go with them, from some frames of the track.

    make_rig gives the rig for betas. The betas' prior is the standard normal; `height` in metres, where
    given, is met whatever the evidence says. Smoothness plays no part: the frames may lie far apart.
    """
    betas = np.zeros(10)
    template_height, height_slope = stature(body)
    for _ in range(iterations):
        rig = make_rig(betas)
        hessian, gradient = normal_equations(rig, evidence, state, options)
        jacobian, residual, weight = reprojection_terms(rig, evidence, state, options)
        by_shape = _shape_columns(rig, state, options)
        weighted = np.swapaxes(by_shape * weight[..., None], 1, 2)
        coupling = weighted @ jacobian  # (F,10,n)
        shape_hessian = weighted @ by_shape
        shape_gradient = np.squeeze(weighted @ residual[..., None], -1)
        eliminated = coupling @ np.linalg.solve(
            hessian, np.concatenate([np.swapaxes(coupling, 1, 2), gradient[..., None]], axis=-1)
        )
        reduced = FRAME_EVIDENCE * (shape_hessian - eliminated[..., :-1]).sum(0) + np.eye(10)
        right = FRAME_EVIDENCE * (shape_gradient - eliminated[..., -1]).sum(0) + betas
        if height is not None:
            stiffness = 1.0 / HEIGHT_SIGMA**2
            reduced += stiffness * np.outer(height_slope, height_slope)
            right += stiffness * height_slope * (template_height + height_slope @ betas - height)
        change = np.clip(-np.linalg.solve(reduced, right), -1.0, 1.0)
        betas = np.clip(betas + change, -5.0, 5.0)
        pose_change = -np.linalg.solve(hessian, (gradient + np.einsum("fbn,b->fn", coupling, change))[..., None])[
            ..., 0
        ]
        state = moved(state, pose_change, options.max_step)
    return betas, state


def _shape_columns(rig: Rig, state: PoseState, options: SolverOptions) -> np.ndarray:
    """(F, 2K, 10): derivative of the reprojection residuals by betas, the pelvis kept in place."""
    rotation, _, points = rig.forward(state.local, state.root)
    moves = rig.shape_jacobian(rotation)
    depth = np.maximum(points[..., 2], 1e-6)[..., None, None]
    scale = state.root[:, 2, None, None, None] / options.pixel_sigma
    sight = points[..., :2, None] / depth
    columns = scale * (moves[..., :2, :] - sight * moves[..., 2:, :]) / depth
    return columns.reshape(len(points), -1, columns.shape[-1])
