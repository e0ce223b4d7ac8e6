"""Refines a fitted body to the least-squares solution: Gauss-Newton on rotations, positions and shape together.

The closed-form steps (`kinema.body.mesh_fitting`) turn one part after another, each as its own points ask, and what
hangs on a part is carried along with its error. Here all points of a frame weigh against each other. A turn w of joint
j moves a point by w x h, with h what hangs on the joint: the joint's share of the skinned point, relative to the joint.
With the rows h (72 numbers a point) the normal matrix follows from one product H W H^T, since

    [a]x^T [b]x = (a . b) I - b a^T

so that a step costs about as much as posing the body. Steps are found in single precision: the next one mends what
this costs.

Letters in shapes: F frames, V fitted vertices, P points: the vertices, then the joints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.body.mesh_parts import PARENTS, BodyParts
from kinema.body.mesh_target import Target, chunks
from kinema.body.model import NUM_JOINTS
from kinema.geometry.rotations import axis_angle_to_matrix, nearest_rotation
from kinema.skeleton import NUM_POSE, ancestry

_DAMPING = 1e-4
"""Relative to the mean of the normal matrix's diagonal; unobserved rotations stay as they are."""

_AT_ONCE = 8
"""Number of frames whose arrays fit into the processor's cache."""

_BELOW = ancestry(np.array(PARENTS)).T.astype(float)
"""[j, i]: 1 where joint i is j or a descendant of it."""


@dataclass(frozen=True, eq=False)
class State:
    """rotations (F,24,3,3) of the parts, betas (F,10), and the scale (F,) of the target."""

    rotations: np.ndarray
    betas: np.ndarray
    scale: np.ndarray


def polished(
    parts: BodyParts, target: Target, state: State, ridge: np.ndarray | None, scale_ridge: float | None
) -> State:
    """The state after a step. The translation of every frame is free.

    ridge (10,): how strongly each beta is held at 0 in each frame, for one shape shared by all frames; None for fixed
    shapes. scale_ridge: how strongly the scale is held at 1; None for a fixed scale. The unknowns of each frame are
    eliminated from the equations of the shared shape.
    """
    pieces = chunks(len(state.scale), _AT_ONCE)
    found = [_frames(parts, target, state, rows, ridge is not None, scale_ridge) for rows in pieces]
    solved = np.concatenate([each[0] for each in found])
    step, betas = solved[..., 0], state.betas
    if ridge is not None:
        left, held = np.sum([each[1] for each in found], axis=0), len(solved) * ridge
        change = np.linalg.solve(left[1:, 1:] + np.diag(held + 1e-12), left[1:, 0] - held * betas[0])
        step, betas = step - solved[..., 1:] @ change, betas + change
    # A joint's rotation also rotates its descendants; rotations compose from the root outwards.
    turns = BodyParts.chain(axis_angle_to_matrix(step[:, :NUM_POSE].reshape(-1, NUM_JOINTS, 3)))
    scale = state.scale if scale_ridge is None else state.scale + step[:, NUM_POSE]
    return State(nearest_rotation(turns @ state.rotations), betas, scale)


