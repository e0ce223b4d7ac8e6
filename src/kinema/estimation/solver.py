"""The poses of all frames together: Gauss-Newton on evidence, prior and smoothness, banded in time.

For each frame the unknowns are the tangents of the free joints and the step of the root, n in all. Evidence, prior and
limits involve one frame, smoothness three neighbours with diagonal coupling, so that the normal matrix is banded with
half-width 2n; `scipy.linalg.solveh_banded` solves it in time linear in the number of frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from kinema.body.kinematics import Rig
from kinema.estimation.lasting import LAST_STEPS, momentary, recentred
from kinema.estimation.options import SolverOptions
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.skeleton import SMPL24
from kinema.temporal.banded import (
    add_second_differences,
    add_turned_second_differences,
    band_of_blocks,
    solve_band,
)

REFERENCE_RATE = 30.0
"""Frames per second at which a frame's evidence has weight 1; each frame of a faster clip counts less."""

MIN_DEPTH = 0.2
"""Metres: nothing is expected closer to the camera."""

FIXED = 1e12
"""Precision that holds a frame in place."""

FREE_JOINTS = SMPL24.indices([j for j in SMPL24.joints if not j.endswith(("_foot", "_hand"))])
"""Joints that the evidence can rotate; toes and hands keep their prior."""

ADDED_STEPS = 3
"""Steps, the last ones, in which added evidence, and how fast a body moves at most, count."""

MOST_ACROSS = 40.0
"""m/s^2 that a pelvis accelerates at most across the camera's viewing direction: what is beyond is no burst of movement
but an error. In captured salsa and sport (CMU), 99.9 % of the frames stay below 28 along the ground, 23 vertically."""

FASTEST, FASTEST_SIGMA = 8.0, 0.3
"""m/s at which a pelvis moves at most along the viewing direction, and the sigma of what is beyond. Nothing in that
capture is faster than 6.1; accelerations cannot be limited there, because bursts gather them in a frame or two."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """The evidence of one person's frames. F frames, K points.

    times (F,) seconds; rays (F,K,2): undistorted image points at depth 1; weight (F,K): 1 for a clear point of
    BlazePose's, more for a better network's, 0 for points not seen;
    prior (F,24,3,3): expected rotations relative to the parent; prior_sigma (F,24) radians. trust (F,25): how far
    bursts of movement are believed, of each joint and of the root; turns (F,24): angular accelerations that the image
    shows, rad/s^2 (both `kinema.estimation.bursts`). still (F,3,3): from the camera's axes to axes that do not turn
    with it (None: it does not turn); bounded (F,) bool: how the camera moves is known, so that it is the body that
    accelerates (None: everywhere).
    """

    times: np.ndarray
    rays: np.ndarray
    weight: np.ndarray
    prior: np.ndarray
    prior_sigma: np.ndarray
    trust: np.ndarray
    turns: np.ndarray
    still: np.ndarray | None = None
    bounded: np.ndarray | None = None

    def take(self, rows: np.ndarray | slice) -> Evidence:
        """The evidence of some frames."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{name: value[rows] for name, value in values.items() if value is not None})


@dataclass(frozen=True, eq=False)
class PoseState:
    """Rotations relative to the parent (F,24,3,3) and the pelvis position (F,3), camera's frame."""

    local: np.ndarray
    root: np.ndarray

    def take(self, rows: np.ndarray | slice) -> PoseState:
        """The state of some frames."""
        return PoseState(self.local[rows], self.root[rows])


def joint_limits() -> np.ndarray:
    """(24,3,2): lowest and highest component of each joint's axis-angle, radians.

    Knees bend about +x, the left elbow about -y, the right about +y (SMPL's T-pose, arms along x). Other limits are
    wide: they exclude impossible poses and leave the rest to the prior.
    """
    degrees = {"spine": 50, "neck": 60, "head": 60, "collar": 45, "ankle": 70, "wrist": 100}
    part = [name.rstrip("123").split("_")[-1] for name in SMPL24.joints]
    wide = np.array([degrees.get(p, 360) for p in part], dtype=float)
    limits = np.stack([-wide, wide], axis=-1)[:, None].repeat(3, axis=1)
    for side, flexion in (("left", (-155, 5)), ("right", (-5, 155))):
        limits[SMPL24.index(f"{side}_knee")] = [(-3, 160), (-30, 30), (-20, 20)]
        limits[SMPL24.index(f"{side}_elbow")] = [(-100, 100), flexion, (-30, 30)]
    return np.asarray(np.radians(limits))


