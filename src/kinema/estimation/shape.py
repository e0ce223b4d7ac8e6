"""One shape for a track: betas that explain all its frames, with a free pose in each frame.

The frames share only the ten betas, so the normal equations have an arrowhead structure: every frame's pose is
eliminated from its own block (Schur complement) and ten equations remain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.body.sizes import BODY_HEIGHT, resized_betas
from kinema.estimation.options import SolverOptions
from kinema.estimation.solver import Evidence, PoseState, moved, reprojection_terms, with_priors
from kinema.person import Person

FRAME_EVIDENCE = 0.02
"""Weight of one frame's evidence for the shape, relative to that for the pose: neighbouring frames are redundant, and a
landmark's anatomical offset is the same in all of them."""

HEIGHT_SIGMA = 0.003
"""Metres: tolerance with which a given height is met."""

ASSUMED_HEIGHT = 1.70
"""Metres: of a person about whom nothing is known, an adult of either sex.

A single camera does not show size. It shows proportions, and on the body models these change with height (who is taller
has broader shoulders and longer limbs), so that without an assumption small errors in the landmarks become centimetres:
adults came out 4 cm too short on average, one and a half times as much as the spread between them.
"""

ASSUMED_SIGMA = 0.02
"""Metres by which proportions may move an assumed height, as a standard deviation."""

SHORTFALL = 0.03
"""Metres by which a given height may be missed without a word."""

POPULATION_SIGMA = 0.09
"""Metres: standard deviation of the heights of adults, and so of an assumed one."""

ROUNDS = 8
"""Gauss-Newton steps of the shape."""

ADULTS = 0.15
"""Deviation of a height from the average body's, as a fraction, beyond which a person is no adult: betas extrapolated
so far along the direction in which adults differ would give a body of strange proportions, too tall."""


def stature(body: BodyModel) -> tuple[float, np.ndarray]:
    """Height of the standing body at betas 0, metres, and its derivative with respect to the betas (10,)."""
    up = body.v_template[:, 1]
    top, sole = int(np.argmax(up)), int(np.argmin(up))
    return float(up[top] - up[sole]), np.asarray(body.shapedirs[top, 1] - body.shapedirs[sole, 1])


def height_of(body: BodyModel, betas: np.ndarray, given: float | None) -> dict[str, float | str]:
    """The entry `BODY_HEIGHT` of a fitted shape (10,), for which a height in metres was given, or None."""
    template, slope = stature(body)
    metres = float(template + slope @ betas)
    source, uncertainty = ("assumed", POPULATION_SIGMA) if given is None else ("given", HEIGHT_SIGMA)
    return {"metres": round(metres, 4), "source": source, "uncertainty": uncertainty}


def out_of_reach(people: Sequence[Person], heights: Sequence[float | None]) -> str | None:
    """A sentence for the user if a body cannot be as tall as asked for (heights of the people, in their order)."""
    for person, height in zip(people, heights, strict=False):
        if height is None or BODY_HEIGHT not in person.data:
            continue
        reached = person.data[BODY_HEIGHT]["metres"]
        if abs(reached - height) >= SHORTFALL:
            return (
                f"no shape of this body is {height:g} m tall, it is {reached:.2f} m instead;"
                " multiply positions and distances by the ratio for the true ones"
            )
    return None


