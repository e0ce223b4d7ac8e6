"""Forward kinematics of any skeleton, and the body of one person as a rig with its derivatives.

A fit does not need the mesh. For a given set of betas the body is 24 joint offsets and K points, each
rigidly attached to one joint; their positions and Jacobians follow from the kinematic chain alone.

Notation: G (F,24,3,3) global rotations, P (F,24,3) joint positions in the camera's frame, R (F,24,3,3)
rotations relative to the parent. Rotations are perturbed on the right, R <- R exp(d), so d is a
tangent vector in the joint's local axes (Sola et al. 2018, A micro Lie theory, section II).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinema.skeleton import ancestry

if TYPE_CHECKING:
    from kinema.body.model import BodyModel


def forward_kinematics(
    rotations: np.ndarray, offsets: np.ndarray, parents: np.ndarray, root: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pose a skeleton: global rotations (..., J, 3, 3) and positions (..., J, 3) of its joints.

    rotations (..., J, 3, 3): relative to each joint's parent; joint 0's in the frame of the result. offsets
    (..., J, 3): joint minus parent in the rest pose; row 0 is unused. parents (J,): index of an earlier joint, -1 for
    joint 0. root (..., 3): position of joint 0. Positions are in the unit of `offsets` and `root`.
    """
    rotations = np.asarray(rotations, dtype=np.float64)
    global_rotation, position = np.empty_like(rotations), np.empty(rotations.shape[:-1])
    global_rotation[..., 0, :, :], position[..., 0, :] = rotations[..., 0, :, :], root
    offsets = np.broadcast_to(offsets, position.shape)
    for joints, their_parents in _levels(tuple(np.asarray(parents).tolist())):
        parent_rotation = global_rotation[..., their_parents, :, :]
        global_rotation[..., joints, :, :] = parent_rotation @ rotations[..., joints, :, :]
        moved = np.squeeze(parent_rotation @ offsets[..., joints, :, None], -1)
        position[..., joints, :] = position[..., their_parents, :] + moved
    return global_rotation, position


@lru_cache(maxsize=64)
def _levels(parents: tuple[int, ...]) -> tuple[tuple[list[int], list[int]], ...]:
    """Joints by depth in the tree, with their parents: all joints of one level can be posed at once."""
    depth = [0] * len(parents)
    for joint in range(1, len(parents)):
        depth[joint] = depth[parents[joint]] + 1
    groups = [[j for j, d in enumerate(depth) if d == level] for level in range(1, max(depth) + 1)]
    return tuple((group, [parents[j] for j in group]) for group in groups)


def bone_offsets(rest: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Joint minus parent for rest joints (..., J, 3); zero for joint 0."""
    offsets = rest - rest[..., np.maximum(parents, 0), :]
    offsets[..., 0, :] = 0.0
    return np.asarray(offsets)


@dataclass(frozen=True, eq=False)
class Rig:
    """Joints and points of a body with a given shape.

    parents (24,); offsets (24,3): joint minus parent at rest, metres; point_joint (K,) int: the joint
    that each point is attached to; point_offset (K,3): point minus that joint at rest. offsets_dbeta (24,3,10)
    and point_offset_dbeta (K,3,10) are their derivatives with respect to the betas.
    """

    parents: np.ndarray
    offsets: np.ndarray
    point_joint: np.ndarray
    point_offset: np.ndarray
    offsets_dbeta: np.ndarray
    point_offset_dbeta: np.ndarray

    @classmethod
    def of(cls, body: BodyModel, points: str, betas: np.ndarray, rows: np.ndarray | None = None) -> Rig:
        """The rig of `body` with shape `betas` (10,) and the points of set `points` (or only its `rows`)."""
        surface = body.points(points)
        rows = np.arange(len(surface.joint)) if rows is None else rows
        template, directions = body.J_template, body.J_shapedirs
        parents = np.asarray(body.parents)
        offsets0 = bone_offsets(template, parents)
        offsets1 = np.moveaxis(bone_offsets(np.moveaxis(directions, -1, 0), parents), 0, -1)
        point1 = surface.offset_shapedirs[rows]
        return cls(
            parents=parents,
            offsets=offsets0 + offsets1 @ betas,
            point_joint=surface.joint[rows],
            point_offset=surface.offset_template[rows] + point1 @ betas,
            offsets_dbeta=offsets1,
            point_offset_dbeta=point1,
        )

    @cached_property
    def ancestry(self) -> np.ndarray:
        """(24,24) bool: [j, a] is True if a is j or one of its ancestors."""
        return ancestry(self.parents)

    def forward(self, local: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pose the rig. local (F,24,3,3), root (F,3) pelvis position -> G (F,24,3,3), P (F,24,3), points (F,K,3)."""
        rotation, position = forward_kinematics(local, self.offsets, self.parents, root)
        carried = np.squeeze(rotation[:, self.point_joint] @ self.point_offset[..., None], -1)
        return rotation, position, position[:, self.point_joint] + carried

    def joint_shape_jacobian(self, rotation: np.ndarray) -> np.ndarray:
        """The same for the joints: G (...,24,3,3) -> (...,24,3,10)."""
        joints = np.zeros((*rotation.shape[:-2], 3, self.offsets_dbeta.shape[-1]))
        for j in range(1, len(self.parents)):
            p = self.parents[j]
            joints[..., j, :, :] = joints[..., p, :, :] + rotation[..., p, :, :] @ self.offsets_dbeta[j]
        return joints

    def shape_jacobian(self, rotation: np.ndarray) -> np.ndarray:
        """Derivative of the points with respect to the betas, pelvis fixed: G (F,24,3,3) -> (F,K,3,10)."""
        joints = self.joint_shape_jacobian(rotation)
        return np.asarray(joints[:, self.point_joint] + rotation[:, self.point_joint] @ self.point_offset_dbeta)

    def projected_jacobian(
        self,
        rotation: np.ndarray,
        position: np.ndarray,
        points: np.ndarray,
        rows: np.ndarray,
        free: np.ndarray,
    ) -> np.ndarray:
        """Derivative of linear measurements of the points with respect to joint rotations and root position.

        rows (F,K,M,3): M measurement directions of each point (a measurement is rows . point). free (A,):
        joints that may rotate. Returns (F, K, M, 3*A + 3): tangent of each free joint, then the root.
        A rotation w about joint a moves a point at offset d by w x d, hence rows.(w x d) = w.(d x rows). All of it in
        the joint's own axes, which are w's.
        """
        num_frames, num_points, num_rows = rows.shape[:3]
        out = np.zeros((num_frames, num_points, num_rows, 3 * len(free) + 3))
        carries = self.ancestry[self.point_joint][:, free]
        for column, a in enumerate(free):
            moved = np.flatnonzero(carries[:, column])
            if len(moved) == 0:
                continue
            arm = (points[:, moved] - position[:, a, None]) @ rotation[:, a]
            measured = rows[:, moved].reshape(num_frames, -1, 3) @ rotation[:, a]
            measured = measured.reshape(num_frames, len(moved), num_rows, 3)
            out[:, moved, :, 3 * column : 3 * column + 3] = np.cross(arm[:, :, None], measured)
        out[..., -3:] = rows
        return out

    @cached_property
    def turning(self) -> np.ndarray:
        """(A,) the joints whose rotation moves a point: not those that carry only points at the joint itself."""
        away = np.any(np.abs(self.point_offset) > 1e-9, axis=1)
        below = self.ancestry[self.point_joint] & (
            ~np.eye(len(self.parents), dtype=bool)[self.point_joint] | away[:, None]
        )
        return np.flatnonzero(below.any(axis=0))
