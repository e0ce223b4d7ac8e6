"""Fitting a body to points of its surface and its joints whose places are known in every frame: one shape for a track.

Two steps alternate. Every part of the body is turned so that its points lie at the given ones (Kabsch, weighted), all
frames side by side; then the shape follows from all points together, since for fixed rotations a linearly blended body
is linear in it. From there Gauss-Newton on rotations, translations and shape together: a part alone is turned by the
noise of few points, and what hangs on it would be carried along.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import bone_offsets, forward_kinematics
from kinema.errors import ShapeError
from kinema.geometry.alignment import kabsch
from kinema.geometry.rotations import (
    axis_angle_to_matrix,
    continuous_axis_angle,
    matrix_to_axis_angle,
    nearest_rotation,
)
from kinema.skeleton import NUM_BETAS, ancestry

ROUNDS = 4
"""How often parts are turned."""

STEPS = 4
"""Of Gauss-Newton."""

MOST_VERTICES = 1024
"""Vertices that are used, spread over the surface."""

SHAPE_FRAMES = 64
"""Frames, spread over the track, from which the shape is found."""

EXPONENT = -1.5
"""A point counts as its uncertainty to this power, as in the original's fit."""

_CHUNK = 16
_DAMPING = 1e-4
"""Relative to the mean of the normal matrix's diagonal; what no point shows stays as it is."""
_SHAPE_WEIGHT = 1e-8
"""Pull of the shape towards the average, relative to the number of points; metres squared per unit squared."""


@dataclass(frozen=True, eq=False)
class FittedSurface:
    """pose (F,72), betas (10,), transl (F,3); error (F,) metres: mean distance left, weighted."""

    pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    error: np.ndarray


def fit_track(
    body: BodyModel,
    vertices: np.ndarray,
    joints: np.ndarray,
    vertex_uncertainty: np.ndarray | None = None,
    joint_uncertainty: np.ndarray | None = None,
    *,
    rows: np.ndarray | None = None,
) -> FittedSurface:
    """The body of one track.

    vertices (F,n,3) metres: all of the body's, or those of `rows` (n,); joints (F,24,3); uncertainties (F,n) and
    (F,24) metres, None: all alike. Raises ShapeError for arrays that do not fit the body.
    """
    rows = np.arange(body.num_vertices) if rows is None else np.asarray(rows)
    if vertices.shape[1:] != (len(rows), 3) or joints.shape != (len(vertices), 24, 3):
        raise ShapeError(
            f"vertices (F, {len(rows)}, 3) and joints (F, 24, 3) are needed, found {vertices.shape} and {joints.shape}"
        )
    if len(rows) > MOST_VERTICES:
        some = spread_out(body, rows)
        rows, vertices = rows[some], vertices[:, some]
        vertex_uncertainty = None if vertex_uncertainty is None else vertex_uncertainty[:, some]
    points = np.concatenate([vertices, joints], axis=1).astype(np.float64)
    weights = np.concatenate([_weights(vertex_uncertainty, vertices), _weights(joint_uncertainty, joints)], axis=1)
    weights /= weights.mean()
    part = _Surface(body, rows)
    few = np.unique(np.linspace(0, len(points) - 1, SHAPE_FRAMES).astype(int))
    betas = _solved(part, points[few], weights[few], None)[1]
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(points), _CHUNK)]
    solved = [_solved(part, points[chunk], weights[chunk], betas) for chunk in chunks]
    local = np.concatenate([each[0] for each in solved])
    pose = continuous_axis_angle(matrix_to_axis_angle(local)).reshape(len(points), 72)
    return FittedSurface(
        pose, betas, np.concatenate([each[2] for each in solved]), np.concatenate([each[3] for each in solved])
    )


def spread_out(body: BodyModel, rows: np.ndarray) -> np.ndarray:
    """Indices into `rows` of about `MOST_VERTICES` vertices: the same share of every part, and some of each."""
    owner = np.asarray(body.weights[rows].argmax(axis=1))
    step = len(rows) / MOST_VERTICES
    kept = []
    for number in np.unique(owner):
        mine = np.flatnonzero(owner == number)
        count = min(len(mine), max(12, round(len(mine) / step)))
        kept.append(mine[np.unique(np.linspace(0, len(mine) - 1, count).astype(int))])
    return np.sort(np.concatenate(kept))


def _weights(uncertainty: np.ndarray | None, points: np.ndarray) -> np.ndarray:
    if uncertainty is None:
        return np.ones(points.shape[:2])
    return np.asarray(np.maximum(uncertainty, 1e-4).astype(np.float64) ** EXPONENT)