def fit_shape(
    body: BodyModel,
    make_rig: Callable[[np.ndarray], Rig],
    evidence: Evidence,
    state: PoseState,
    options: SolverOptions,
    *,
    height: float | None = None,
) -> np.ndarray:
    """Betas (10,) of the person, from some frames of the track and poses to begin with.

    make_rig returns the rig for betas. The betas' prior is normal, about the average body; about that body scaled to
    the given height where no adult has it. `height` in metres, if given, is met regardless of the evidence, else
    `ASSUMED_HEIGHT` nearly. There is no smoothness term: the frames may be far apart.
    """
    template_height, height_slope = stature(body)
    centre: np.ndarray = np.zeros(10)
    if height is not None and abs(height / template_height - 1) > ADULTS:
        centre = resized_betas(body, centre, height / template_height)
    betas = centre
    for _ in range(ROUNDS):
        rig = make_rig(betas)
        equations = ShapeEquations.of(rig, evidence, state, options)
        of_frames, side = equations.without_poses()
        reduced = FRAME_EVIDENCE * of_frames + np.eye(10)
        right = FRAME_EVIDENCE * side + betas - centre
        excess = float(template_height + height_slope @ betas) - (ASSUMED_HEIGHT if height is None else height)
        stiffness = 1.0 / (ASSUMED_SIGMA if height is None else HEIGHT_SIGMA) ** 2
        reduced += stiffness * np.outer(height_slope, height_slope)
        right += stiffness * height_slope * excess
        change = np.clip(-np.linalg.solve(reduced, right), -1.0, 1.0)
        betas = np.clip(betas + change, centre - 5.0, centre + 5.0)
        state = moved(state, equations.pose_change(change), options.max_step)
    return betas


@dataclass(frozen=True, eq=False)
class ShapeEquations:
    """Gauss-Newton equations of some frames' poses and of the betas that they share. More evidence is added in place.

    hessian (F,n,n), gradient (F,n): of the poses; coupling (F,10,n); shape_hessian (F,10,10), shape_gradient (F,10).
    """

    hessian: np.ndarray
    gradient: np.ndarray
    coupling: np.ndarray
    shape_hessian: np.ndarray
    shape_gradient: np.ndarray

    @classmethod
    def of(cls, rig: Rig, evidence: Evidence, state: PoseState, options: SolverOptions) -> ShapeEquations:
        """Of the keypoints and the priors of the poses."""
        jacobian, residual, weight = reprojection_terms(rig, evidence, state, options)
        hessian, gradient = with_priors(jacobian, residual, weight, evidence, state, options)
        by_shape = shape_columns(rig, state, options)
        weighted = np.swapaxes(by_shape * weight[..., None], 1, 2)
        shape_gradient = np.squeeze(weighted @ residual[..., None], -1)
        return cls(hessian, gradient, weighted @ jacobian, weighted @ by_shape, shape_gradient)

    def without_poses(self) -> tuple[np.ndarray, np.ndarray]:
        """Hessian (10,10) and gradient (10,) of the betas, the poses eliminated, summed over the frames."""
        right = np.concatenate([np.swapaxes(self.coupling, 1, 2), self.gradient[..., None]], axis=-1)
        eliminated = self.coupling @ np.linalg.solve(self.hessian, right)
        hessian = (self.shape_hessian - eliminated[..., :-1]).sum(0)
        return hessian, (self.shape_gradient - eliminated[..., -1]).sum(0)

    def pose_change(self, change: np.ndarray) -> np.ndarray:
        """The step (F,n) of the poses that belongs to a change of the betas (10,)."""
        side = self.gradient + np.einsum("fbn,b->fn", self.coupling, change)
        return np.asarray(-np.linalg.solve(self.hessian, side[..., None])[..., 0])


def shape_columns(rig: Rig, state: PoseState, options: SolverOptions) -> np.ndarray:
    """(F, 2K, 10): derivative of the reprojection residuals with respect to the betas, with the pelvis fixed."""
    rotation, _, points = rig.forward(state.local, state.root)
    moves = rig.shape_jacobian(rotation)
    depth = np.maximum(points[..., 2], 1e-6)[..., None, None]
    scale = state.root[:, 2, None, None, None] / options.pixel_sigma
    sight = points[..., :2, None] / depth
    columns = scale * (moves[..., :2, :] - sight * moves[..., 2:, :]) / depth
    return np.asarray(columns.reshape(len(points), -1, columns.shape[-1]))