_LIMITS = joint_limits()[FREE_JOINTS]


Added = Callable[["PoseState", np.ndarray, np.ndarray], None]
"""Adds more evidence about the frames of a state to the Gauss-Newton blocks (F,n,n) and the gradient (F,n)."""


def solve(
    rig: Rig,
    evidence: Evidence,
    state: PoseState,
    options: SolverOptions,
    *,
    fixed: int = 0,
    added: Sequence[Added] = (),
    lasting: bool = False,
) -> PoseState:
    """The poses that best explain the evidence. The first `fixed` frames do not change (an overlap).

    added: more evidence, which counts in the last steps, when the poses are near. lasting: whether the prior's errors
    last (`kinema.estimation.lasting`).
    """
    stated = evidence
    smoothness = _Smoothness.of(evidence)
    scales = np.geomspace(max(options.first_scale, options.robust_scale), options.robust_scale, options.iterations)
    for number, scale in enumerate(scales):
        now = replace(options, robust_scale=float(scale))
        if lasting:
            evidence = recentred(stated, state) if number >= options.iterations - LAST_STEPS else momentary(stated)
        hessian, gradient = normal_equations(rig, evidence, state, now)
        last = number >= options.iterations - ADDED_STEPS
        for add in added if last else ():
            add(state, hessian, gradient)
        step = _banded_step(hessian, gradient, smoothness, evidence, state, now, fixed, bounded=last)
        state = moved(state, step, options.max_step)
    return state


def moved(state: PoseState, step: np.ndarray, max_turn: float) -> PoseState:
    """The state after a step (F, 3*A+3): tangents of the free joints, then the root; turns are capped."""
    turn = step[:, :-3].reshape(len(step), -1, 3)
    angle = np.linalg.norm(turn, axis=-1, keepdims=True)
    turn = turn * np.minimum(1.0, max_turn / np.maximum(angle, 1e-12))
    local = state.local.copy()
    local[:, FREE_JOINTS] = local[:, FREE_JOINTS] @ axis_angle_to_matrix(turn)
    return PoseState(local, state.root + step[:, -3:])


def frame_weights(times: np.ndarray) -> np.ndarray:
    """(F,) weights of the frames' evidence: duration times `REFERENCE_RATE`, at most 1."""
    if len(times) < 2:
        return np.ones(len(times))
    return np.asarray(np.minimum(1.0, np.gradient(times) * REFERENCE_RATE))


def normal_equations(
    rig: Rig, evidence: Evidence, state: PoseState, options: SolverOptions
) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Newton blocks of the single-frame terms: (F,n,n) and gradient (F,n)."""
    return with_priors(*reprojection_terms(rig, evidence, state, options), evidence, state, options)


def with_priors(
    jacobian: np.ndarray,
    residual: np.ndarray,
    weight: np.ndarray,
    evidence: Evidence,
    state: PoseState,
    options: SolverOptions,
) -> tuple[np.ndarray, np.ndarray]:
    """The same of what `reprojection_terms` gave, with the priors of the poses and the limits of the joints."""
    weighted = jacobian * weight[..., None]
    hessian = np.swapaxes(weighted, 1, 2) @ jacobian
    gradient = np.squeeze(np.swapaxes(weighted, 1, 2) @ residual[..., None], -1)
    diagonal = np.arange(hessian.shape[-1])

    prior = np.swapaxes(evidence.prior[:, FREE_JOINTS], -1, -2) @ state.local[:, FREE_JOINTS]
    precision = np.repeat(1.0 / evidence.prior_sigma[:, FREE_JOINTS] ** 2, 3, axis=1)
    precision *= frame_weights(evidence.times)[:, None]
    hessian[:, diagonal[:-3], diagonal[:-3]] += precision
    gradient[:, :-3] += precision * matrix_to_axis_angle(prior).reshape(len(precision), -1)

    angles = matrix_to_axis_angle(state.local[:, FREE_JOINTS])
    beyond = angles - np.clip(angles, _LIMITS[..., 0], _LIMITS[..., 1])
    stiff = (beyond != 0).reshape(len(beyond), -1) / options.limit_sigma**2
    hessian[:, diagonal[:-3], diagonal[:-3]] += stiff
    gradient[:, :-3] += stiff * beyond.reshape(len(beyond), -1)
    # A little damping keeps unobserved parameters in place.
    hessian[:, diagonal, diagonal] += 1.0
    return hessian, gradient


def reprojection_terms(
    rig: Rig, evidence: Evidence, state: PoseState, options: SolverOptions
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Jacobian (F,2K,n), residual (F,2K) in sigmas and robust weight (F,2K) of the image evidence."""
    rotation, position, points = rig.forward(state.local, state.root)
    depth = np.maximum(points[..., 2], MIN_DEPTH)
    sight = points[..., :2] / depth[..., None]
    # One sigma is a length in the image plane at the person's depth, so distant people are fitted as tightly.
    scale = np.maximum(state.root[:, 2], MIN_DEPTH)[:, None] / options.pixel_sigma
    residual = (sight - evidence.rays) * scale[..., None]
    rows = np.zeros((*points.shape[:2], 2, 3))
    rows[..., 0, 0] = rows[..., 1, 1] = scale / depth
    rows[..., 0, 2] = -sight[..., 0] * scale / depth
    rows[..., 1, 2] = -sight[..., 1] * scale / depth
    error = np.sum(residual**2, axis=-1)
    robust = 1.0 / (1.0 + error / options.robust_scale**2) ** 2
    weight = evidence.weight * robust * frame_weights(evidence.times)[:, None]
    residual = np.where(evidence.weight[..., None] > 0, residual, 0.0)
    jacobian = rig.projected_jacobian(rotation, position, points, rows, FREE_JOINTS)
    num_frames = len(points)
    return (
        jacobian.reshape(num_frames, -1, jacobian.shape[-1]),
        residual.reshape(num_frames, -1),
        np.repeat(weight, 2, axis=1),
    )


