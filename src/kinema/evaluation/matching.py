"""Matching frames, joints and people of a result to those of the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from kinema.errors import InputError, UsageError, quoted
from kinema.evaluation.calibration import scaled
from kinema.evaluation.truth import Truth
from kinema.geometry.camera import NEAREST_DEPTH, unproject
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import JOINT_SETS, LIMBS12, SMPL24

SOURCES = ("body", "keypoints3d")
"""The points of a result that are compared: the joints of the fitted body, or the keypoint network's 3D points."""

MISSING_COST = 1.0
"""Metres: cost of a frame without the person when people are assigned."""

MAX_LATERAL_DISTANCE = 0.75
"""Metres: a track laterally farther than this from the true person is another person."""

SMALLEST, LARGEST = 0.05, 5.0
"""Metres: range of the median distance of a body's joints from its hips; for a person it is about half a metre."""

_UNITS = (("millimetres", 1000.0), ("centimetres", 100.0))

FORBIDDEN_COST = 1e3
"""The cost of a pair that must not be assigned."""


@dataclass(frozen=True)
class JointPair:
    """A point of the result and the point of the truth that it is compared with."""

    name: str
    result: str
    truth: str


def point_names(result: Motion, source: str) -> tuple[str, ...]:
    """Names of the points of `source`. Raises UsageError for an unknown source or one that no person has."""
    if source not in SOURCES:
        raise UsageError(f"unknown source {source!r}; known: {', '.join(SOURCES)}")
    if source == "body":
        return SMPL24.joints
    sets = {person.keypoint3d_set for person in result if person.keypoints3d is not None and person.keypoint3d_set}
    if len(sets) != 1:
        raise UsageError("no person in this result has keypoints3d (of one joint set); compare the body instead")
    return JOINT_SETS[sets.pop()].joints


def pair_joints(result: Sequence[str], truth: Sequence[str], joints: str | Sequence[str]) -> tuple[JointPair, ...]:
    """The joints to compare. joints: "limbs12", "shared" (every name on both sides) or a list of names.

    "limbs12" uses those on both sides; all names of a list must exist. Raises UsageError for fewer than three.
    """
    both = [name for name in result if name in set(truth)]
    if joints == "limbs12":
        chosen = [name for name in LIMBS12 if name in both]
    elif joints == "shared":
        chosen = both
    elif isinstance(joints, str):
        raise UsageError(f"`joints` must be limbs12, shared or a list of names, found {joints!r}")
    else:
        missing = [name for name in joints if name not in both]
        if missing:
            raise UsageError(f"result and truth do not both have {', '.join(missing)}; both have {', '.join(both)}")
        chosen = list(joints)
    if len(chosen) < 3:
        shared = f"only {', '.join(chosen)}" if chosen else "none"
        raise UsageError(
            f"result and truth share too few joints of those asked for ({shared}; at least three are needed); the truth"
            f" has {quoted(', '.join(truth), 300, mark='')}, the result {', '.join(result)}; joints are compared by"
            " name, and markers on the skin are not joints"
        )
    return tuple(JointPair(name, name, name) for name in chosen)


