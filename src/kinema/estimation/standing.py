"""The fit's initial pose from 2D keypoints alone: a relaxed stance, oriented by the torso in the image.

A single view of 2D keypoints leaves the depth of every bone ambiguous. It is resolved by the stance (elbows and knees
slightly flexed), the joint limits, and smoothness in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kinema.body.kinematics import Rig
from kinema.estimation.options import SolverOptions
from kinema.estimation.solver import FREE_JOINTS, Evidence, PoseState, reprojection_terms
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.skeleton import SMPL24
from kinema.temporal.gaps import fill_missing

TURN_WINDOW = 0.5
"""Seconds over which the torso's orientation is averaged."""

COARSE_SIGMA = 0.05
"""Metres in the image plane, while the stance is fitted to the image."""

COARSE_ITERATIONS = 25

NO_OUTLIERS = 1e3
"""Robust scale, in sigmas, at which no point is an outlier: while the stance is fitted, all are far off."""

_MIN_LENGTH = 1e-9

_STANCE = {
    "hip": (-12, 0, 4), "knee": (20, 0, 0), "ankle": (-8, 0, 0), "shoulder": (0, -20, -60), "elbow": (0, -30, 0),
}  # fmt: skip
"""Degrees about each axis, left side; the arms hang slightly in front of the body."""

_SIGMA = {
    "pelvis": 40, "hip": 45, "knee": 50, "ankle": 20, "spine": 12, "neck": 20, "head": 20, "collar": 10,
    "shoulder": 60, "elbow": 55, "wrist": 20,
}  # fmt: skip
"""Standard deviation of each joint about the stance, degrees."""

_FORWARD = (
    ("nose", "shoulder"),
    ("neck_nose", "shoulder"),
    ("left_big_toe", "left_heel"),
    ("right_big_toe", "right_heel"),
)
"""Pairs of a point and another one behind it ("shoulder": the midpoint of the shoulders)."""


def stance() -> np.ndarray:
    """(24,3,3) rotations relative to the parent of a relaxed stance; the root's is the identity."""
    turn = np.zeros((len(SMPL24), 3))
    for part, (x, y, z) in _STANCE.items():
        turn[SMPL24.index(f"left_{part}")] = x, y, z
        turn[SMPL24.index(f"right_{part}")] = x, -y, -z
    return axis_angle_to_matrix(np.radians(turn))


def stance_sigma() -> np.ndarray:
    """(24,) radians."""
    part = [name.rstrip("123").split("_")[-1] for name in SMPL24.joints]
    return np.radians([float(_SIGMA.get(name, 20)) for name in part])


def standing_evidence(
    names: Sequence[str], rig: Rig, times: np.ndarray, rays: np.ndarray, weight: np.ndarray
) -> tuple[Evidence, Evidence]:
    """The evidence with the stance as its prior, oriented by the torso; and with its mirror image in depth.

    names (K) of the points; rays, weight: as in `Evidence`; rig: of the mean shape.
    """
    facing = torso_orientations(names, rig, times, rays, weight)
    sigma = np.tile(stance_sigma(), (len(times), 1))
    found = []
    for root in facing:
        prior = np.tile(stance(), (len(times), 1, 1, 1))
        prior[:, 0] = root
        trust = np.ones((len(times), len(SMPL24) + 1))
        found.append(Evidence(times, rays, weight, prior, sigma, trust, np.zeros(sigma.shape)))
    return found[0], found[1]