@dataclass(frozen=True, eq=False)
class _Smoothness:
    """Accelerations of a track. coefficients (F-2, 3): of the second time derivative at frames 1..F-2; counts (F-2,):
    their weights, like `frame_weights` but above 1 where frames are far apart. still (F,3,3): as in `Evidence`; turns
    (F-2,3,3,3): into the camera's axes in the middle frame, from those in each of the three; both None if they are the
    same.
    """

    coefficients: np.ndarray
    counts: np.ndarray
    still: np.ndarray | None = None
    turns: np.ndarray | None = None

    @classmethod
    def of(cls, evidence: Evidence) -> _Smoothness:
        times, still = evidence.times, evidence.still
        if len(times) < 3:
            return cls(np.zeros((0, 3)), np.zeros(0))
        before, after = np.diff(times)[:-1], np.diff(times)[1:]
        whole = before + after
        coefficients = np.stack([2 / (before * whole), -2 / (before * after), 2 / (after * whole)], axis=-1)
        turns = None
        if still is not None:
            back = np.swapaxes(still[1:-1], -1, -2)
            turns = np.stack([back @ still[i : len(times) - 2 + i] for i in range(3)], axis=1)
        return cls(coefficients, 0.5 * whole * REFERENCE_RATE, still, turns)

    def accelerations(self, state: PoseState) -> np.ndarray:
        """(F-2, n): of the free joints (rad/s^2) and the root (m/s^2), not of the camera.

        The second difference of rotations at frame f is taken in the tangent space at f, where log(R_f^T R_f+1) and
        log(R_f^T R_f-1) are the neighbours' offsets; that of the root in the camera's axes at f.
        """
        local, root, weight = state.local[:, FREE_JOINTS], state.root, self.coefficients
        around = [root[:-2], root[1:-1], root[2:]]
        if self.still is not None and self.turns is not None:
            local = local.copy()
            local[:, 0] = self.still @ local[:, 0]
            around = [np.einsum("fij,fj->fi", self.turns[:, i], place) for i, place in enumerate(around)]
        forward = matrix_to_axis_angle(np.swapaxes(local[:-1], -1, -2) @ local[1:])
        count = len(weight)
        rotation = weight[:, 2:] * forward[1:].reshape(count, -1) - weight[:, :1] * forward[:-1].reshape(count, -1)
        path = np.einsum("fi,fic->fc", weight, np.stack(around, axis=1))
        return np.concatenate([rotation, path], axis=-1)

    def precision(
        self, acceleration: np.ndarray, evidence: Evidence, options: SolverOptions, *, bounded: bool
    ) -> np.ndarray:
        """(F-2, n): of accelerations (F-2, n); lower for joints and for the root's way across in a burst of movement,
        as far as it is believed (`Evidence.trust`), and, beyond much more, along the viewing direction. A burst of a
        joint is one of the poses as they are, or one that the image shows and the poses do not follow yet. bounded: of
        the root's way across, what is beyond `MOST_ACROSS` counts in full.
        """
        trust = evidence.trust
        sigma = np.full(acceleration.shape[1], options.rotation_acceleration)
        sigma[-3:-1], sigma[-1] = options.root_acceleration, options.depth_acceleration
        square = (acceleration / sigma) ** 2
        joints, across, depth = square[:, :-3], square[:, -3:-1], square[:, -1:]
        shown = (evidence.turns[1:-1, FREE_JOINTS] / options.rotation_acceleration) ** 2 / 3
        of_joint = np.maximum(joints.reshape(len(square), -1, 3).mean(-1), shown).repeat(3, axis=1)
        believed = np.concatenate(
            [trust[1:-1, FREE_JOINTS].repeat(3, axis=1), trust[1:-1, -1:].repeat(2, axis=1)], axis=1
        )
        burst = np.concatenate([of_joint, across.mean(-1, keepdims=True).repeat(2, axis=1)], axis=1)
        burst = believed * burst / options.bursts**2
        robust = 1 / (1 + np.concatenate([burst, depth / options.depth_bursts**2], axis=1))
        if bounded:
            robust[:, -3:-1] += _beyond(acceleration[:, -3:-1], evidence.bounded)
        return np.asarray(self.counts[:, None] * robust / sigma**2)


