"""A body fitted to points of its mesh and its joints in closed-form steps: rotations of parts, then shape, by turns.

The algorithm of the NLF video pipeline's fit (Sarandi and Pons-Moll 2024, the package smplfitter 0.6.0): every part of
the body is turned onto its points, the shape and translation follow by linear least squares with these rotations, the
mesh is rebuilt, and what is left is turned again. It needs no starting pose and takes milliseconds a frame.

Letters in shapes: F frames, V fitted vertices, S unknowns of a frame (betas, and a scale if asked for).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinema.body.mesh_parts import BodyParts, Moments
from kinema.body.model import NUM_JOINTS, BodyModel
from kinema.errors import ShapeError, UsageError
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, nearest_rotation
from kinema.options import setting
from kinema.skeleton import NUM_BETAS, NUM_POSE

SCALES = ("none", "target", "body")


@dataclass(frozen=True)
class MeshFitOptions:
    """How a body is fitted to points of its mesh."""

    rounds: int = setting(3, "how often the rotations and the shape are solved")
    beta_ridge: float = setting(1.0, "how strongly the third beta and those after it are held at 0")
    first_beta_ridge: float = setting(0.0, "how strongly the first two betas are held at 0")
    scale: str = setting("none", "what the last solve may scale: the target, the body or nothing", choices=SCALES)
    scale_ridge: float = setting(0.0, "how strongly the scale is held at 1")
    one_shape: bool = setting(False, "one shape for all frames")
    adjust: bool = setting(True, "turn the limbs once more about the joints of the fitted shape")
    parity: bool = setting(
        False, "with the body scaled, leave the betas multiplied by the scale, as smplfitter 0.6.0 does"
    )

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise UsageError(f"`rounds` must be at least 1, found {self.rounds}")
        if self.scale not in SCALES:
            raise UsageError(f"`scale` must be one of {', '.join(SCALES)}, found {self.scale}")
        for name in ("beta_ridge", "first_beta_ridge", "scale_ridge"):
            if not getattr(self, name) >= 0:
                raise UsageError(f"`{name}` must not be negative, found {getattr(self, name)}")


@dataclass(frozen=True, eq=False)
class MeshFit:
    """pose (F,72) axis-angle, betas (F,10), transl (F,3) metres, rotations (F,24,3,3) of the parts, scale (F,)."""

    pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    rotations: np.ndarray
    scale: np.ndarray


@dataclass(frozen=True, eq=False)
class Target:
    """What is fitted, about its mean: vertices (F,V,3), joints (F,24,3) or None, weights (F,V) and (F,24) or None."""

    vertices: np.ndarray
    joints: np.ndarray | None
    vertex_weights: np.ndarray | None
    joint_weights: np.ndarray | None
    mean: np.ndarray

    def scaled(self, factor: np.ndarray) -> Target:
        by = factor[:, None, None]
        return replace(self, vertices=self.vertices * by, joints=None if self.joints is None else self.joints * by)


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

    subset (V,): which vertices of the body are given; all if None, and it must be given joints then, too. Weights
    (F,V) and (F,24) count only together where there are joints. betas (F,10) or (10,): a known shape, of which only
    pose and position are sought. pose (F,72): a known pose, of which only shape and position are sought.
    Raises ShapeError and UsageError, each with what does not fit.
    """
    parts = BodyParts.of(body, subset)
    target = _target(parts, vertices, joints, vertex_weights, joint_weights)
    if pose is not None:
        return _with_known_pose(parts, target, np.asarray(pose, dtype=np.float64), options)
    shape = None if betas is None else _known_shape(betas, len(target.mean))
    known = np.zeros((1, NUM_BETAS)) if shape is None else shape
    reference = parts.rest(known)
    turned = parts.turns(Moments.of(parts, target, reference[0]), target, *reference)
    for _ in range(options.rounds - 1):
        solved = _solve(parts, target, turned, replace(options, scale="none"), shape)
        mesh, places = parts.pose(turned, solved.betas, solved.transl)
        turned = parts.turns(Moments.of(parts, target, mesh), target, mesh, places) @ turned
    solved = _solve(parts, target, turned, options, shape)
    if options.adjust:
        turned = _adjusted(parts, target, turned, solved, options)
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