def torso_orientations(
    names: Sequence[str], rig: Rig, times: np.ndarray, rays: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Orientations (F,3,3) of the root in camera axes that explain the torso in the image, and their mirror in depth.

    The ratio of the torso's width to its length gives the angle, the order of left and right whether it faces towards
    or away from the camera, and the nose or the toes the side to which it turns. Without hips the person is assumed to
    be upright, and to face the camera or away from it.
    """
    _, _, rest = rig.forward(np.tile(np.eye(3), (1, len(SMPL24), 1, 1)), np.zeros((1, 3)))
    still = _Torso.of(names, rest[0, :, :2][None], np.ones((1, len(names))))
    torso = _Torso.of(names, rays, weight)
    whole = torso.top_seen & torso.low_seen
    if whole.any():
        up = _averaged(times, torso.top - torso.low, whole)
        length = np.linalg.norm(up, axis=-1, keepdims=True)
        scale = np.maximum(length, _MIN_LENGTH)
        up, scale = (
            np.where(length > _MIN_LENGTH, up / scale, [0.0, -1.0]),
            scale / np.linalg.norm(still.top - still.low),
        )
        side = _left_of(up)
        width = np.sum((torso.top_across + torso.low_across) * side, -1, keepdims=True) / scale
        width = width / np.linalg.norm(still.top_across + still.low_across)
        cosine = np.clip(_averaged(times, width, whole)[:, 0], -1.0, 1.0)
    else:
        up = np.tile([0.0, -1.0], (len(times), 1))
        side = _left_of(up)
        across = np.where(torso.top_seen[:, None], torso.top_across, torso.low_across)
        width = np.sum(across * side, -1, keepdims=True)
        cosine = np.where(_averaged(times, width, torso.top_seen | torso.low_seen)[:, 0] < 0, -1.0, 1.0)
    forward, known = _forward(names, torso, rays, weight)
    ahead = _averaged(times, np.sum(forward * side, -1, keepdims=True), known)[:, 0]
    sine = np.sqrt(1 - cosine**2) * np.where(ahead < 0, -1.0, 1.0)
    return _turned(up, side, cosine, sine), _turned(up, side, cosine, -sine)


@dataclass(frozen=True, eq=False)
class _Torso:
    """Shoulders (top) and hips (low) in the image: their midpoint (F,2), left minus right (F,2), both seen (F,)."""

    top: np.ndarray
    top_across: np.ndarray
    top_seen: np.ndarray
    low: np.ndarray
    low_across: np.ndarray
    low_seen: np.ndarray

    @classmethod
    def of(cls, names: Sequence[str], points: np.ndarray, weight: np.ndarray) -> _Torso:
        found: list[np.ndarray] = []
        for part in ("shoulder", "hip"):
            if f"left_{part}" in names and f"right_{part}" in names:
                a, b = names.index(f"left_{part}"), names.index(f"right_{part}")
                middle, across = 0.5 * (points[:, a] + points[:, b]), points[:, a] - points[:, b]
                found += [middle, across, (weight[:, a] > 0) & (weight[:, b] > 0)]
            else:
                found += [np.zeros((len(points), 2)), np.zeros((len(points), 2)), np.zeros(len(points), dtype=bool)]
        return cls(*found)


def _forward(
    names: Sequence[str], torso: _Torso, rays: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Direction of nose and toes in the image, (F,2) of any length, and the frames (F,) in which any are seen."""
    total, known = np.zeros((len(rays), 2)), np.zeros(len(rays), dtype=bool)
    for front, back in _FORWARD:
        if front not in names or (back != "shoulder" and back not in names):
            continue
        row = names.index(front)
        seen = weight[:, row] > 0
        if back == "shoulder":
            behind, seen = torso.top, seen & torso.top_seen
        else:
            behind, seen = rays[:, names.index(back)], seen & (weight[:, names.index(back)] > 0)
        total += np.where(seen[:, None], rays[:, row] - behind, 0.0)
        known |= seen
    return total, known


def _left_of(up: np.ndarray) -> np.ndarray:
    """(F,2): the direction to the left side of a person facing the camera, for the up direction (F,2) in the image."""
    return np.stack([-up[:, 1], up[:, 0]], axis=-1)


def _turned(up: np.ndarray, side: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
    """Root orientations (F,3,3) with the y axis along `up` in the image and the x axis at the angle from `side`."""
    left = np.concatenate([cosine[:, None] * side, sine[:, None]], axis=-1)
    upward = np.concatenate([up, np.zeros((len(up), 1))], axis=-1)
    return np.stack([left, upward, np.cross(left, upward)], axis=-1)


def _averaged(times: np.ndarray, values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Means (F,C) of values (F,C) over the counted frames within `TURN_WINDOW` about each frame; interpolated between
    the nearest ones where there are none, 0 if no frame counts.
    """
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(np.where(counted[:, None], values, 0.0), 0)])
    number = np.concatenate([[0], np.cumsum(counted)])
    first = np.searchsorted(times, times - TURN_WINDOW / 2, side="left")
    last = np.searchsorted(times, times + TURN_WINDOW / 2, side="right")
    count = number[last] - number[first]
    mean = (total[last] - total[first]) / np.maximum(count, 1)[:, None]
    return fill_missing(mean, times, count[:, None] > 0)


def coarse(options: SolverOptions) -> SolverOptions:
    """The solver's settings while the stance is fitted to the image."""
    return replace(options, robust_scale=NO_OUTLIERS, pixel_sigma=COARSE_SIGMA, iterations=COARSE_ITERATIONS)


def misfit(rig: Rig, evidence: Evidence, state: PoseState, options: SolverOptions) -> np.ndarray:
    """(F,) residual of the poses: squared distance from the image and from the prior, in sigmas."""
    _, residual, weight = reprojection_terms(rig, evidence, state, options)
    stray = matrix_to_axis_angle(np.swapaxes(evidence.prior, -1, -2) @ state.local)[:, FREE_JOINTS]
    stray = stray / evidence.prior_sigma[:, FREE_JOINTS, None]
    return np.asarray(np.sum(weight * residual**2, axis=1) + np.sum(stray**2, axis=(1, 2)))
