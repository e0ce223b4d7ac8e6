"""Posing joints without needing the body model that a file was made with.

A file of another system names a body that may not be at hand. Its skeleton can be read off the file itself where
that holds joints beside poses (each bone, turned back by its parent, is the same in all frames); otherwise the
average of Kinema's free body stands in: sizes are then a few centimetres off, movements are not.
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

OWN_SKELETON = 0.01
"""Metres: joints of a file that its own bones and poses miss by more than this were not posed by them."""


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Bones of one person at rest.

    bones (24,3) or (F,24,3): joint minus parent, metres; row 0: the pelvis relative to `transl`. own: whether they are
    the person's own and not a stand-in's.
    """

    bones: np.ndarray
    own: bool

    def joints(self, pose: np.ndarray, transl: np.ndarray | None) -> np.ndarray:
        """Posed joints (F,24,3) metres: pose (F,72) axis-angle, transl (F,3) or None for the origin."""
        local = axis_angle_to_matrix(pose.reshape(len(pose), 24, 3))
        root = self.bones[..., 0, :] + (0.0 if transl is None else transl)
        return forward_kinematics(local, self.bones, _PARENTS, root)[1]


def skeleton_of(motion: Motion, person: Person, body: BodyModel | None = None) -> Skeleton:
    """The person's skeleton: from `body` and the shape, read off the joints, or the free body's average."""
    from kinema.body.loading import body_of, free_body

    betas, body = person.betas, body_of(motion, body)
    if body is not None:
        rest = body.rest_joints(np.zeros(NUM_BETAS) if betas is None else betas)
        return Skeleton(_bones(rest), own=betas is not None)
    for pose, transl, joints in (
        (person.pose_world, person.transl_world, person.joints_world),
        (person.pose, person.transl, person.joints),
    ):
        if pose is not None and joints is not None and len(person):
            found = _read_off(pose, transl, joints)
            if found is not None:
                return found
    return Skeleton(_bones(free_body().rest_joints(np.zeros(NUM_BETAS))), own=False)


def _bones(rest: np.ndarray) -> np.ndarray:
    """Joint minus parent of rest joints (..., 24, 3); the pelvis as it is."""
    bones = bone_offsets(rest, _PARENTS)
    bones[..., 0, :] = rest[..., 0, :]
    return bones


def _read_off(pose: np.ndarray, transl: np.ndarray | None, joints: np.ndarray) -> Skeleton | None:
    """The bones that turn poses (F,72) into joints (F,24,3); None where no bones do."""
    local = axis_angle_to_matrix(pose.reshape(len(pose), 24, 3))
    rotation = forward_kinematics(local, np.zeros((24, 3)), _PARENTS, np.zeros(3))[0]
    bones = np.zeros((24, 3))
    if transl is not None:
        bones[0] = np.median(joints[:, 0] - transl, axis=0)
    apart = joints[:, 1:] - joints[:, _PARENTS[1:]]
    bones[1:] = np.median(np.einsum("fjba,fjb->fja", rotation[:, _PARENTS[1:]], apart), axis=0)
    skeleton = Skeleton(bones, own=True)
    posed = skeleton.joints(pose, joints[:, 0] - bones[0])
    off = float(np.median(np.linalg.norm(posed - joints, axis=-1)))
    return skeleton if off <= OWN_SKELETON else None
