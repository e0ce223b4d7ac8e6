"""Which prior a person's fit can have: what the options ask for, or the best that the person's keypoints allow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.body.points import SurfacePoints
from kinema.errors import UsageError
from kinema.estimation.landmark_pose import NEEDED
from kinema.person import Person
from kinema.skeleton import BLAZEPOSE33, LIMBS12, JointSet, joint_set

MIN_POINTS = 6
"""Points without which a pose cannot be told from 2D keypoints."""

UNUSED = ("eye_inner", "eye_outer", "mouth", "thumb")
"""Points of either side that the fit passes over: the inner face and the thumbs add time, not knowledge."""


def prior_of(person: Person, asked: str) -> str:
    """The prior that the person's fit has where `asked` (`FitOptions.prior`) is wanted.

    "estimate": the person's own pose. "learned": the pose lifter, which knows 2D and 3D keypoints of blazepose33.
    "analytic": 3D keypoints with the twelve limb joints. "standing": 2D keypoints of any set.
    """
    if asked == "estimate" and person.pose is not None:
        return "estimate"
    if not _has_limbs(person):
        return "standing"
    if asked == "learned" and person.keypoint_set == person.keypoint3d_set == BLAZEPOSE33.name:
        return "learned"
    return "analytic"


def _has_limbs(person: Person) -> bool:
    if person.keypoints3d is None or person.keypoint3d_set is None:
        return False
    joints = joint_set(person.keypoint3d_set)
    if not all(name in joints for name in NEEDED):
        return False
    return bool(np.isfinite(person.keypoints3d[:, joints.indices(NEEDED)]).all(-1).any(0).all())


def landmarks_of(person: Person) -> tuple[np.ndarray, JointSet]:
    """3D keypoints (F,L,3) without holes, and their joints: the person's set without the points that are never seen.

    A frame in which a point lacks is taken from the nearest frame that has all, or, where there is none, point by
    point from the nearest frame that has the point.
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
    """(F,) for each frame the nearest that is good (F,) bool, the earlier of two."""
    index = np.flatnonzero(good)
    return index[np.abs(np.arange(len(good))[:, None] - index).argmin(axis=1)]


def evidence_rows(points: SurfacePoints, set_name: str) -> np.ndarray:
    """Which of a set's points the fit explains, as rows of `points`. Raises UsageError for a set too poor to fit."""
    rows = [k for k, name in enumerate(points.names) if name.split("_", 1)[-1] not in UNUSED]
    lack = lacking([points.names[k] for k in rows])
    if lack is not None:
        raise UsageError(
            f"the body cannot be fitted to keypoints of {set_name}: of its points that the body knows, {lack}"
        )
    return np.array(rows, dtype=int)


def lacking(names: Sequence[str]) -> str | None:
    """What points of these names lack for a fit, as the end of a sentence; None where they suffice."""
    limbs = [name for name in names if name in LIMBS12]
    if limbs and len(names) >= MIN_POINTS:
        return None
    have = f"there are {len(names)} ({', '.join(names)})" if names else "there are none"
    if not limbs:
        return f"{have} and no shoulder, elbow, wrist, hip, knee or ankle among them"
    return f"{have} and {MIN_POINTS} are needed; it lacks {', '.join(name for name in LIMBS12 if name not in names)}"
