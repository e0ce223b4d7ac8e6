"""Choosing the prior of a person's fit: the requested one, or the best that the person's keypoints allow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.body.points import SurfacePoints
from kinema.errors import UsageError
from kinema.estimation.landmark_pose import NEEDED
from kinema.models.pose_lifter.lifter import KeypointLifter, PoseLifter
from kinema.person import Person
from kinema.skeleton import BLAZEPOSE33, BLAZEPOSE_OWN, FUSED59, LIMBS12, JointSet, joint_set

MIN_POINTS = 6
"""Fewest points from which a pose can be recovered from 2D keypoints."""

UNUSED = ("eye_inner", "eye_outer", "mouth", "thumb")
"""Points of either side that the fit ignores: the inner face and the thumbs cost time and add no information."""


def prior_of(person: Person, requested: str) -> str:
    """The prior of the person's fit if `requested` (`FitOptions.prior`) is asked for.

    "estimate": the person's own pose. "learned": the pose lifter, for BlazePose's keypoints in 2D and 3D. "analytic":
    3D keypoints with the twelve limb joints. "lifted": the lifter of 2D keypoints, for any set with these joints.
    "standing": 2D keypoints of any set.
    """
    if requested == "estimate" and person.pose is not None:
        return "estimate"
    if not _has_limbs(person):
        known = joint_set(person.keypoint_set or "")
        return "lifted" if requested == "learned" and KeypointLifter.lacking(known) is None else "standing"
    if requested == "learned" and person.keypoint_set in PoseLifter.sets and person.keypoint3d_set == BLAZEPOSE33.name:
        return "learned"
    return "analytic"


def is_lifted_twice(person: Person, prior: str) -> bool:
    """Whether the lifter of 2D keypoints joins the pose lifter, which reads BlazePose's own points: where those of
    another network are fused with them."""
    return prior == "learned" and person.keypoint_set == FUSED59.name


def _has_limbs(person: Person) -> bool:
    if person.keypoints3d is None or person.keypoint3d_set is None:
        return False
    joints = joint_set(person.keypoint3d_set)
    if not all(name in joints for name in NEEDED):
        return False
    return bool(np.isfinite(person.keypoints3d[:, joints.indices(NEEDED)]).all(-1).any(0).all())


def landmarks_of(person: Person) -> tuple[np.ndarray, JointSet]:
    """3D keypoints (F,L,3) without missing values, and their joint set: the person's without points never seen.

    A frame with a missing point is replaced by the nearest complete frame or, if there is none, each point is taken
    from the nearest frame that has it.
    """
    (landmarks,) = person.require("keypoints3d")
    joints = joint_set(person.keypoint3d_set or "")
    known = np.isfinite(landmarks).all(-1)
    ever = known.any(0)
    if not ever.all():
        kept = [name for name, there in zip(joints.joints, ever, strict=True) if there]
        landmarks, known, joints = landmarks[:, ever], known[:, ever], JointSet(joints.name, tuple(kept))
    if known.all():
        return landmarks, joints
    good = known.all(1)
    if good.any():
        return landmarks[_nearest(good)], joints
    return np.stack([landmarks[_nearest(known[:, k]), k] for k in range(len(joints))], axis=1), joints


def _nearest(good: np.ndarray) -> np.ndarray:
    """(F,) index of the nearest frame that is good (F,) bool; the earlier one of two."""
    index = np.flatnonzero(good)
    return np.asarray(index[np.abs(np.arange(len(good))[:, None] - index).argmin(axis=1)])


def evidence_rows(points: SurfacePoints, set_name: str) -> np.ndarray:
    """The points of a set that the fit uses, as rows of `points`. Raises UsageError for a set with too few points.

    Of BlazePose's own points beside fused ones, those that are fused are left out: they would count twice.
    """
    names = [name.removesuffix(BLAZEPOSE_OWN) for name in points.names]
    rows = [
        k
        for k, name in enumerate(names)
        if name.split("_", 1)[-1] not in UNUSED and (name == points.names[k] or name not in points.names)
    ]
    lack = lacking([points.names[k] for k in rows])
    if lack is not None:
        raise UsageError(
            f"the body cannot be fitted to keypoints of {set_name}: of its points that the body model defines, {lack}"
        )
    return np.array(rows, dtype=int)


def lacking(names: Sequence[str]) -> str | None:
    """What is missing for a fit to points of these names, as the end of a sentence; None if they suffice."""
    limbs = [name for name in names if name in LIMBS12]
    if limbs and len(names) >= MIN_POINTS:
        return None
    have = f"there are {len(names)} ({', '.join(names)})" if names else "there are none"
    if not limbs:
        return f"{have} and no shoulder, elbow, wrist, hip, knee or ankle among them"
    return f"{have} and {MIN_POINTS} are needed; missing: {', '.join(name for name in LIMBS12 if name not in names)}"
