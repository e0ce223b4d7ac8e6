"""Fits the free body to points with known positions: shape from bone lengths, then every frame's pose.

The pose of a frame is the least-squares solution of two terms: the body's points lie at the file's, and joints move
plausibly (a knee bends about one axis). The second determines what points leave open, the twist of a limb about its
length and the spine between two known points, and costs a few millimetres where the two conflict. Damped Gauss-Newton
on rotations (`kinema.body.kinematics`), all frames in parallel, each initialised with bones pointing at their points.
Then once more with a third term: rotations stay near their average over a few frames, or the twist of an arm would jump
when it straightens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.body.sizes import resized_betas
from kinema.geometry.alignment import kabsch
from kinema.geometry.rotations import (
    axis_angle_to_matrix,
    continuous_axis_angle,
    continuous_quaternions,
    matrix_to_axis_angle,
    matrix_to_quaternion,
    quaternion_to_matrix,
    shortest_rotation,
)
from kinema.skeleton import NUM_BETAS, SMPL24
from kinema.temporal.filters import gaussian
from kinema.temporal.gaps import SMOOTHING_GAP, near_in_time

JOINT_NOISE, DETECTED_NOISE, LANDMARK_NOISE = 0.004, 0.012, 0.025
"""Metres (sigma): of SMPL's own joints, of limb joints as other programs place them, and of points on the skin, the
trunk or the head, whose definition differs between programs."""

UNSEEN = 10.0
"""Factor of the sigma of a point that was not seen and only interpolated."""

_FREEDOM = {
    "hip": (80, 40, 50), "knee": (110, 6, 6), "ankle": (30, 15, 15), "foot": (10, 8, 8), "spine1": (15, 10, 12),
    "spine2": (15, 10, 12), "spine3": (15, 10, 12), "neck": (20, 25, 20), "head": (15, 20, 15), "collar": (10, 12, 14),
    "shoulder": (60, 80, 80), "elbow": (12, 110, 8), "wrist": (20, 20, 25), "hand": (8, 8, 8),
}  # fmt: skip
"""Standard deviation of each joint's rotation about its own axes at rest, degrees, seen from the T-pose."""

_STIFFNESS = 1 / np.radians(
    [_FREEDOM.get(name.removeprefix("left_").removeprefix("right_"), (np.inf,) * 3) for name in SMPL24.joints]
)
"""(24,3) per radian; zero for the pelvis, which may have any orientation."""

ITERATIONS, DAMPING, SETTLED = 25, 1e-3, 0.01
CHUNK = 256
"""Frames solved at once."""

STEADY, STEADINESS = 0.1, 1 / np.radians(12.0)
"""Seconds (sigma) over which rotations are averaged, and the weight per radian of staying near that average."""

STRIDE = 8
"""Interval of the frames that are solved from scratch; the others start from the nearest such frame."""

_TRUNK = ("left_hip", "right_hip", "left_shoulder", "right_shoulder", "neck")
_LIMBS = tuple(
    (f"{side}_{a}", f"{side}_{b}")
    for side in ("left", "right")
    for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
)
_BONE_NOISE, _SHAPE_RANGE = 0.004, 2.0
_ADULT = (0.85, 1.15)
"""Range of sizes relative to the average adult that betas around zero reach."""


def rig_of(body: BodyModel, set_name: str, names: tuple[str, ...], betas: np.ndarray) -> Rig:
    """The body of this shape with these points of a set."""
    known = body.points(set_name).names
    return Rig.of(body, set_name, betas, np.array([known.index(name) for name in names]))


