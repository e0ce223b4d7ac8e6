"""Where the fit starts with 2D keypoints alone: somebody who stands relaxed, turned as the torso in the image says.

One view of 2D keypoints leaves the depth of every bone open. What decides here is the stance (elbows and knees a
little bent, the way that they bend), the joints' limits, and smoothness in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kinema.body.kinematics import Rig
from kinema.estimation.solver import FREE_JOINTS, Evidence, PoseState, SolverOptions, reprojection_terms
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.skeleton import SMPL24

TURN_WINDOW = 0.5
"""Seconds over which the torso's turn is averaged."""

COARSE_SIGMA = 0.05
"""Metres in the image plane, on the way from the stance to the image."""

COARSE_ITERATIONS = 25

NO_OUTLIERS = 1e3
"""Robust scale, in sigmas, at which no point is an outlier: while the stance is bent to the image all are far off."""

_STANCE = {
    "hip": (-12, 0, 4), "knee": (20, 0, 0), "ankle": (-8, 0, 0), "shoulder": (0, -20, -60), "elbow": (0, -30, 0),
}  # fmt: skip
"""Degrees about each axis, of the left side; the arms hang a little before the body."""

_SIGMA = {
    "pelvis": 40, "hip": 45, "knee": 50, "ankle": 20, "spine": 12, "neck": 20, "head": 20, "collar": 10,
    "shoulder": 60, "elbow": 55, "wrist": 20,
}  # fmt: skip
"""Degrees by which each joint strays from the stance."""

_FORWARD = (
    ("nose", "shoulder"),
    ("neck_nose", "shoulder"),
    ("left_big_toe", "left_heel"),
    ("right_big_toe", "right_heel"),
)
"""A point that lies before another (the middle of the shoulders, for "shoulder")."""


def stance() -> np.ndarray:
    """(24,3,3) rotations relative to the parent of somebody who stands relaxed; the root's is the identity."""
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
    """The evidence with the stance as its prior, turned as the torso says; and turned the other way in depth.

    names (K) of the points; rays, weight: as in `Evidence`; rig: of the mean shape.
    """
    facing = torso_turns(names, rig, times, rays, weight)
    sigma = np.tile(stance_sigma(), (len(times), 1))
    found = []
    for root in facing:
        prior = np.tile(stance(), (len(times), 1, 1, 1))
        prior[:, 0] = root
        found.append(Evidence(times, rays, weight, prior, sigma))
    return found[0], found[1]


