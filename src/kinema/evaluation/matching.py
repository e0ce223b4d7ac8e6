"""Which frame, which joint and which person of a result belong to those of the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from kinema.errors import UsageError
from kinema.evaluation.calibration import scaled
from kinema.evaluation.truth import Truth
from kinema.geometry.camera import NEAREST_DEPTH, unproject
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import JOINT_SETS, LIMBS12, SMPL24

SOURCES = ("body", "keypoints3d")
"""What of a result is compared: the joints of the fitted body, or the keypoint network's own 3D points."""

MISSING_COST = 1.0
"""Metres that a frame without the person counts when people are assigned to each other."""

FARTHEST = 0.75
"""Metres: a track that is seen farther than this beside the true person is another person."""

NEVER = 1e3
"""The cost of a pair that must not be made."""


@dataclass(frozen=True)
class JointPair:
    """One line of the comparison: which point of the result stands against which of the truth."""

    name: str
    result: str
    truth: str


def match_times(result: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows at the same moment: indices into result (N,) and into truth (N,), both increasing.

    Each row of the slower series takes the nearest one of the faster, if it lies within half a step of the
    faster; no row is used twice and nothing is interpolated, since that would smooth one side.
    """
    result, truth = np.asarray(result, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if not len(result) or not len(truth):
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    slow, fast, swapped = result, truth, False
    if _step(truth) > _step(result):
        slow, fast, swapped = truth, result, True
    right = np.clip(np.searchsorted(fast, slow), 1, max(len(fast) - 1, 1))
    right = np.minimum(right, len(fast) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(np.abs(fast[left] - slow) <= np.abs(fast[right] - slow), left, right)
    apart = np.abs(fast[nearest] - slow)
    # A thousandth of a step above the half, so that two series of the same rate shifted by half a step match.
    near = apart <= 0.501 * min(_step(fast), _step(slow))
    pairs: dict[int, int] = {}
    for row in np.flatnonzero(near):
        other = pairs.get(int(nearest[row]))
        if other is None or apart[row] < apart[other]:
            pairs[int(nearest[row])] = int(row)
    fast_rows = np.array(sorted(pairs), dtype=int)
    slow_rows = np.array([pairs[int(row)] for row in fast_rows], dtype=int)
    return (fast_rows, slow_rows) if swapped else (slow_rows, fast_rows)


def _step(times: np.ndarray) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 1 / 30


def point_names(result: Motion, source: str) -> tuple[str, ...]:
    """Names of the points that `source` gives. Raises UsageError for an unknown source or one nobody has."""
    if source not in SOURCES:
        raise UsageError(f"unknown source {source!r}; known: {', '.join(SOURCES)}")
    if source == "body":
        return SMPL24.joints
    sets = {person.keypoint3d_set for person in result if person.keypoints3d is not None and person.keypoint3d_set}
    if len(sets) != 1:
        raise UsageError("nobody in this result has keypoints3d (of one joint set); compare the body instead")
    return JOINT_SETS[sets.pop()].joints


def pair_joints(result: Sequence[str], truth: Sequence[str], joints: str | Sequence[str]) -> tuple[JointPair, ...]:
    """The joints compared. joints: "limbs12", "shared" (every name that both have) or a list of names.

    Of "limbs12" those are taken that both have; of a list, all must be there. Raises UsageError for fewer
    than three.
    """
    both = [name for name in result if name in set(truth)]
    if joints == "limbs12":
        chosen = [name for name in LIMBS12 if name in both]
    elif joints == "shared":
        chosen = both
    elif isinstance(joints, str):
        raise UsageError(f"unknown choice of joints {joints!r}; give limbs12, shared or a list of names")
    else:
        missing = [name for name in joints if name not in both]
        if missing:
            raise UsageError(f"result and truth do not both have {', '.join(missing)}; both have {', '.join(both)}")
        chosen = list(joints)
    if len(chosen) < 3:
        raise UsageError(f"result and truth share too few joints; the truth has {', '.join(truth)}")
    return tuple(JointPair(name, name, name) for name in chosen)


def root_of(points: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """(F, 3): the point half-way between the hips, the pelvis where there are no hips. points (F, J, 3)."""
    place = {name: i for i, name in enumerate(names)}
    if "left_hip" in place and "right_hip" in place:
        return (points[:, place["left_hip"]] + points[:, place["right_hip"]]) / 2
    for name in ("mid_hip", "pelvis"):
        if name in place:
            return points[:, place[name]]
    raise UsageError(f"there are no hips to align at among {', '.join(names)}; set `align` to none")


def points_of(result: Motion, person: Person, source: str, frame: str) -> np.ndarray | None:
    """(T, K, 3): the person's points in every frame of the clip, NaN where it is away; None where it has none.

    In the camera's frame or in the world's. The keypoint network's points are turned into the world by the
    camera's rotation; they have no place, only directions and sizes.
    """
    if source == "body":
        values = person.joints if frame == "camera" else person.joints_world
    else:
        values = person.keypoints3d
        if values is not None and frame == "world":
            camera = result.camera
            if camera is None or camera.rotation is None:
                raise UsageError("keypoints3d are in the camera's frame and its place in the world is unknown")
            turn = camera.rotation[person.frames] if camera.rotation.ndim == 3 else camera.rotation
            values = values @ turn
    if values is None:
        return None
    every = np.full((result.num_frames, *values.shape[1:]), np.nan)
    every[person.frames] = values
    return every


def choose_frame(result: Motion, truth: Truth, source: str) -> str:
    """The frame of the comparison: the camera's where both sides are known in it, else the world's."""
    in_camera = all(person.joints is not None for person in truth.people)
    if in_camera and (source == "keypoints3d" or any(person.joints is not None for person in result)):
        return "camera"
    if all(person.joints_world is not None for person in truth.people):
        return "world"
    raise UsageError("the truth is known in the camera's frame only and the result has no joints in it; run the fit")


def sight_lines(result: Motion, person: Person, truth: Truth) -> np.ndarray | None:
    """(T, 2): where the person's hips are seen, as x/z and y/z of the camera's frame, NaN where it is away.

    From the body, or from the 2D keypoints through the result's camera or else the truth's. None: cannot be told.
    """
    every = np.full((result.num_frames, 2), np.nan)
    if person.joints is not None:
        hips = root_of(person.joints, SMPL24.joints)
        every[person.frames] = hips[:, :2] / np.maximum(hips[:, 2:], NEAREST_DEPTH)
        return every
    camera = result.camera
    if camera is None and truth.camera is not None and result.width > 0 and result.height > 0:
        camera = scaled(truth.camera, result.width, result.height)
    if camera is None or person.keypoints is None or person.keypoint_set is None:
        return None
    hips = root_of(person.keypoints, JOINT_SETS[person.keypoint_set].joints)
    seen = np.isfinite(hips).all(axis=-1)
    every[person.frames[seen]] = unproject(hips[seen], camera.intrinsics, camera.distortion)
    return every


def sideways_distance(seen: np.ndarray | None, true_roots: np.ndarray) -> np.ndarray | None:
    """(N,) metres between where a person is seen (N, 2) and the true root (N, 3), at the root's depth."""
    if seen is None:
        return None
    depth = np.maximum(true_roots[:, 2], NEAREST_DEPTH)
    return np.linalg.norm(seen - true_roots[:, :2] / depth[:, None], axis=-1) * depth


def person_cost(errors: np.ndarray, apart: np.ndarray | None, present: np.ndarray) -> float:
    """How badly a track fits a true person, metres: mean over the frames in which the truth is `present` (N,).

    errors (N,): of the aligned pose; apart (N,): sideways distance, None where it cannot be told. A frame without
    the track counts `MISSING_COST`, and no frame more. A track that is nowhere together with the person, or is seen
    elsewhere, costs `NEVER`.
    """
    together = present & np.isfinite(errors)
    if not together.any():
        return NEVER
    cost = np.where(together, errors, MISSING_COST)
    if apart is not None and np.isfinite(apart[together]).any():
        if np.nanmedian(apart[together]) > FARTHEST:
            return NEVER
        cost = np.where(together & np.isfinite(apart), cost + apart, cost)
    return float(np.mean(np.minimum(cost[present], MISSING_COST)))


def assign_people(costs: np.ndarray) -> list[int | None]:
    """Which track (column) stands for each person of the truth (row): the cheapest assignment as a whole.

    costs (P, Q) metres; a pair that costs `NEVER` is not made.
    """
    chosen: list[int | None] = [None] * len(costs)
    if costs.size:
        for row, column in zip(*linear_sum_assignment(costs), strict=True):
            if costs[row, column] < NEVER:
                chosen[int(row)] = int(column)
    return chosen
