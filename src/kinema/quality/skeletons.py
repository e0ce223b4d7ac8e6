"""Posing joints without the body model that a file was made with.

Another system's file names a body model that may not be available. If the file holds joints as well as poses, its
skeleton can be recovered from it (each bone is constant in its parent's frame); otherwise the average of Kinema's free
body stands in, with the pelvis and the height of the legs of the file's average body: lengths are then off by a few
centimetres, movements are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinema.body.kinematics import bone_offsets, forward_kinematics
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import NUM_BETAS, SMPL24

if TYPE_CHECKING:
    from kinema.body import BodyModel

_PARENTS = np.array(SMPL24.parents)

MAX_MISFIT = 0.01
"""Largest median distance, metres, between a file's joints and the posed skeleton recovered from them."""


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Bones of one person at rest.

    bones (24,3) or (F,24,3): joint minus parent, metres; row 0: the pelvis relative to `transl`. own: whether they are
    the person's own, not the stand-in's.
    """

    bones: np.ndarray
    own: bool

    def joints(self, pose: np.ndarray, transl: np.ndarray | None) -> np.ndarray:
        """Posed joints (F,24,3) metres: pose (F,72) axis-angle, transl (F,3) or None for the origin."""
        local = axis_angle_to_matrix(pose.reshape(len(pose), 24, 3))
        root = self.bones[..., 0, :] + (0.0 if transl is None else transl)
        return forward_kinematics(local, self.bones, _PARENTS, root)[1]


def skeleton_of(motion: Motion, person: Person, body: BodyModel | None = None) -> Skeleton:
    """The person's skeleton: from `body` and the betas, recovered from the joints, or the free body's average."""
    from kinema.body.free import free_body
    from kinema.body.loading import body_of
    from kinema.formats.reader_body import AVERAGE_LEGS, SIDES, family, rest_pelvis

    betas, body = person.betas, body_of(motion, body)
    if body is not None:
        rest = body.rest_joints(np.zeros(NUM_BETAS) if betas is None else betas)
        return Skeleton(_bones(rest), own=betas is not None)
    for pose, transl, joints in (
        (person.pose_world, person.transl_world, person.joints_world),
        (person.pose, person.transl, person.joints),
    ):
        if pose is not None and joints is not None and len(person):
            found = _recover(pose, transl, joints)
            if found is not None:
                return found
    rest = free_body().rest_joints(np.zeros(NUM_BETAS))
    known = AVERAGE_LEGS.get(family(motion) or "")
    if known is not None:  # as the writers have them, so that every file of a motion agrees where its floor is
        rest = rest - rest[0] + rest_pelvis(motion, person, body)
        rest[np.array(SIDES), 1] = rest[0, 1] + known.joints[..., 1]
    return Skeleton(_bones(rest), own=False)


def _bones(rest: np.ndarray) -> np.ndarray:
    """Joint minus parent of rest joints (..., 24, 3); the pelvis unchanged."""
    bones = bone_offsets(rest, _PARENTS)
    bones[..., 0, :] = rest[..., 0, :]
    return bones


def _recover(pose: np.ndarray, transl: np.ndarray | None, joints: np.ndarray) -> Skeleton | None:
    """The skeleton that takes poses (F,72) to joints (F,24,3); None where none fits."""
    local = axis_angle_to_matrix(pose.reshape(len(pose), 24, 3))
    rotation = forward_kinematics(local, np.zeros((24, 3)), _PARENTS, np.zeros(3))[0]
    bones = np.zeros((24, 3))
    if transl is not None:
        bones[0] = np.median(joints[:, 0] - transl, axis=0)
    apart = joints[:, 1:] - joints[:, _PARENTS[1:]]
    bones[1:] = np.median(np.einsum("fjba,fjb->fja", rotation[:, _PARENTS[1:]], apart), axis=0)
    skeleton = Skeleton(bones, own=True)
    posed = skeleton.joints(pose, joints[:, 0] - bones[0])
    misfit = float(np.median(np.linalg.norm(posed - joints, axis=-1)))
    return skeleton if misfit <= MAX_MISFIT else None