def _frames(
    parts: BodyParts, target: Target, state: State, rows: slice, free: bool, scale_ridge: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Each frame's step (rotations, then the scale) and its decrease per unit of each beta, (F,72 or 73,1 or 11); and
    the reduced equations of the shape, summed over the frames, (11,11), with the right side first."""
    target, turned, scale = target.part(rows), state.rotations[rows], state.scale[rows]
    points = target.points
    weights = np.ones(points.shape[:2]) if target.weights is None else target.weights
    count = points.shape[1]
    mesh, hanging = _hanging(parts, turned, state.betas[rows])
    mesh, hanging = mesh[:, :count], hanging[..., :count]
    columns = [(points * scale[:, None, None] - mesh)[..., None]]
    if free:
        columns.append(parts.columns(turned, target.joints is not None)[0])
    wanted = sum(each.shape[-1] for each in columns)
    if scale_ridge is not None:
        columns.append(-points[..., None])
    other = np.concatenate(columns, axis=-1)
    share = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    other -= np.einsum("fp,fpcn->fcn", share, other)[:, None]
    frames = len(turned)
    weighted = hanging * weights[:, None].astype(np.float32)
    # The translation is free, so both sides are centred on their weighted means.
    middle = (hanging @ share[..., None].astype(np.float32)).astype(np.float64)
    moments = (weighted @ np.swapaxes(hanging, 1, 2)).astype(np.float64)
    moments -= weights.sum(axis=1)[:, None, None] * (middle @ np.swapaxes(middle, 1, 2))
    normal = _crossed(moments)
    sides = weighted @ other.reshape(frames, count, -1).astype(np.float32)
    across = sides.astype(np.float64).reshape(frames, NUM_JOINTS, 3, 3, -1)
    across = np.stack([across[:, :, b, c] - across[:, :, c, b] for b, c in ((1, 2), (2, 0), (0, 1))], axis=2)
    across = across.reshape(frames, NUM_POSE, -1)
    every = np.arange(NUM_POSE)
    normal[:, every, every] += _DAMPING * normal[:, every, every].mean(axis=1)[:, None] + 1e-12
    flat = other.reshape(frames, 3 * count, -1)
    both = np.swapaxes(flat * np.repeat(weights, 3, axis=1)[..., None], 1, 2) @ flat
    if scale_ridge is not None:
        own, last = across[..., wanted:], both[:, wanted:]
        normal = np.block([[normal, own], [np.swapaxes(own, 1, 2), last[..., wanted:] + scale_ridge + 1e-12]])
        last[:, 0, 0] -= scale_ridge * (scale - 1)
        across = np.concatenate([across[..., :wanted], last[..., :wanted]], axis=1)
    solved = np.linalg.solve(normal, across)
    return solved, (both[:, :wanted, :wanted] - np.swapaxes(across, 1, 2) @ solved).sum(axis=0)


def _hanging(parts: BodyParts, turned: np.ndarray, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and joints (F,V+24,3) without a translation, and the share of each that a joint carries, relative to
    that joint, (F,72,V+24)."""
    rest, shift, place = parts.carried(turned, shape)
    frames, skin = len(turned), parts.skinning.T.astype(np.float32)
    count = skin.shape[1]
    hanging = np.empty((frames, NUM_JOINTS, 3, count + NUM_JOINTS), np.float32)
    carried = hanging[..., :count]
    np.matmul(turned.astype(np.float32), np.swapaxes(rest, 1, 2)[:, None].astype(np.float32), out=carried)
    carried += shift[..., None].astype(np.float32)
    carried *= skin[:, None]
    mesh = np.swapaxes(carried.sum(axis=1, dtype=np.float64), 1, 2)
    for joint in range(NUM_JOINTS - 1, 0, -1):
        carried[:, PARENTS[joint]] += carried[:, joint]
    carried -= (_BELOW @ skin).astype(np.float32)[:, None] * place[..., None].astype(np.float32)
    hanging[..., count:] = _BELOW[:, None] * (np.swapaxes(place, 1, 2)[:, None] - place[..., None])
    return np.concatenate([mesh, place], axis=1), hanging.reshape(frames, NUM_POSE, -1)


def _crossed(moments: np.ndarray) -> np.ndarray:
    """Sums of h h^T (F,72,72) -> sums of [h]x^T [h]x, (F,72,72)."""
    blocks = moments.reshape(-1, NUM_JOINTS, 3, NUM_JOINTS, 3)
    out = -np.swapaxes(blocks, 2, 4)
    out += np.trace(blocks, axis1=2, axis2=4)[:, :, None, :, None] * np.eye(3)[:, None]
    return np.asarray(out.reshape(moments.shape))