def _beyond(acceleration: np.ndarray, bounded: np.ndarray | None) -> np.ndarray:
    """(F-2,1) in [0, 1): the share of a root's accelerations (F-2,2) that no body reaches; bounded (F,) bool."""
    size = np.linalg.norm(acceleration, axis=1, keepdims=True)
    share = 1 - np.minimum(1.0, MOST_ACROSS / np.maximum(size, 1e-9))
    if bounded is not None:
        share = share * (bounded[:-2] & bounded[1:-1] & bounded[2:])[:, None]
    return np.asarray(share)


def _limit_speed(band: np.ndarray, gradient: np.ndarray, evidence: Evidence, root: np.ndarray) -> None:
    """Add how much faster than `FASTEST` roots (F,3) come nearer or go away to a band and a gradient, in place."""
    interval = np.diff(evidence.times)
    speed = np.diff(root[:, 2]) / interval
    excess = speed - np.clip(speed, -FASTEST, FASTEST)
    if evidence.bounded is not None:
        excess = excess * (evidence.bounded[:-1] & evidence.bounded[1:])
    precision = REFERENCE_RATE * interval / FASTEST_SIGMA**2
    pull, stiff = precision * excess / interval, precision * (excess != 0) / interval**2
    gradient[1:, -1] += pull
    gradient[:-1, -1] -= pull
    band[1:, -1, 0] += stiff
    band[:-1, -1, 0] += stiff
    band[:-1, -1, band.shape[1]] -= stiff


def _banded_step(
    hessian: np.ndarray,
    gradient: np.ndarray,
    smoothness: _Smoothness,
    evidence: Evidence,
    state: PoseState,
    options: SolverOptions,
    fixed: int,
    *,
    bounded: bool,
) -> np.ndarray:
    """Solve the banded normal equations: the step (F, n) of all frames. bounded: bodies have limits."""
    num_frames, n = gradient.shape
    gradient = gradient.copy()
    weight, turns = smoothness.coefficients, smoothness.turns
    width = n if num_frames < 3 else 2 * n + 1 if turns is None else 2 * n + 3
    band = band_of_blocks(hessian, width)
    if len(weight):
        acceleration = smoothness.accelerations(state)
        precision = smoothness.precision(acceleration, evidence, options, bounded=bounded)
        for i in range(3):
            pull = weight[:, i, None] * precision * acceleration
            if turns is not None:
                pull[:, -3:] = np.einsum("fji,fj->fi", turns[:, i], pull[:, -3:])
            gradient[i : num_frames - 2 + i] += pull
        if turns is not None:
            add_turned_second_differences(band, weight, precision[:, -3:], turns)
            precision[:, -3:] = 0.0
        add_second_differences(band, weight, lambda product: product[:, None] * precision)
        if bounded:
            _limit_speed(band, gradient, evidence, state.root)
    if fixed:
        band[:fixed, :, 0] += FIXED
        gradient[:fixed] = 0.0
    return solve_band(band, -gradient)
