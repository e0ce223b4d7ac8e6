"""Fits a body to points of its mesh and its joints in closed-form steps that alternate: rotations of parts, then shape.

The algorithm of the NLF video pipeline's fit (Sarandi and Pons-Moll 2024, the package smplfitter 0.6.0): every part of
the body is rotated onto its points, shape and translation follow by linear least squares with these rotations, the mesh
is rebuilt, and the parts are rotated again. It needs no initial pose and takes milliseconds per frame.

Letters in shapes: F frames, V fitted vertices, S unknowns of a frame (betas, and a scale if asked for).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinema.body.mesh_parts import BodyParts, Moments
from kinema.body.mesh_polishing import State, polished
from kinema.body.mesh_target import Target, chunks
from kinema.body.model import NUM_JOINTS, BodyModel
from kinema.errors import ShapeError, UsageError
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, nearest_rotation
from kinema.options import setting
from kinema.skeleton import NUM_BETAS, NUM_POSE

SCALES = ("none", "target", "body")


@dataclass(frozen=True)
class MeshFitOptions:
    """How a body is fitted to points of its mesh."""

    rounds: int = setting(3, "how many times the rotations and the shape are solved")
    beta_ridge: float = setting(1.0, "how strongly the third and later betas are held at 0")
    first_beta_ridge: float = setting(0.0, "how strongly the first two betas are held at 0")
    scale: str = setting("none", "what the last solve may scale: the target, the body or none", choices=SCALES)
    scale_ridge: float = setting(0.0, "how strongly the scale is held at 1")
    one_shape: bool = setting(False, "one shape for all frames")
    adjust: bool = setting(True, "rotate the limbs once more about the joints of the fitted shape")
    polish: int = setting(0, "final Gauss-Newton steps on rotations, positions and shape together")
    parity: bool = setting(
        False, "with the body scaled, leave the betas multiplied by the scale, as smplfitter 0.6.0 does"
    )

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise UsageError(f"`rounds` must be at least 1, found {self.rounds}")
        if self.scale not in SCALES:
            raise UsageError(f"`scale` must be one of {', '.join(SCALES)}, found {self.scale}")
        for name in ("beta_ridge", "first_beta_ridge", "scale_ridge", "polish"):
            if not getattr(self, name) >= 0:
                raise UsageError(f"`{name}` must not be negative, found {getattr(self, name)}")
        if self.polish and self.scale == "body":
            raise UsageError("`polish` must be 0 where the body is scaled; scale the target")

    @property
    def ridge(self) -> np.ndarray:
        """(10,): how strongly each beta is held at 0."""
        return np.asarray(np.r_[np.full(2, self.first_beta_ridge), np.full(NUM_BETAS - 2, self.beta_ridge)])


@dataclass(frozen=True, eq=False)
class MeshFit:
    """pose (F,72) axis-angle, betas (F,10), transl (F,3) metres, rotations (F,24,3,3) of the parts, scale (F,)."""

    pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    rotations: np.ndarray
    scale: np.ndarray


def fit_mesh(
    body: BodyModel,
    vertices: np.ndarray,
    joints: np.ndarray | None = None,
    *,
    vertex_weights: np.ndarray | None = None,
    joint_weights: np.ndarray | None = None,
    subset: np.ndarray | None = None,
    betas: np.ndarray | None = None,
    pose: np.ndarray | None = None,
    options: MeshFitOptions = MeshFitOptions(),
) -> MeshFit:
    """Fit each frame: vertices (F,V,3) and joints (F,24,3), metres, in any one frame of reference.

    subset (V,): which vertices of the body are given; None for all. With a subset, joints are required. If joints are
    given, weights (F,V) and (F,24) count only together. betas (F,10) or (10,): a known shape; only pose and position
    are fitted. pose (F,72): a known pose; only shape and position are fitted. Raises ShapeError and UsageError that say
    what does not fit.
    """
    parts = BodyParts.of(body, subset)
    if joints is None and not parts.whole:
        raise UsageError("a subset of the vertices does not tell the joints: give `joints` as well")
    target = Target.of(vertices, joints, vertex_weights, joint_weights, parts.count)
    if pose is not None:
        return _with_known_pose(parts, target, np.asarray(pose, dtype=np.float64), options)
    shape = None if betas is None else _known_shape(betas, len(target.mean))
    pieces = chunks(len(target.mean))
    turned = np.empty((len(target.mean), NUM_JOINTS, 3, 3))
    for rows in pieces:
        part, reference = target.part(rows), parts.rest(np.zeros((1, NUM_BETAS)) if shape is None else shape[rows])
        turned[rows] = parts.turns(Moments.of(parts, part, reference[0]), part, *reference)
    for _ in range(options.rounds - 1):
        solved = _solve(parts, target, turned, replace(options, scale="none"), shape)
        for rows in pieces:
            part = target.part(rows)
            mesh, places = parts.pose(turned[rows], solved.betas[rows], solved.transl[rows])
            turned[rows] = parts.turns(Moments.of(parts, part, mesh), part, mesh, places) @ turned[rows]
    solved = _solve(parts, target, turned, options, shape)
    if options.adjust:
        for rows in pieces:
            turned[rows] = _adjusted(parts, target.part(rows), turned[rows], solved.part(rows), options)
    if options.polish:
        turned, solved = _polished(parts, target, turned, solved, options, known=shape is not None)
    return _finished(target, turned, solved, options)


def _known_shape(betas: np.ndarray, frames: int) -> np.ndarray:
    betas = np.asarray(betas, dtype=np.float64)
    if betas.shape not in ((NUM_BETAS,), (frames, NUM_BETAS)):
        raise ShapeError(f"known betas must be ({NUM_BETAS},) or ({frames}, {NUM_BETAS}), found {betas.shape}")
    return np.broadcast_to(betas, (frames, NUM_BETAS))


def _with_known_pose(parts: BodyParts, target: Target, pose: np.ndarray, options: MeshFitOptions) -> MeshFit:
    if pose.shape != (len(target.mean), NUM_POSE):
        raise ShapeError(f"a known pose must be ({len(target.mean)}, {NUM_POSE}), found {pose.shape}")
    local = axis_angle_to_matrix(pose.reshape(-1, NUM_JOINTS, 3))
    turned = parts.chain(local)
    return _finished(target, turned, _solve(parts, target, turned, options, None), options)


def _finished(target: Target, turned: np.ndarray, solved: _Solved, options: MeshFitOptions) -> MeshFit:
    factor: np.ndarray = np.ones(len(turned))
    if options.scale == "target":
        factor = solved.scale
    elif options.scale == "body":
        factor = 1 / solved.scale
    local = BodyParts.relative(turned)
    pose = matrix_to_axis_angle(local).reshape(len(turned), NUM_POSE)
    return MeshFit(
        pose, _reported(solved, options), solved.transl + target.mean * factor[:, None], turned, solved.scale
    )


@dataclass(frozen=True, eq=False)
class _Solved:
    betas: np.ndarray
    transl: np.ndarray
    scale: np.ndarray

    def part(self, rows: slice) -> _Solved:
        return _Solved(self.betas[rows], self.transl[rows], self.scale[rows])


def _solve(
    parts: BodyParts, target: Target, turned: np.ndarray, options: MeshFitOptions, shape: np.ndarray | None
) -> _Solved:
    """Shape, translation and scale by least squares for given rotations (F,24,3,3). shape (F,10): if known."""
    pieces = [
        _equations(parts, target.part(rows), turned[rows], options.scale, None if shape is None else shape[rows])
        for rows in chunks(len(turned))
    ]
    normal, wanted, mean_columns, mean_left = (np.concatenate(each) for each in zip(*pieces, strict=True))
    ridge = options.ridge if shape is None else np.zeros(0)
    if options.scale != "none":
        ridge = np.append(ridge, options.scale_ridge)
    shared = options.one_shape and shape is None
    unknowns = _shared(normal, wanted, ridge) if shared else _each(normal, wanted, ridge)
    transl = mean_left - np.einsum("fcs,fs->fc", mean_columns, unknowns)
    scale = np.ones(len(turned)) if options.scale == "none" else 1 + unknowns[:, -1]
    if shape is not None:
        return _Solved(np.array(shape), transl, scale)
    betas = unknowns[:, :NUM_BETAS]
    # The scaled body is s (T + D b), which is linear in s and s b: the solution is s b.
    return _Solved(betas / scale[:, None] if options.scale == "body" else betas, transl, scale)


def _equations(
    parts: BodyParts, target: Target, turned: np.ndarray, scale: str, shape: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Each frame's normal equations of shape and scale, (F,S,S) and (F,S), without the translation, which follows from
    the weighted means of the columns (F,3,S) and of the residuals (F,3)."""
    frames, points, weights = len(turned), target.points, target.weights
    columns, offset = parts.columns(turned, target.joints is not None)  # (F,P,3,10), (F,P,3)
    if shape is not None:
        offset = offset + np.einsum("fpcs,fs->fpc", columns, shape)
        columns = columns[..., :0]
    if scale != "none":
        extra = -points if scale == "target" else offset
        columns = np.concatenate([columns, extra[..., None]], axis=3)
    left = points - offset
    share = np.ones(left.shape[:2]) if weights is None else weights
    share = (share / np.maximum(share.sum(axis=1, keepdims=True), 1e-12))[:, None]
    unknowns = columns.shape[-1]
    mean_left = (share @ left)[:, 0]
    mean_columns = (share @ columns.reshape(frames, left.shape[1], 3 * unknowns)).reshape(frames, 3, unknowns)
    matrix = (columns - mean_columns[:, None]).reshape(frames, 3 * left.shape[1], unknowns)
    right = (left - mean_left[:, None]).reshape(frames, -1, 1)
    across = np.swapaxes(matrix if weights is None else matrix * np.repeat(weights, 3, axis=1)[..., None], 1, 2)
    return across @ matrix, (across @ right)[..., 0], mean_columns, mean_left


