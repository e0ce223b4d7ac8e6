"""Foot clean-up: feet that stand still on the ground, by the smallest smooth change of root and legs.

All frames of a track are solved together, by Gauss-Newton on a banded system. The unknowns of a frame are small
rotations of hips, knees and ankles and a displacement of the root: 21 numbers. Where something other than the feet
carries the body (`kinema.world.posture`), its points are in contact like those of the feet, and the arms and the body
as a whole may rotate, too. The cost terms:

- in contact, a foot point does not move and is at the height of what it stands on; no point is below the ground
  (strong);
- the root stays at its fitted position: strong across the viewing ray, weak along it, because depth is what a single
  camera measures worst;
- the feet keep their fitted positions in the image, joint rotations stay small, and knees do not hyperextend;
- all corrections are smooth in time, so that nothing pops where a contact begins or ends.

Of somebody on their feet no joint above the hips rotates: the upper body moves with the root alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.skeleton import SMPL24
from kinema.temporal.banded import band_of_blocks, difference_coefficients, solve_band
from kinema.temporal.gaps import runs
from kinema.world.fitted import MEMORY, FittedTrack
from kinema.world.root import (
    ACCELERATION,
    STILL_MEMORY,
    add_smoothness,
    lower_floor,
    sight_information,
    standing_level,
)

LEGS = SMPL24.indices([f"{side}_{part}" for part in ("hip", "knee", "ankle") for side in ("left", "right")])
"""The joints that may rotate: of somebody on their feet."""

ARMS = SMPL24.indices([f"{side}_{part}" for part in ("shoulder", "elbow", "wrist") for side in ("left", "right")])
ROOT = SMPL24.index("pelvis")
"""What may rotate besides, where something other than the feet touches the ground."""

SLIDE = 0.03
"""m/s: sigma of sliding. About a quarter of it remains; a smaller sigma makes the steps overshoot."""

TOUCH = 0.002
"""Metres: sigma of a standing foot's height above what it stands on, and of any foot's depth below the ground."""

FEET_ACROSS = 0.03
"""Metres: sigma of a foot's displacement from its fitted position, across the viewing ray."""

ROTATION = np.radians(8.0)
"""Sigma of a joint's rotation from the fit (a quarter of it for a knee out of its flexion plane)."""

ROTATION_ACCELERATION = 12.0
"""rad/s^2: sigma of the second derivative of a rotation's correction."""

HINGE = np.radians(2.0)
"""Tolerated hyperextension of a knee."""

ITERATIONS = 8
MAX_STEP = 0.3
"""Radians or metres: the largest step of one iteration."""

CONVERGED = 1e-4
"""Radians or metres: an iteration whose steps are all smaller is the last."""

FIXED = 1e12
"""Precision that holds a frame in place."""

CHUNK, OVERLAP = 600, 60
"""Frames solved together, and frames shared by two neighbouring pieces."""


@dataclass(frozen=True, eq=False)
class _Problem:
    """A piece of a track: as fitted, its contacts and their heights, the camera's position, the root's offset so far,
    and the number of leading frames held fixed."""

    seen: FittedTrack
    contacts: np.ndarray
    level: np.ndarray
    centre: np.ndarray
    offset: np.ndarray
    fixed: int

    @cached_property
    def joints(self) -> list[int]:
        """The joints that may rotate; the legs come first."""
        return [*LEGS, *ARMS, ROOT] if self.seen.on_other_parts.any() else list(LEGS)

    @cached_property
    def sigma(self) -> np.ndarray:
        """(3 joints,) standard deviations of their rotations from the fit."""
        sigma = np.full((len(self.joints), 3), ROTATION)
        sigma[2:4, 1:] = ROTATION / 4
        return sigma.ravel()