def shape_of_points(
    body: BodyModel, names: tuple[str, ...], points: np.ndarray
) -> tuple[np.ndarray, tuple[str, float]]:
    """(10,) betas whose bones are as long as those of points (F,K,3), and the worst bone with its error in metres."""
    from scipy.optimize import least_squares  # here, since loading any motion file imports this module

    parents = SMPL24.parents or ()
    bones = [(SMPL24.joints[p], name) for name, p in zip(SMPL24.joints, parents, strict=True) if p >= 0]
    bones += [("left_hip", "right_hip"), ("left_shoulder", "right_shoulder")]
    if "spine1" not in names:
        bones += [(f"{side}_hip", f"{side}_shoulder") for side in ("left", "right")]
    bones = [(a, b) for a, b in bones if a in names and b in names]
    ends = [[names.index(bone[side]) for bone in bones] for side in (0, 1)]
    wanted = np.median(np.linalg.norm(points[:, ends[1]] - points[:, ends[0]], axis=-1), axis=0)
    # Points that more than one bone joins: their distance changes with the pose and counts less.
    noise = np.where([SMPL24.index(a) == parents[SMPL24.index(b)] for a, b in bones], _BONE_NOISE, 4 * _BONE_NOISE)
    first, last = SMPL24.indices([a for a, _ in bones]), SMPL24.indices([b for _, b in bones])

    def errors(betas: np.ndarray) -> np.ndarray:
        rest = body.rest_joints(betas)
        return np.asarray(np.linalg.norm(rest[last] - rest[first], axis=1) - wanted)

    average = np.zeros(NUM_BETAS)
    size = float(np.median(wanted / (errors(average) + wanted)))
    if not _ADULT[0] <= size <= _ADULT[1]:  # a child is unusual in nothing but its size
        average = resized_betas(body, average, size)
    found = least_squares(lambda betas: np.r_[errors(betas) / noise, (betas - average) / _SHAPE_RANGE], average)
    worst = int(np.argmax(np.abs(errors(found.x))))
    return np.asarray(found.x), (" to ".join(bones[worst]), float(errors(found.x)[worst]))