def _solve(
    parts: BodyParts, target: Target, turned: np.ndarray, options: MeshFitOptions, shape: np.ndarray | None
) -> _Solved:
    """Shape, translation and scale by least squares, with the rotations (F,24,3,3) given."""
    frames, ones = len(turned), np.ones(len(turned))
    columns, offset = parts.columns(turned, target.joints is not None)  # (F,P,3,10), (F,P,3)
    points = target.vertices if target.joints is None else np.concatenate([target.vertices, target.joints], axis=1)
    if shape is not None:
        left = points - offset - np.einsum("fpcs,fs->fpc", columns, shape)
        weights = _weights(target)
        share = np.ones(left.shape[:2]) if weights is None else weights
        total = np.maximum(share.sum(axis=1, keepdims=True), 1e-12)
        return _Solved(np.array(shape), np.einsum("fpc,fp->fc", left, share) / total, ones)
    ridge: np.ndarray = np.full(NUM_BETAS, options.beta_ridge)
    ridge[:2] = options.first_beta_ridge
    if options.scale != "none":
        extra = -points if options.scale == "target" else offset
        columns = np.concatenate([columns, extra[..., None]], axis=3)
        ridge = np.append(ridge, options.scale_ridge)
    left = points - offset
    weights = _weights(target)
    share = np.ones(left.shape[:2]) if weights is None else weights
    share = (share / np.maximum(share.sum(axis=1, keepdims=True), 1e-12))[:, None]
    mean_left = (share @ left)[:, 0]
    mean_columns = (share @ columns.reshape(frames, left.shape[1], -1)).reshape(frames, 3, -1)
    matrix = (columns - mean_columns[:, None]).reshape(frames, -1, len(ridge))
    right = (left - mean_left[:, None]).reshape(frames, -1, 1)
    turned_matrix = np.swapaxes(matrix if weights is None else matrix * np.repeat(weights, 3, axis=1)[..., None], 1, 2)
    normal, wanted = turned_matrix @ matrix, (turned_matrix @ right)[..., 0]
    unknowns = _shared(normal, wanted, ridge) if options.one_shape else _each(normal, wanted, ridge)
    transl = mean_left - np.einsum("fcs,fs->fc", mean_columns, unknowns)
    scale = ones if options.scale == "none" else 1 + unknowns[:, NUM_BETAS]
    betas = unknowns[:, :NUM_BETAS]
    # The scaled body is s (T + D b), which is linear in s and s b: what was solved for is s b.
    return _Solved(betas / scale[:, None] if options.scale == "body" else betas, transl, scale)


def _reported(solved: _Solved, options: MeshFitOptions) -> np.ndarray:
    return solved.betas * solved.scale[:, None] if options.parity and options.scale == "body" else solved.betas


def _each(normal: np.ndarray, wanted: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.solve(normal + np.diag(ridge + 1e-12), wanted[..., None])[..., 0])


def _shared(normal: np.ndarray, wanted: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """Betas for all frames, and each frame's own scale, which is eliminated first."""
    frames = len(normal)
    shape, sought = normal[:, :NUM_BETAS, :NUM_BETAS].sum(axis=0), wanted[:, :NUM_BETAS].sum(axis=0)
    # As many ridges as frames: one shape of a long track is held as firmly as that of a single frame.
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
    """The limbs turned once more, along the tree, about the joints where the fitted body now has them."""
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


def _weights(target: Target) -> np.ndarray | None:
    """Of all points (F,P), or None where they weigh alike."""
    if target.joints is None:
        return target.vertex_weights
    if target.vertex_weights is None or target.joint_weights is None:
        return None
    return np.asarray(np.concatenate([target.vertex_weights, target.joint_weights], axis=1))


def _target(
    parts: BodyParts,
    vertices: np.ndarray,
    joints: np.ndarray | None,
    vertex_weights: np.ndarray | None,
    joint_weights: np.ndarray | None,
) -> Target:
    vertices = np.asarray(vertices, dtype=np.float64)
    if vertices.ndim != 3 or vertices.shape[1:] != (parts.count, 3) or not len(vertices):
        raise ShapeError(f"vertices must be (F, {parts.count}, 3) with at least one frame, found {vertices.shape}")
    frames = len(vertices)
    if joints is None and not parts.whole:
        raise UsageError("a subset of the vertices does not tell the joints: give `joints` as well")
    given = {
        "joints": (joints, (frames, NUM_JOINTS, 3)),
        "vertex_weights": (vertex_weights, (frames, parts.count)),
        "joint_weights": (joint_weights, (frames, NUM_JOINTS)),
    }
    found: dict[str, np.ndarray | None] = {}
    for name, (value, shape) in given.items():
        found[name] = None if value is None else np.asarray(value, dtype=np.float64)
        if value is not None and np.shape(value) != shape:
            raise ShapeError(f"{name} must be {shape}, found {np.shape(value)}")
    for name, value in [("vertices", vertices), *found.items()]:
        if value is not None and not np.isfinite(value).all():
            raise UsageError(f"{name} must be finite: set what is missing to 0 with weight 0")
    places = found["joints"]
    everything = vertices if places is None else np.concatenate([vertices, places], axis=1)
    mean = everything.mean(axis=1)
    centred = None if places is None else places - mean[:, None]
    return Target(vertices - mean[:, None], centred, found["vertex_weights"], found["joint_weights"], mean)