class _Surface:
    """Some vertices and all joints of a body, K points in all."""

    def __init__(self, body: BodyModel, rows: np.ndarray) -> None:
        self.body = body
        self.template, self.dirs = body.v_template[rows], body.shapedirs[rows]
        self.posedirs = None if body.posedirs is None else body.posedirs[rows]
        self.skin = np.asarray(body.weights[rows])
        # A part: what is skinned to a joint, each point as firmly as it is, its joint, and the joints that hang on it.
        self.parts = np.zeros((24, len(rows) + 24))
        self.parts[:, : len(rows)] = np.where(self.skin > 0.3, self.skin, 0).T
        joints = np.arange(24)
        # below[j, i]: whether joint i is j or hangs on it.
        self.below = ancestry(body.parents).T
        self.parts[joints, len(rows) + joints] = 1
        self.parts[body.parents[1:], len(rows) + joints[1:]] = 1

    def placed(self, turns: np.ndarray, betas: np.ndarray) -> np.ndarray:
        """Points (F,K,3) for global rotations (F,24,3,3), the pelvis of the rest pose at its place."""
        rest = self.body.rest_joints(betas)
        local = self.local(turns)
        _, joints = forward_kinematics(local, bone_offsets(rest, self.body.parents), self.body.parents, rest[0])
        shaped = self.shaped(local, betas)
        moved = joints - np.squeeze(turns @ rest[..., None], -1)
        skinned = np.squeeze(np.einsum("nj,fjab->fnab", self.skin, turns, optimize=True) @ shaped[..., None], -1)
        return np.concatenate([skinned + self.skin @ moved, joints], axis=1)

    def hanging(self, turns: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The points (F,K,3), and of each the part that hangs on every joint, relative to the joint: (F,K,24,3)."""
        rest = self.body.rest_joints(betas)
        local = self.local(turns)
        _, joints = forward_kinematics(local, bone_offsets(rest, self.body.parents), self.body.parents, rest[0])
        shaped = np.broadcast_to(self.shaped(local, betas), (len(turns), len(self.template), 3))
        moved = joints - np.squeeze(turns @ rest[..., None], -1)
        # Where each bone alone would take a vertex, times the vertex' share of it.
        carried = np.einsum("fjab,fnb->fnja", turns, shaped, optimize=True) + moved[:, None]
        carried *= self.skin[None, :, :, None]
        below = self.below.astype(float)
        parts = np.einsum("ji,fnia->fnja", below, carried, optimize=True)
        parts -= (self.skin @ below.T)[None, :, :, None] * joints[:, None]
        of_joints = np.swapaxes(below, 0, 1)[None, :, :, None] * (joints[:, :, None] - joints[:, None])
        return np.concatenate([carried.sum(axis=2), joints], axis=1), np.concatenate([parts, of_joints], axis=1)

    def shaped(self, local: np.ndarray, betas: np.ndarray) -> np.ndarray:
        """Vertices at rest (F or 1,n,3), with the bulges of the pose where the body has them."""
        shaped = np.asarray(self.template + self.dirs @ betas)
        if self.posedirs is None:
            return shaped[None]
        feature = (local[:, 1:] - np.eye(3)).reshape(len(local), -1)
        return np.asarray(shaped + np.einsum("ndp,fp->fnd", self.posedirs, feature, optimize=True))

    def local(self, turns: np.ndarray) -> np.ndarray:
        """Rotations relative to the parents (F,24,3,3)."""
        local = np.array(turns)
        parents = self.body.parents[1:]
        local[:, 1:] = np.swapaxes(turns[:, parents], -1, -2) @ turns[:, 1:]
        return local

    def columns(self, turns: np.ndarray) -> np.ndarray:
        """(F,K,3,10): by how much the points move per unit of each beta, for these rotations."""
        zero = np.zeros(NUM_BETAS)
        base = self.placed(turns, zero)
        return np.stack([self.placed(turns, unit) - base for unit in np.eye(NUM_BETAS)], axis=-1)


def _solved(
    surface: _Surface, points: np.ndarray, weights: np.ndarray, betas: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Local rotations (F,24,3,3), betas (10,), transl (F,3) and the error (F,). betas: None to find them."""
    turns = np.broadcast_to(np.eye(3), (len(points), 24, 3, 3)).copy()
    shape = np.zeros(NUM_BETAS) if betas is None else betas
    first = surface.placed(turns[:1], shape)
    whole = _turn(np.broadcast_to(first, points.shape), points, weights)
    turns = whole[:, None] @ turns
    for number in range(ROUNDS):
        now = surface.placed(turns, shape)
        for joint in range(24):
            step = _turn(now, points, weights * surface.parts[joint])
            turns[:, joint] = nearest_rotation(step @ turns[:, joint])
        if betas is None and number >= 1:
            shape = _shape(surface, turns, points, weights)
    for _ in range(STEPS):
        turns, shape = _stepped(surface, turns, shape, points, weights, free=betas is None)
    now = surface.placed(turns, shape)
    share = weights / weights.sum(axis=1, keepdims=True)
    transl = ((points - now) * share[..., None]).sum(axis=1)
    error = (np.linalg.norm(now + transl[:, None] - points, axis=-1) * share).sum(axis=1)
    return surface.local(turns), shape, transl, error


def _stepped(
    surface: _Surface, turns: np.ndarray, shape: np.ndarray, points: np.ndarray, weights: np.ndarray, *, free: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Global rotations (F,24,3,3) and betas (10,) after a step of Gauss-Newton on them and the translations.

    free: whether the shape moves, too; then every frame's turns are eliminated from the equations of the shape that all
    frames share.
    """
    share = weights / weights.sum(axis=1, keepdims=True)
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(points), _CHUNK)]
    columns = 1 + NUM_BETAS if free else 1
    solved = np.empty((len(points), 72, columns))
    normal, right = _SHAPE_WEIGHT * len(points) * np.eye(NUM_BETAS), -_SHAPE_WEIGHT * len(points) * shape
    for rows in chunks:
        now, hanging = surface.hanging(turns[rows], shape)
        jacobian = _centred(_turning(hanging), share[rows])
        other = (points[rows] - now)[..., None]
        if free:
            other = np.concatenate([other, surface.columns(turns[rows])], axis=-1)
        other = _centred(other, share[rows])
        weighted = jacobian * share[rows, :, None, None]
        flat = [each.reshape(len(now), -1, each.shape[-1]) for each in (jacobian, weighted, other)]
        own, across = np.swapaxes(flat[1], 1, 2) @ flat[0], np.swapaxes(flat[1], 1, 2) @ flat[2]
        every = np.arange(72)
        own[:, every, every] += _DAMPING * own[:, every, every].mean(axis=1)[:, None]
        solved[rows] = np.linalg.solve(own, across)
        if free:
            both = np.swapaxes(flat[2] * np.repeat(share[rows], 3, axis=1)[..., None], 1, 2) @ flat[2]
            left = (both - np.swapaxes(across, 1, 2) @ solved[rows]).sum(axis=0)
            normal, right = normal + left[1:, 1:], right + left[1:, 0]
    step = solved[..., 0]
    if free:
        change = np.linalg.solve(normal, right)
        step, shape = step - solved[..., 1:] @ change, shape + change
    local = axis_angle_to_matrix(step.reshape(-1, 24, 3))
    # Turns of a joint turn all that hangs on it, the farther out, the later.
    total = np.empty_like(local)
    for joint, parent in enumerate(surface.body.parents):
        total[:, joint] = local[:, joint] if parent < 0 else total[:, parent] @ local[:, joint]
    return nearest_rotation(total @ turns), shape


def _turning(hanging: np.ndarray) -> np.ndarray:
    """How points move with the joints' turns, (F,K,3,72): the cross product of a turn with what hangs on its joint."""
    out = np.zeros((*hanging.shape[:2], 3, 24, 3))
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        out[:, :, b, :, a] = -hanging[..., c]
        out[:, :, c, :, a] = hanging[..., b]
    return out.reshape(*hanging.shape[:2], 3, 72)


def _centred(values: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Values (F,K,3,n) less their weighted mean over the points: a translation is free in every frame."""
    return np.asarray(values - np.einsum("fk,fkab->fab", share, values, optimize=True)[:, None])


def _turn(source: np.ndarray, target: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rotations (F,3,3) that bring source (F,K,3) nearest to target, both about their weighted means."""
    share = (weights / weights.sum(axis=1, keepdims=True))[..., None]
    source = source - (source * share).sum(axis=1, keepdims=True)
    target = target - (target * share).sum(axis=1, keepdims=True)
    return kabsch(source, target * share)


def _shape(surface: _Surface, turns: np.ndarray, points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(10,) betas from all frames, whatever the translations: both sides lose their weighted mean."""
    share = weights / weights.sum(axis=1, keepdims=True)
    columns = _centred(surface.columns(turns), share)
    wanted = _centred((points - surface.placed(turns, np.zeros(NUM_BETAS)))[..., None], share)[..., 0]
    weighted = (columns * weights[..., None, None]).reshape(-1, NUM_BETAS)
    normal = weighted.T @ columns.reshape(-1, NUM_BETAS)
    right = weighted.T @ wanted.reshape(-1)
    pull = _SHAPE_WEIGHT * weights.sum()
    return np.asarray(np.linalg.solve(normal + pull * np.eye(NUM_BETAS), right))
