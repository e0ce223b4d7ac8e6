"""The parts of a body's mesh, and the closed-form rotation of each onto its points.

A part is what moves with one joint: the vertices for which that joint has the largest skinning weight, the joint itself
and its children. The toes belong to the feet.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kinema.body.mesh_target import Target
from kinema.body.model import NUM_JOINTS, BodyModel
from kinema.errors import ShapeError
from kinema.geometry.alignment import kabsch
from kinema.geometry.rotations import axis_angle_to_matrix, nearest_rotation, shortest_rotation
from kinema.skeleton import NUM_BETAS, SMPL24

TOES = {SMPL24.index(f"{side}_foot"): SMPL24.index(f"{side}_ankle") for side in ("left", "right")}
LIMBS = tuple(
    sorted(SMPL24.index(f"{s}_{j}") for s in ("left", "right") for j in ("hip", "knee", "ankle", "shoulder", "elbow"))
)
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)


@dataclass(frozen=True, eq=False)
class BodyParts:
    """A body's fitted vertices, sorted into parts. members: for each joint, its part's vertices among the fitted."""

    body: BodyModel
    subset: np.ndarray
    members: tuple[np.ndarray, ...]
    copies = TOES
    limbs = LIMBS
    parents = PARENTS

    @classmethod
    def of(cls, body: BodyModel, subset: np.ndarray | None) -> BodyParts:
        if tuple(body.parents.tolist()) != PARENTS:
            raise ShapeError(f"body model {body.name}: its joint tree is not SMPL's, so it cannot be fitted to a mesh")
        chosen = np.arange(body.num_vertices) if subset is None else np.asarray(subset)
        if chosen.ndim != 1 or not len(chosen) or chosen.min() < 0 or chosen.max() >= body.num_vertices:
            raise ShapeError(f"a subset must list vertices of the body, from 0 to {body.num_vertices - 1}")
        owner = np.asarray(body.weights)[chosen].argmax(axis=1)
        for toe, foot in TOES.items():
            owner[owner == toe] = foot
        return cls(body, chosen, tuple(np.flatnonzero(owner == joint) for joint in range(NUM_JOINTS)))

    @property
    def count(self) -> int:
        return len(self.subset)

    @property
    def whole(self) -> bool:
        return np.array_equal(self.subset, np.arange(self.body.num_vertices))

    @cached_property
    def families(self) -> tuple[list[int], ...]:
        """Each joint with its children."""
        return tuple([j, *(c for c in range(NUM_JOINTS) if PARENTS[c] == j)] for j in range(NUM_JOINTS))

    @cached_property
    def skinning(self) -> np.ndarray:
        return np.ascontiguousarray(self.body.weights[self.subset])

    @cached_property
    def shape_basis(self) -> tuple[np.ndarray, np.ndarray]:
        """Template and blend shapes of the vertices (V,3,11) and of the joints (24,3,11): column 0 the template."""
        body = self.body
        mesh = np.concatenate([body.v_template[self.subset, :, None], body.shapedirs[self.subset]], axis=2)
        return mesh, np.concatenate([body.J_template[..., None], body.J_shapedirs], axis=2)

    def rest(self, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vertices and joints in the rest pose, the pose blend shapes at rest: (1 or F,V,3), (1 or F,24,3)."""
        mesh, joints = self.shape_basis
        full = np.concatenate([np.ones((len(betas), 1)), betas], axis=1)
        return np.einsum("vcs,fs->fvc", mesh, full), np.einsum("jcs,fs->fjc", joints, full)

    def rest_joints(self, betas: np.ndarray) -> np.ndarray:
        return self.body.rest_joints(betas)

    @staticmethod
    def relative(turned: np.ndarray) -> np.ndarray:
        """Global rotations (F,24,3,3) -> relative to the parents."""
        above = np.concatenate([np.broadcast_to(np.eye(3), turned[:, :1].shape), turned[:, list(PARENTS[1:])]], axis=1)
        return np.asarray(np.swapaxes(above, -1, -2) @ turned)

    @staticmethod
    def chain(local: np.ndarray) -> np.ndarray:
        """Relative rotations (F,24,3,3) -> global."""
        turned = local.copy()
        for joint in range(1, NUM_JOINTS):
            turned[:, joint] = turned[:, PARENTS[joint]] @ local[:, joint]
        return turned

    def _posed(self, turned: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The terms of shape and position: blended rotations (F,V,3,3), the pose's offsets of the rest vertices
        (F,V,3), and columns (F,24,3,11) of the joints' positions and of the parts' shifts."""
        basis = self.shape_basis[1]
        place = np.empty((len(turned), NUM_JOINTS, 3, NUM_BETAS + 1))
        place[:, 0] = basis[0]
        for joint in range(1, NUM_JOINTS):
            parent = PARENTS[joint]
            place[:, joint] = place[:, parent] + turned[:, parent] @ (basis[joint] - basis[parent])
        shift = place - turned @ basis
        blended = (self.skinning @ turned.reshape(len(turned), NUM_JOINTS, 9)).reshape(len(turned), -1, 3, 3)
        bent = np.zeros((len(turned), self.count, 3))
        if self.body.posedirs is not None:
            feature = (self.relative(turned)[:, 1:] - np.eye(3)).reshape(len(turned), -1)
            bent = (feature @ self.pose_basis).reshape(bent.shape)
        return blended, bent, place, shift

    def carried(self, turned: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rest vertices with the pose's offsets (F,V,3); the shift (F,24,3) of each joint, which alone would move them
        to its rotation times them plus its shift; and the joints' positions (F,24,3), without a translation."""
        _, bent, place, shift = self._posed(turned)
        full = np.concatenate([np.ones((len(betas), 1)), betas], axis=1)[:, None, :, None]
        return self.rest(betas)[0] + bent, (shift @ full)[..., 0], (place @ full)[..., 0]

    @cached_property
    def pose_basis(self) -> np.ndarray:
        """Pose blend shapes of the vertices, (207,3V)."""
        assert self.body.posedirs is not None
        dirs = self.body.posedirs[self.subset]
        return np.ascontiguousarray(dirs.reshape(-1, dirs.shape[2]).T)

    def columns(self, turned: np.ndarray, with_joints: bool) -> tuple[np.ndarray, np.ndarray]:
        """Posed points as offset + columns . betas: columns (F,P,3,10), offset (F,P,3), without a translation."""
        blended, bent, place, shift = self._posed(turned)
        frames = len(turned)
        moved = blended @ self.shape_basis[0]
        moved += (self.skinning @ shift.reshape(frames, NUM_JOINTS, -1)).reshape(moved.shape)
        moved[..., 0] += (blended @ bent[..., None])[..., 0]
        if with_joints:
            moved = np.concatenate([moved, place], axis=1)
        return moved[..., 1:], moved[..., 0]

    def pose(self, turned: np.ndarray, betas: np.ndarray, transl: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The posed vertices (F,V,3) and joints (F,24,3) of global rotations, shapes and translations."""
        blended, bent, place, shift = self._posed(turned)
        full = np.concatenate([np.ones((len(betas), 1)), betas], axis=1)[:, None, :, None]
        rest = self.rest(betas)[0] + bent
        mesh = (blended @ rest[..., None])[..., 0] + self.skinning @ (shift @ full)[..., 0]
        return mesh + transl[:, None], (place @ full)[..., 0] + transl[:, None]

    def joints_of(self, target: Target, mesh: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The joints to compare: the given ones, or both regressed from the whole mesh."""
        if target.joints is not None:
            return target.joints, places
        regress = self.body.J_regressor
        return np.stack([regress @ each for each in target.vertices]), np.stack([regress @ each for each in mesh])

    def turns(self, moments: Moments, target: Target, mesh: np.ndarray, places: np.ndarray) -> np.ndarray:
        """The rotations (F,24,3,3) that turn each part of a mesh onto the target's."""
        goal, base = self.joints_of(target, mesh, places)
        base = np.broadcast_to(base, goal.shape)
        result = np.empty((len(goal), NUM_JOINTS, 3, 3))
        for joint, family in enumerate(self.families):
            if joint in TOES:
                continue
            to, of = goal[:, family].mean(axis=1), base[:, family].mean(axis=1)
            if len(family) > 2:
                had = base[:, family] - of[:, None]
                if target.joint_weights is not None:
                    had = had * target.joint_weights[:, family, None]
                result[:, joint] = kabsch(had, goal[:, family] - to[:, None])
                continue
            covariance = moments.about(joint, to, of)
            if len(family) == 1:
                result[:, joint] = nearest_rotation(covariance)
            else:
                bone, new = (each[:, family[1]] - each[:, family[0]] for each in (base, goal))
                result[:, joint] = _swung(bone, new, covariance)
        for toe, foot in TOES.items():
            result[:, toe] = result[:, foot]
        return result


@dataclass(frozen=True, eq=False)
class Moments:
    """Each part's weighted sums over its vertices, t of the target and a of a mesh: t a^T, t, a and the weights."""

    outer: np.ndarray
    target: np.ndarray
    mesh: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, parts: BodyParts, target: Target, mesh: np.ndarray) -> Moments:
        frames = len(target.vertices)
        mesh = np.broadcast_to(mesh, target.vertices.shape)
        weights = target.vertex_weights
        outer, first = np.zeros((frames, NUM_JOINTS, 3, 3)), np.zeros((frames, NUM_JOINTS, 3))
        second, weight = np.zeros_like(first), np.zeros((frames, NUM_JOINTS))
        for joint, rows in enumerate(parts.members):
            if not len(rows):
                continue
            t, a = target.vertices[:, rows], mesh[:, rows]
            w = np.ones((frames, len(rows))) if weights is None else weights[:, rows]
            weighted = t * w[..., None]
            outer[:, joint] = np.swapaxes(weighted, 1, 2) @ a
            first[:, joint], second[:, joint] = weighted.sum(axis=1), (w[:, None] @ a)[:, 0]
            weight[:, joint] = w.sum(axis=1)
        return cls(outer, first, second, weight)

    def about(self, joint: int, to: np.ndarray, of: np.ndarray) -> np.ndarray:
        """A part's sum of (t - to)(a - of)^T, (F,3,3)."""
        t, a, w = self.target[:, joint], self.mesh[:, joint], self.weight[:, joint, None, None]
        moved = t[:, :, None] * of[:, None] + to[:, :, None] * a[:, None] - w * (to[:, :, None] * of[:, None])
        return np.asarray(self.outer[:, joint] - moved)


def _swung(bone: np.ndarray, new: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Bones (F,3) rotated onto new ones by the least angle, then about them to fit the part's vertices.

    With a' the swung vertices and b the new direction, the angle is that of sum b.(a' x t) over
    sum a'.t - (a'.b)(t.b), both of which the covariance sum t a^T holds.
    """
    swing = shortest_rotation(bone, new)
    axis = new / np.maximum(np.linalg.norm(new, axis=-1, keepdims=True), 1e-12)
    seen = covariance @ np.swapaxes(swing, -1, -2)  # sum t a'^T
    cross = np.stack([seen[:, 2, 1] - seen[:, 1, 2], seen[:, 0, 2] - seen[:, 2, 0], seen[:, 1, 0] - seen[:, 0, 1]], -1)
    along = np.einsum("fi,fij,fj->f", axis, seen, axis)
    angle = np.arctan2(np.sum(axis * cross, axis=-1), np.trace(seen, axis1=-2, axis2=-1) - along)
    return np.asarray(axis_angle_to_matrix(axis * angle[:, None]) @ swing)