def _polished(
    parts: BodyParts, target: Target, turned: np.ndarray, solved: _Solved, options: MeshFitOptions, *, known: bool
) -> tuple[np.ndarray, _Solved]:
    """Rotations, shape, translation and scale after Gauss-Newton steps. known: whether the shape is fixed."""
    state = State(turned, solved.betas, solved.scale)
    for _ in range(options.polish):
        state = polished(
            parts, target, state, None if known else options.ridge,
            options.scale_ridge if options.scale == "target" else None,
        )  # fmt: skip
    if options.scale == "target":
        target = target.scaled(state.scale)
    left = _solve(parts, target, state.rotations, replace(options, scale="none"), state.betas)
    return state.rotations, _Solved(state.betas, left.transl, state.scale)


def _reported(solved: _Solved, options: MeshFitOptions) -> np.ndarray:
    return solved.betas * solved.scale[:, None] if options.parity and options.scale == "body" else solved.betas


def _each(normal: np.ndarray, wanted: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.solve(normal + np.diag(ridge + 1e-12), wanted[..., None])[..., 0])


def _shared(normal: np.ndarray, wanted: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """Betas shared by all frames, and a scale for each frame, which is eliminated first."""
    frames = len(normal)
    shape, sought = normal[:, :NUM_BETAS, :NUM_BETAS].sum(axis=0), wanted[:, :NUM_BETAS].sum(axis=0)
    # One ridge for each frame: the shape of a long track is held as firmly as that of a single frame.
    shape = shape + frames * np.diag(ridge[:NUM_BETAS] + 1e-12)
    if normal.shape[1] == NUM_BETAS:
        return np.tile(np.linalg.solve(shape, sought), (frames, 1))
    cross, own = normal[:, :NUM_BETAS, NUM_BETAS], normal[:, NUM_BETAS, NUM_BETAS] + ridge[NUM_BETAS] + 1e-12
    end = wanted[:, NUM_BETAS]
    shape = shape - np.einsum("fs,ft,f->st", cross, cross, 1 / own)
    betas = np.linalg.solve(shape, sought - cross.T @ (end / own))
    return np.concatenate([np.tile(betas, (frames, 1)), ((end - cross @ betas) / own)[:, None]], axis=1)


def _adjusted(
    parts: BodyParts, target: Target, turned: np.ndarray, solved: _Solved, options: MeshFitOptions
) -> np.ndarray:
    """The limbs rotated once more, down the tree, about the joints of the fitted body."""
    mesh, places = parts.pose(turned, solved.betas, solved.transl)
    size = np.ones(len(turned))
    if options.scale == "target":
        target = target.scaled(solved.scale)
    elif options.scale == "body":
        size = solved.scale
        by, centre = size[:, None, None], solved.transl[:, None]
        mesh, places = by * mesh + (1 - by) * centre, by * places + (1 - by) * centre
    moments = Moments.of(parts, target, mesh)
    goal, base = parts.joints_of(target, mesh, places)
    rest = parts.rest_joints(_reported(solved, options)) * size[:, None, None]
    result, at = turned.copy(), np.empty_like(places)
    for joint in range(NUM_JOINTS):
        parent = parts.parents[joint]
        if joint == 0:
            at[:, 0] = rest[:, 0] + solved.transl
        else:
            bone = (rest[:, joint] - rest[:, parent])[..., None]
            at[:, joint] = at[:, parent] + (result[:, parent] @ bone)[..., 0]
        if joint in parts.copies:
            result[:, joint] = result[:, parts.copies[joint]]
        elif joint in parts.limbs:
            family = parts.families[joint]
            seen, had = goal[:, family] - at[:, joint, None], base[:, family] - places[:, joint, None]
            if target.joint_weights is not None:
                had = had * target.joint_weights[:, family, None]
            covariance = moments.about(joint, at[:, joint], places[:, joint]) + np.swapaxes(seen, 1, 2) @ had
            result[:, joint] = nearest_rotation(covariance) @ turned[:, joint]
    return result
