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
from kinema.skeleton import SMPL24

EVIDENCE = 10.0
"""Weight for the shape of all outlines together, however many there are: each shows all of the person's girths. More
brings the contour nearer to the outline, which is that of clothes, and makes bellies of loose jackets."""

LENGTH_SIGMA = 0.002
"""Metres by which a length may change from what the keypoints say."""

YOUTH_SIGMA = 0.3
"""Deviation of the last beta of a body that has children: it is no girth, and outlines of hair would make heads of
children's size."""

LENGTHS = (
    *((f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in (
        ("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"), ("shoulder", "hip"),
    )),
    ("left_hip", "right_hip"), ("left_shoulder", "right_shoulder"), ("neck", "head"),
)  # fmt: skip
"""Joints whose distances keypoints tell. Where a spine runs within its trunk they do not: it moves when girths change,
as bodies differ, and to hold it would hold the girths."""

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
) -> tuple[np.ndarray, PoseState]:
    """Betas (10,) with the lengths of `betas` (10,), which keypoints gave, and the girths of the outlines; and the
    poses that both show.

    evidence, state: of the outlines' frames, in their order.
    """
    _, slope = stature(body)
    lengths = np.concatenate([_lengths_by_shape(body, betas), slope[None]])
    anchor = lengths.T @ lengths / LENGTH_SIGMA**2
    if body.child_betas is not None:
        anchor[-1, -1] += 1 / YOUTH_SIGMA**2
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
    return betas, state


def _lengths_by_shape(body: BodyModel, betas: np.ndarray) -> np.ndarray:
    """(L,10): derivatives of `LENGTHS` with respect to the betas (10,), metres."""
    start, end = (SMPL24.indices(names) for names in zip(*LENGTHS, strict=True))
    rest = body.rest_joints(betas)
    along = rest[end] - rest[start]
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    return np.asarray(np.einsum("lc,lcb->lb", along, body.J_shapedirs[end] - body.J_shapedirs[start]))
