"""Which joints of the fitted body the keypoints show, and which are estimated by the prior alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.estimation.priors import evidence_rows
from kinema.skeleton import SMPL24

_AWAY = 1e-9  # metres from its joint at which a point tells the joint's rotation


def joints_shown(rig: Rig, seen: np.ndarray) -> np.ndarray:
    """(F, 24) bool: the joints whose place follows from the points (F, K) bool that are seen of a rig.

    A joint is shown by a point of its own, by a point away from its parent, which tells how the parent turns, and
    where it lies between points: in two or more of the branches that meet at it.
    """
    seen = np.asarray(seen, dtype=bool)
    count = len(rig.parents)
    away = np.linalg.norm(rig.point_offset, axis=1) > _AWAY
    own = np.stack([seen[:, rig.point_joint == j].any(axis=1) for j in range(count)], axis=1)
    turned = np.stack([seen[:, (rig.point_joint == j) & away].any(axis=1) for j in range(count)], axis=1)
    below = (seen.astype(int) @ rig.ancestry[rig.point_joint].astype(int)).reshape(len(seen), count)
    shown = own.copy()
    branches = (below < seen.sum(axis=1, keepdims=True)).astype(int)
    for joint, parent in enumerate(rig.parents):
        if parent >= 0:
            shown[:, joint] |= turned[:, parent]
            branches[:, parent] += below[:, joint] > 0
    return np.asarray(shown | (branches >= 2))


def joints_estimated(body: BodyModel, set_name: str) -> tuple[str, ...]:
    """The SMPL joints that keypoints of a set do not show even if all are seen: without feet, the toes.

    Raises UsageError for a set with too few points.
    """
    rows = evidence_rows(body.points(set_name), set_name)
    shown = joints_shown(Rig.of(body, set_name, np.zeros(10), rows), np.ones((1, len(rows))))[0]
    return tuple(name for name, there in zip(SMPL24.joints, shown, strict=True) if not there)


def parts_of(joints: Sequence[str]) -> str:
    """Joints in words, without their sides: "feet and hands"."""
    plural = {"foot": "feet"}
    parts = dict.fromkeys(name.removeprefix("left_").removeprefix("right_") for name in joints)
    words = [plural.get(part, f"{part}s" if f"left_{part}" in joints else part) for part in parts]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