def torso_turns(
    names: Sequence[str], rig: Rig, times: np.ndarray, rays: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Orientations (F,3,3) of the root in camera axes that explain the torso's outline, and their mirror in depth.

    The torso's width over its length gives how far it is turned, left and right whether to or from the camera, and
    the nose or the toes to which side. Where nobody knows, the person faces the camera upright.
    """
    index = {name: k for k, name in enumerate(names)}
    _, _, rest = rig.forward(np.tile(np.eye(3), (1, len(SMPL24), 1, 1)), np.zeros((1, 3)))
    seen = weight > 0

    def pair(part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Middle (F,2), left minus right (F,2), whether both are seen (F,), and their distance at rest."""
        if f"left_{part}" not in index or f"right_{part}" not in index:
            return np.zeros((len(times), 2)), np.zeros((len(times), 2)), np.zeros(len(times), bool), 0.0
        a, b = index[f"left_{part}"], index[f"right_{part}"]
        apart = float(np.linalg.norm(rest[0, a] - rest[0, b]))
        return 0.5 * (rays[:, a] + rays[:, b]), rays[:, a] - rays[:, b], seen[:, a] & seen[:, b], apart

    top, across_top, top_seen, top_width = pair("shoulder")
    low, across_low, low_seen, low_width = pair("hip")
    both = (top_seen & low_seen)[:, None]
    up = _averaged(times, np.where(both, top - low, 0.0), both[:, 0])
    length = np.linalg.norm(up, axis=-1, keepdims=True)
    up = np.where(length > 1e-6, up / np.maximum(length, 1e-6), [0.0, -1.0])
    side = np.stack([-up[:, 1], up[:, 0]], axis=-1)  # the left of somebody who faces the camera
    rest_length = 0.5 * (top_width + low_width) if not both.any() else _torso_length(rest[0], index)
    scale = np.maximum(length[:, 0], 1e-6) / rest_length if both.any() else np.ones(len(times))
    width = np.where(both[:, 0], np.sum((across_top + across_low) * side, -1) / (scale * (top_width + low_width)), 0.0)
    cosine = np.clip(_averaged(times, width[:, None], both[:, 0])[:, 0], -1.0, 1.0)
    cosine = np.where(length[:, 0] > 1e-6, cosine, 1.0)

    ahead, known = np.zeros(len(times)), np.zeros(len(times), bool)
    for front, back in _FORWARD:
        if front not in index or (back != "shoulder" and back not in index):
            continue
        behind, behind_seen = (top, top_seen) if back == "shoulder" else (rays[:, index[back]], seen[:, index[back]])
        there = behind_seen & seen[:, index[front]]
        ahead += np.where(there, np.sum((rays[:, index[front]] - behind) * side, -1), 0.0)
        known |= there
    sine = np.sqrt(1 - cosine**2) * np.where(_averaged(times, ahead[:, None], known)[:, 0] < 0, -1.0, 1.0)
    return _turned(up, side, cosine, sine), _turned(up, side, cosine, -sine)


def _torso_length(rest: np.ndarray, index: dict[str, int]) -> float:
    middle = [0.5 * (rest[index[f"left_{part}"]] + rest[index[f"right_{part}"]]) for part in ("shoulder", "hip")]
    return float(np.linalg.norm(middle[0] - middle[1]))


def _turned(up: np.ndarray, side: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
    """Root orientations (F,3,3) whose y axis is `up` in the image and whose x axis leaves `side` by the angle."""
    left = np.concatenate([cosine[:, None] * side, sine[:, None]], axis=-1)
    upward = np.concatenate([up, np.zeros((len(up), 1))], axis=-1)
    return np.stack([left, upward, np.cross(left, upward)], axis=-1)


def _averaged(times: np.ndarray, values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Means (F,C) of values (F,C) over `TURN_WINDOW` about each frame, of the counted frames; where none is near, of
    the nearest that counts, and 0 where none counts.
    """
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(np.where(counted[:, None], values, 0.0), 0)])
    number = np.concatenate([[0], np.cumsum(counted)])
    first = np.searchsorted(times, times - TURN_WINDOW / 2, side="left")
    last = np.searchsorted(times, times + TURN_WINDOW / 2, side="right")
    count = number[last] - number[first]
    mean = (total[last] - total[first]) / np.maximum(count, 1)[:, None]
    known = np.flatnonzero(count)
    if len(known) in (0, len(times)):
        return mean
    return np.stack([np.interp(times, times[known], column) for column in mean[known].T], axis=-1)


def coarse(options: SolverOptions) -> SolverOptions:
    """The solver's settings on the way from the stance to the image."""
    return replace(options, robust_scale=NO_OUTLIERS, pixel_sigma=COARSE_SIGMA, iterations=COARSE_ITERATIONS)


def misfit(rig: Rig, evidence: Evidence, state: PoseState, options: SolverOptions) -> np.ndarray:
    """(F,) what poses leave unexplained: squared distance from the image and from the prior, in sigmas."""
    _, residual, weight = reprojection_terms(rig, evidence, state, options)
    stray = matrix_to_axis_angle(np.swapaxes(evidence.prior, -1, -2) @ state.local)[:, FREE_JOINTS]
    stray = stray / evidence.prior_sigma[:, FREE_JOINTS, None]
    return np.sum(weight * residual**2, axis=1) + np.sum(stray**2, axis=(1, 2))