def clean_feet(seen: FittedTrack, start: FittedTrack, contacts: np.ndarray, centre: np.ndarray) -> FittedTrack:
    """The track (world) with points that stand still in contact and never sink below the ground.

    seen: the track as fitted; start: the same with its root steadied (`find_contacts`), the initial value;
    contacts (F,K) bool; centre (3,) or (F,3): the camera's position. If only feet touch, the upper body keeps its
    rotations.
    """
    local, root = start.local.copy(), start.root.copy()
    count, first = len(root), 0
    level = levels(start, contacts, centre)
    while count:
        last = count if count - first <= CHUNK + OVERLAP else first + CHUNK
        piece = slice(first, last)
        problem = _Problem(
            seen.part(piece),
            contacts[piece],
            level[piece],
            centre[piece] if centre.ndim == 2 else centre,
            (start.root - seen.root)[piece],
            fixed=0 if first == 0 else OVERLAP // 2,
        )
        local[piece], root[piece] = _solve(problem, local[piece], root[piece])
        if last == count:
            break
        first = last - OVERLAP
    return seen.moved(local=local, root=root)


def levels(track: FittedTrack, contacts: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Height (F,K) of each point in contact: 0, or one height per contact on something raised."""
    height = standing_level(track, centre)
    for k in range(contacts.shape[1]):
        for first, last in runs(contacts[:, k]):
            height[first:last, k] = np.median(height[first:last, k])
    return height


def _solve(problem: _Problem, local: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    local = local.copy()
    joints = problem.joints
    count, n = len(root), 3 * len(joints) + 3
    pushed: np.ndarray = np.zeros(problem.contacts.shape)
    for _ in range(ITERATIONS):
        posed = problem.seen.rig.forward(local, root)
        # Half of the push out of the ground is kept for the next iteration: switched off at once, the foot would
        # fall back in, and oscillate.
        height = posed[2][..., 1]
        pushed = 0.5 * (pushed + ((height < 0) & (height > -lower_floor(problem.centre))))
        blocks, ahead, right = _normal_equations(problem, local, root, posed, pushed)
        band = band_of_blocks(blocks, 2 * n + 1)
        for column in range(n):
            # Row r of the next frame lies n + r - column below the diagonal.
            band[:-1, column, n - column : 2 * n - column] = ahead[:, :, column]
        if count > 2:
            _smooth(problem, band, right, local, root)
        band[: problem.fixed, :, 0] += FIXED
        right[: problem.fixed] = 0.0
        step = np.clip(solve_band(band, right), -MAX_STEP, MAX_STEP)
        local[:, joints] = local[:, joints] @ axis_angle_to_matrix(step[:, :-3].reshape(count, -1, 3))
        root = root + step[:, -3:]
        if np.abs(step).max() < CONVERGED:
            break
    return local, root


def _normal_equations(
    problem: _Problem,
    local: np.ndarray,
    root: np.ndarray,
    posed: tuple[np.ndarray, np.ndarray, np.ndarray],
    pushed: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Diagonal blocks (F,n,n), blocks coupling each frame to the next (F-1,n,n), right-hand side (F,n)."""
    seen, contacts, joints = problem.seen, problem.contacts, problem.joints
    rotation, position, points = posed
    count, n = len(root), 3 * len(joints) + 3
    rows = 3 * points.shape[1]
    axes = np.broadcast_to(np.eye(3), (count, points.shape[1], 3, 3))
    jacobian = seen.rig.projected_jacobian(rotation, position, points, axes, np.array(joints))  # (F,K,3,n)
    share = seen.durations / MEMORY

    # Each point: its position across the ray, its height in contact, and never below the ground.
    ray = seen.points - problem.centre[..., None, :]
    ray = ray / np.maximum(np.linalg.norm(ray, axis=-1, keepdims=True), 0.3)
    information = np.eye(3) - ray[..., :, None] * ray[..., None, :]
    information *= (share / FEET_ACROSS**2)[:, None, None, None]
    pull = np.squeeze(information @ (points - seen.points)[..., None], -1)
    firm = np.where(contacts, 1.0, pushed) * (seen.durations / STILL_MEMORY)[:, None] / TOUCH**2
    information[..., 1, 1] += firm
    pull[..., 1] += firm * (points[..., 1] - np.where(contacts, problem.level, 0.0))
    flat = jacobian.reshape(count, rows, n)
    blocks = np.swapaxes(flat, 1, 2) @ (information @ jacobian).reshape(count, rows, n)
    right = -np.squeeze(np.swapaxes(flat, 1, 2) @ pull.reshape(count, rows, 1), -1)

    ahead = np.zeros((max(count - 1, 0), n, n))
    if count > 1:
        _hold_contacts(problem, flat, points, blocks, ahead, right)
    _hold_fit(problem, local, root, blocks, right)
    return blocks, ahead, right


def _hold_contacts(
    problem: _Problem,
    jacobian: np.ndarray,
    points: np.ndarray,
    blocks: np.ndarray,
    ahead: np.ndarray,
    right: np.ndarray,
) -> None:
    """Add, in place, that consecutive frames of one contact share a position on the ground: jacobian (F,3K,n) of the
    points (F,K,3)."""
    contacts = problem.contacts
    count, rows = jacobian.shape[:2]
    interval = np.diff(problem.seen.times)
    both = (contacts[1:] & contacts[:-1]) / (SLIDE**2 * STILL_MEMORY * interval[:, None])
    weight = np.repeat(both[..., None], 3, axis=-1)
    weight[..., 1] = 0.0
    weight = weight.reshape(count - 1, rows)
    moved = (points[1:] - points[:-1]).reshape(count - 1, rows)
    now, then = jacobian[:-1], jacobian[1:]
    blocks[:-1] += np.swapaxes(now, 1, 2) @ (now * weight[..., None])
    blocks[1:] += np.swapaxes(then, 1, 2) @ (then * weight[..., None])
    ahead -= np.swapaxes(then, 1, 2) @ (now * weight[..., None])
    right[:-1] += np.einsum("fin,fi->fn", now, weight * moved)
    right[1:] -= np.einsum("fin,fi->fn", then, weight * moved)


def _hold_fit(problem: _Problem, local: np.ndarray, root: np.ndarray, blocks: np.ndarray, right: np.ndarray) -> None:
    """Add, in place, that root and joints stay as fitted, and that knees do not hyperextend."""
    seen, joints = problem.seen, problem.joints
    share = seen.durations / MEMORY
    sight = sight_information(seen.root, problem.centre, problem.offset) * share[:, None, None]
    blocks[:, -3:, -3:] += sight
    right[:, -3:] -= np.squeeze(sight @ (root - seen.root)[..., None], -1)
    turned = np.swapaxes(seen.local[:, joints], -1, -2) @ local[:, joints]
    rotations = matrix_to_axis_angle(turned).reshape(len(root), -1)
    diagonal = np.arange(3 * len(joints))
    precision = share[:, None] / problem.sigma[None] ** 2
    blocks[:, diagonal, diagonal] += precision
    right[:, :-3] -= precision * rotations
    flexion = matrix_to_axis_angle(local[:, LEGS[2:4]])[..., 0]
    hyperextension = np.minimum(flexion + HINGE, 0.0)
    stiff = (hyperextension < 0) / HINGE**2
    for k in range(2):
        blocks[:, 6 + 3 * k, 6 + 3 * k] += stiff[:, k]
        right[:, 6 + 3 * k] -= stiff[:, k] * hyperextension[:, k]


def _smooth(problem: _Problem, band: np.ndarray, right: np.ndarray, local: np.ndarray, root: np.ndarray) -> None:
    """Smoothness of the corrections so far and of the step to come, in place."""
    seen, joints = problem.seen, problem.joints
    sigma = np.full(3 * len(joints) + 3, ROTATION_ACCELERATION)
    sigma[-3:] = ACCELERATION
    add_smoothness(band, seen.times, sigma)
    rotations = matrix_to_axis_angle(np.swapaxes(seen.local[:, joints], -1, -2) @ local[:, joints])
    correction = np.concatenate([rotations.reshape(len(root), -1), root - seen.root], axis=1)
    coefficients = difference_coefficients(seen.times, 2)
    rows = len(coefficients)
    second = sum(coefficients[:, i, None] * correction[i : rows + i] for i in range(3))
    share = 0.5 * (seen.times[2:] - seen.times[:-2]) / STILL_MEMORY
    for i in range(3):
        right[i : rows + i] -= coefficients[:, i, None] * share[:, None] * second / sigma**2