def root_of(points: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """(F, 3): the midpoint of the hips, or the pelvis in sets without hips. points (F, J, 3)."""
    place = {name: i for i, name in enumerate(names)}
    if "left_hip" in place and "right_hip" in place:
        return np.asarray((points[:, place["left_hip"]] + points[:, place["right_hip"]]) / 2)
    for name in ("mid_hip", "pelvis"):
        if name in place:
            return points[:, place[name]]
    raise UsageError(
        f"there are no hips to align among {quoted(', '.join(names), 300, mark='')}; a comparison needs left_hip and"
        " right_hip, mid_hip or pelvis on both sides"
    )


def check_size(points: np.ndarray, names: Sequence[str], what: str) -> None:
    """Raise InputError if a person's joints (F, J, 3) cannot be a body in metres: a wrong unit spoils every measure."""
    away = np.linalg.norm(points - root_of(points, names)[:, None], axis=-1)
    away = away[np.isfinite(away)]
    size = float(np.median(away)) if len(away) else 0.0
    if size == 0 or SMALLEST <= size <= LARGEST:
        return
    guess = next((f"; its unit may be {unit}" for unit, n in _UNITS if SMALLEST <= size / n <= LARGEST), "")
    raise InputError(
        f"{what}: its joints lie {size:.3g} m from the hips, which is impossible for a body in metres{guess};"
        " convert it to metres"
    )


def points_of(result: Motion, person: Person, source: str, frame: str) -> np.ndarray | None:
    """(T, K, 3): the person's points in every frame of the clip, NaN where absent; None for a person without points.

    In the camera's frame or in the world's. The keypoint network's points are rotated into the world by the
    camera's rotation; they are root-relative and have no position.
    """
    if source == "body":
        values = person.joints if frame == "camera" else person.joints_world
    else:
        values = person.keypoints3d
        if values is not None and frame == "world":
            camera = result.camera
            if camera is None or camera.rotation is None:
                raise UsageError(
                    "keypoints3d are in the camera's frame, whose pose in the world is unknown; set `frame` to camera"
                )
            rotation = camera.rotation[person.frames] if camera.rotation.ndim == 3 else camera.rotation
            values = values @ rotation
    if values is None:
        return None
    every = np.full((result.num_frames, *values.shape[1:]), np.nan)
    every[person.frames] = values
    return every


def choose_frame(result: Motion, truth: Truth, source: str) -> str:
    """The frame to compare in: the camera's if both sides are known in it, else the world's."""
    in_camera = all(person.joints is not None for person in truth.people)
    if in_camera and (source == "keypoints3d" or any(person.joints is not None for person in result)):
        return "camera"
    if all(person.joints_world is not None for person in truth.people):
        return "world"
    raise UsageError("the truth is known in the camera's frame only and the result has no joints in it; run the fit")


def hip_rays(result: Motion, person: Person, truth: Truth) -> np.ndarray | None:
    """(T, 2): the viewing ray of the person's hips, x/z and y/z in the camera's frame, NaN where absent.

    From the body, or from the 2D keypoints and the result's camera, else the truth's. None if neither is known.
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


def lateral_distance(seen: np.ndarray | None, true_roots: np.ndarray) -> np.ndarray | None:
    """(N,) metres between a person's viewing ray (N, 2) and the true root (N, 3), at the root's depth."""
    if seen is None:
        return None
    depth = np.maximum(true_roots[:, 2], NEAREST_DEPTH)
    return np.asarray(np.linalg.norm(seen - true_roots[:, :2] / depth[:, None], axis=-1) * depth)


def person_cost(errors: np.ndarray, apart: np.ndarray | None, present: np.ndarray) -> float:
    """How badly a track fits a true person, metres: mean over the frames in which the truth is `present` (N,).

    errors (N,): of the aligned pose; apart (N,): lateral distance, None if unknown. A frame without the track costs
    `MISSING_COST`, and no frame costs more. A track that never coincides with the person in time, or is seen
    elsewhere, costs `FORBIDDEN_COST`.
    """
    together = present & np.isfinite(errors)
    if not together.any():
        return FORBIDDEN_COST
    cost = np.where(together, errors, MISSING_COST)
    if apart is not None and np.isfinite(apart[together]).any():
        if np.nanmedian(apart[together]) > MAX_LATERAL_DISTANCE:
            return FORBIDDEN_COST
        cost = np.where(together & np.isfinite(apart), cost + apart, cost)
    return float(np.mean(np.minimum(cost[present], MISSING_COST)))


def assign_people(costs: np.ndarray) -> list[int | None]:
    """The track (column) assigned to each person of the truth (row) with the least total cost.

    costs (P, Q) metres; a pair that costs `FORBIDDEN_COST` is never assigned.
    """
    chosen: list[int | None] = [None] * len(costs)
    if costs.size:
        for row, column in zip(*linear_sum_assignment(costs), strict=True):
            if costs[row, column] < FORBIDDEN_COST:
                chosen[int(row)] = int(column)
    return chosen