def fit_points(
    body: BodyModel,
    set_name: str,
    names: tuple[str, ...],
    points: np.ndarray,
    seen: np.ndarray,
    betas: np.ndarray,
    times: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """pose (F,72), transl (F,3) and the remaining distance (F,K) metres for points (F,K,3) of a set, y up.

    seen (F,K) bool: the points that were not interpolated; times (F,) seconds.
    """
    rig = rig_of(body, set_name, names, betas)
    limbs = {name for bone in _LIMBS for name in bone}
    noise = [JOINT_NOISE] * len(names)
    if set_name != SMPL24.name:
        noise = [DETECTED_NOISE if name in limbs else LANDMARK_NOISE for name in names]
    sigma = np.where(seen, noise, UNSEEN * np.array(noise))
    rest = body.rest_joints(betas)
    local, root = np.empty((len(points), 24, 3, 3)), np.empty((len(points), 3))
    chunks = [slice(start, start + CHUNK) for start in range(0, len(points), CHUNK)]
    for rows in chunks:
        here = _Problem(rig, points[rows], sigma[rows])
        turned, placed = _start(rig, names, here.points, rest)
        first = np.arange(0, len(placed), STRIDE)
        turned[first], placed[first] = here.at(first).solved(turned[first], placed[first])
        nearest = first[np.minimum((np.arange(len(placed)) + STRIDE // 2) // STRIDE, len(first) - 1)]
        turned[:, 1:] = turned[nearest, 1:]
        local[rows], root[rows] = here.solved(turned, placed)
    steady = _steadied(local, times)
    left = np.empty(points.shape[:2])
    for rows in chunks:
        here = _Problem(rig, points[rows], sigma[rows], steady[rows])
        local[rows], root[rows] = here.solved(local[rows], root[rows])
        left[rows] = np.linalg.norm(rig.forward(local[rows], root[rows])[2] - points[rows], axis=-1)
    pose = continuous_axis_angle(matrix_to_axis_angle(local))
    return pose.reshape(len(pose), 72), root - rest[0], left


def _steadied(local: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Rotations (F,24,3,3) averaged over `STEADY` seconds: undetermined ones change slowly."""
    quaternions = continuous_quaternions(matrix_to_quaternion(local)).reshape(len(local), -1)
    out = np.array(quaternions)
    for piece in near_in_time(times, SMOOTHING_GAP):
        if piece.stop - piece.start > 2:
            out[piece] = gaussian(quaternions[piece], times[piece], sigma=STEADY)
    out = out.reshape(len(local), 24, 4)
    return quaternion_to_matrix(out / np.linalg.norm(out, axis=-1, keepdims=True))


def _start(rig: Rig, names: tuple[str, ...], points: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (F,24,3,3) and pelvis (F,3): the trunk rotated as a whole, the limbs pointing at their points."""
    identity = np.broadcast_to(np.eye(3), (len(points), 24, 3, 3))
    at_rest = rig.forward(identity[:1], rest[None, 0])[2][0]
    trunk = [names.index(name) for name in _TRUNK if name in names]
    middle, rest_middle = points[:, trunk].mean(axis=1), at_rest[trunk].mean(axis=0)
    turn = kabsch(
        np.broadcast_to(at_rest[trunk] - rest_middle, points[:, trunk].shape), points[:, trunk] - middle[:, None]
    )
    local = np.array(identity)
    local[:, 0] = turn
    root = middle + np.squeeze(turn @ (rest[0] - rest_middle)[:, None], -1)
    above = np.broadcast_to(turn[:, None], identity.shape).copy()
    for joint, end in _LIMBS:
        if joint not in names or end not in names:
            continue
        number, child = SMPL24.indices([joint, end])
        bone = np.squeeze(above[:, number] @ (rest[child] - rest[number])[:, None], -1)
        turned = shortest_rotation(bone, points[:, names.index(end)] - points[:, names.index(joint)]) @ above[:, number]
        local[:, number] = np.swapaxes(above[:, number], 1, 2) @ turned
        above[:, child] = turned
    return local, root


@dataclass(frozen=True, eq=False)
class _Problem:
    """Some frames of one person. points (F,K,3), sigma (F,K) metres; steady (F,24,3,3): rotations to stay near."""

    rig: Rig
    points: np.ndarray
    sigma: np.ndarray
    steady: np.ndarray | None = None

    def at(self, rows: np.ndarray) -> _Problem:
        """The same for some of the frames."""
        steady = None if self.steady is None else self.steady[rows]
        return _Problem(self.rig, self.points[rows], self.sigma[rows], steady)

    def solved(self, local: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Damped Gauss-Newton on rotations and root: a frame that gets worse retries with a shorter step.

        Frames are finished when their cost no longer falls.
        """
        local, root = np.array(local), np.array(root)
        going = np.arange(len(root))
        here, (cost, state) = self, self.costs(local, root)
        damping = np.full(len(root), DAMPING)
        for _ in range(ITERATIONS):
            turns, shift = here.step(state, damping[going])
            turned, moved = local[going] @ axis_angle_to_matrix(turns), root[going] + shift
            new, after = here.costs(turned, moved)
            old = cost[going]
            better = new < old
            taken = going[better]
            local[taken], root[taken], cost[taken] = turned[better], moved[better], new[better]
            damping[going] = np.where(better, damping[going] / 5, damping[going] * 10).clip(1e-6, 1e4)
            on = np.where(better, old - new > SETTLED + 0.001 * old, damping[going] < 1.0)
            if not on.any():
                break
            going = going[on]
            here = self.at(going)
            state = tuple(
                np.where(better.reshape(-1, *[1] * (was.ndim - 1)), now, was)[on]
                for was, now in zip(state, after, strict=True)
            )
        return local, root

    def costs(self, local: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """The cost (F,) of a pose, and the terms of its step."""
        rotation, position, placed = self.rig.forward(local, root)
        off = (placed - self.points) / self.sigma[..., None]
        bend = matrix_to_axis_angle(local) * _STIFFNESS
        cost = np.sum(off**2, axis=(1, 2)) + np.sum(bend**2, axis=(1, 2))
        drift = np.zeros_like(bend)
        if self.steady is not None:
            drift = matrix_to_axis_angle(np.swapaxes(self.steady, -1, -2) @ local) * STEADINESS
            cost = cost + np.sum(drift**2, axis=(1, 2))
        return cost, (rotation, position, placed, off, bend * _STIFFNESS + drift * STEADINESS)

    def step(self, state: tuple[np.ndarray, ...], damping: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The tangent step of every joint (F,24,3) and of the root (F,3).

        In single precision: the next step corrects the rounding.
        """
        rotation, position, placed, off, pull = state
        turning, frames = self.rig.turning, len(off)
        axes = np.eye(3) / self.sigma[..., None, None]
        jacobian = self.rig.projected_jacobian(rotation, position, placed, axes, turning).astype(np.float32)
        jacobian = jacobian.reshape(frames, -1, jacobian.shape[-1])
        across = np.swapaxes(jacobian, 1, 2)
        normal, every = across @ jacobian, np.arange(jacobian.shape[-1])
        gradient = np.squeeze(across @ off.reshape(frames, -1, 1).astype(np.float32), -1)
        stiff = _STIFFNESS[turning].ravel() ** 2 + (0.0 if self.steady is None else STEADINESS**2)
        normal[:, every[:-3], every[:-3]] += stiff.astype(np.float32)
        gradient[:, :-3] += pull[:, turning].reshape(frames, -1)
        normal[:, every, every] *= (1 + damping[:, None]).astype(np.float32)
        normal[:, every, every] += np.float32(1e-6)
        step = -np.linalg.solve(normal, gradient[..., None])[..., 0].astype(np.float64)
        turns = np.zeros((frames, 24, 3))
        turns[:, turning] = step[:, :-3].reshape(frames, -1, 3)
        return turns, step[:, -3:]
