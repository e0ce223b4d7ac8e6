"""The SMPL layer in numpy: shape and pose parameters -> joints, vertices and points.

Follows Loper et al. 2015, "SMPL: A Skinned Multi-Person Linear Model": shape blend shapes, joints
regressed from the shaped template, pose blend shapes of (R - I), the kinematic chain, linear blend
skinning, and the translation last. The root rotates about its own joint, not about the origin.

Letters in shapes: F frames, V vertices, K points of a set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy.sparse
from numpy.typing import DTypeLike

from kinema.body.kinematics import bone_offsets, forward_kinematics
from kinema.body.points import SurfacePoints, surface_points
from kinema.brief import Brief
from kinema.errors import ShapeError, UsageError
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.skeleton import NUM_BETAS, NUM_POSE, SMPL24

NUM_JOINTS = len(SMPL24)
NUM_POSE_FEATURES = 9 * (NUM_JOINTS - 1)
CHUNK_FLOATS = 8_000_000
"""Size limit, in elements, of the temporary arrays of `vertices`."""


@dataclass(frozen=True, eq=False, repr=False)
class BodyModel(Brief):
    """A body in SMPL's format: 24 joints, 10 shape components, linear blend skinning. Arrays are read-only.

    name: "free", or the file's name. sha256: of the file. v_template (V,3) metres, y up, facing +z, left = +x.
    shapedirs (V,3,10) metres per unit of beta. posedirs (V,3,207) metres, or None where the body has no pose
    blend shapes. J_regressor (24,V) sparse, rows sum to 1. weights (V,24), rows sum to 1. faces (N,3) int32,
    counter-clockwise seen from outside. parents (24,) int, -1 for the root.
    landmark_names, landmark_weights (P,V): named points as weighted means of vertices (`kinema.body.points`).
    labels (V,) uint8 and label_names: what each vertex shows (skin, shirt, ...), or None.
    mirror (V,) int: each vertex's counterpart on the other side; None if the mesh is not symmetric.
    child_betas (10,): the average three-year-old; None if the body has adults only.
    """

    name: str
    sha256: str
    v_template: np.ndarray
    shapedirs: np.ndarray
    posedirs: np.ndarray | None
    J_regressor: scipy.sparse.csr_matrix
    weights: np.ndarray
    faces: np.ndarray
    parents: np.ndarray
    landmark_names: tuple[str, ...] = ()
    landmark_weights: scipy.sparse.csr_matrix | None = None
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    mirror: np.ndarray | None = None
    child_betas: np.ndarray | None = None
    _points: dict[str, SurfacePoints] = field(default_factory=dict, init=False, repr=False)
    _bases: dict[np.dtype, tuple[np.ndarray, np.ndarray, np.ndarray]] = field(
        default_factory=dict, init=False, repr=False
    )

    def __post_init__(self) -> None:
        shapes: dict[str, tuple[int | str, ...]] = {
            "v_template": ("V", 3),
            "shapedirs": ("V", 3, NUM_BETAS),
            "posedirs": ("V", 3, NUM_POSE_FEATURES),
            "J_regressor": (NUM_JOINTS, "V"),
            "weights": ("V", NUM_JOINTS),
            "faces": ("N", 3),
            "parents": (NUM_JOINTS,),
        }
        sizes: dict[str, int] = {"V": len(self.v_template), "N": len(self.faces)}
        for key, shape in shapes.items():
            value = getattr(self, key)
            if value is None and key == "posedirs":
                continue
            expected = tuple(sizes[s] if isinstance(s, str) else s for s in shape)
            if value.shape != expected:
                raise ShapeError(f"body model {self.name}: {key} has shape {value.shape}, expected {expected}")
            numbers = value.data if scipy.sparse.issparse(value) else value
            if not np.all(np.isfinite(numbers)):
                raise ShapeError(f"body model {self.name}: {key} holds a value that is not finite")
            numbers.flags.writeable = False
        if np.any(self.parents[1:] < 0) or np.any(self.parents[1:] >= np.arange(1, NUM_JOINTS)):
            raise ShapeError(f"body model {self.name}: each parent must be an earlier joint, found {self.parents}")
        if self.faces.size and not 0 <= self.faces.min() <= self.faces.max() < len(self.v_template):
            raise ShapeError(f"body model {self.name}: faces refer to vertices outside 0..{len(self.v_template) - 1}")

    @property
    def num_vertices(self) -> int:
        return len(self.v_template)

    @cached_property
    def J_template(self) -> np.ndarray:
        """(24,3) joints of the template at rest, metres."""
        return np.asarray(self.J_regressor @ self.v_template)

    @cached_property
    def J_shapedirs(self) -> np.ndarray:
        """(24,3,10) displacement of each rest joint per unit of each beta, metres."""
        flat = self.J_regressor @ self.shapedirs.reshape(self.num_vertices, -1)
        return np.asarray(flat.reshape(NUM_JOINTS, 3, NUM_BETAS))

    def shaped(self, betas: np.ndarray) -> np.ndarray:
        """The shaped template in the rest pose: betas (..., 10) -> (..., V, 3) metres."""
        return np.asarray(self.v_template + _blend(self.shapedirs, _betas(betas)))

    def rest_joints(self, betas: np.ndarray) -> np.ndarray:
        """Joints of a shape in the rest pose: betas (..., 10) -> (..., 24, 3) metres."""
        return np.asarray(self.J_template + _blend(self.J_shapedirs, _betas(betas)))

    def chain(self, pose: np.ndarray, betas: np.ndarray, transl: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The posed skeleton: each joint's global rotation (F,24,3,3) and position (F,24,3), metres.

        pose (F,72) axis-angle or (F,24,3,3) matrices; betas (F,10) or (10,); transl (F,3).
        """
        local, rest = _rotations(pose), self.rest_joints(betas)
        offsets = bone_offsets(rest, self.parents)
        rotation, place = forward_kinematics(local, offsets, self.parents, rest[..., 0, :])
        return rotation, place + _transl(transl, len(local))[:, None]

    def joints(self, pose: np.ndarray, betas: np.ndarray, transl: np.ndarray) -> np.ndarray:
        """Posed joints (F,24,3) metres. pose (F,72), betas (F,10) or (10,), transl (F,3). Computes no vertices."""
        return self.chain(pose, betas, transl)[1]

    def vertices(
        self, pose: np.ndarray, betas: np.ndarray, transl: np.ndarray, *, dtype: DTypeLike = np.float32
    ) -> np.ndarray:
        """Posed vertices (F,V,3) metres.

        pose (F,72) axis-angle or (F,24,3,3) matrices; betas (F,10) or (10,); transl (F,3). dtype: that of the
        arithmetic and the result; float32 differs from float64 by about 1e-6 m. Frames are processed in
        chunks, so memory on top of the result stays bounded.
        """
        local = _rotations(pose)
        frames, betas = len(local), _betas(betas)
        rotation, place = self.chain(local, betas, transl)
        rest = np.broadcast_to(self.rest_joints(betas), place.shape)
        moved = place - np.squeeze(rotation @ rest[..., None], -1)
        transforms = np.concatenate([rotation, moved[..., None]], axis=-1).astype(dtype)  # (F,24,3,4)
        betas = np.broadcast_to(betas, (frames, NUM_BETAS))
        one_shape = self.posedirs is None and frames > 0 and bool(np.all(betas == betas[0]))
        out = np.empty((frames, self.num_vertices, 3), dtype=dtype)
        step = max(1, CHUNK_FLOATS // (12 * self.num_vertices))
        for start in range(0, frames, step):
            chunk = slice(start, min(start + step, frames))
            if one_shape:
                out[chunk] = self._skin_one_shape(self.shaped(betas[0]), transforms[chunk])
                continue
            coefficients = betas[chunk].astype(dtype)
            if self.posedirs is not None:
                feature = (local[chunk, 1:] - np.eye(3)).reshape(-1, NUM_POSE_FEATURES).astype(dtype)
                coefficients = np.concatenate([coefficients, feature], axis=1)
            self._skin(coefficients, transforms[chunk], out[chunk])
        return out

    def _basis(self, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Template (3V,), blend shapes (10 or 217, 3V) and weights (24,V) in `dtype`, coordinate by coordinate."""
        if dtype not in self._bases:
            dirs = self.shapedirs if self.posedirs is None else np.concatenate([self.shapedirs, self.posedirs], axis=2)
            flat = np.ascontiguousarray(dirs.transpose(2, 1, 0).reshape(dirs.shape[2], -1), dtype=dtype)
            template = self.v_template.T.reshape(-1).astype(dtype)
            self._bases[dtype] = template, flat, np.ascontiguousarray(self.weights.T, dtype=dtype)
        return self._bases[dtype]

    def _skin(self, coefficients: np.ndarray, transforms: np.ndarray, out: np.ndarray) -> None:
        """Blend shapes and skinning of n frames that differ in shape: (n,B), (n,24,3,4) -> out (n,V,3).

        Coordinates are stored separately, (3,V), so that every step runs over contiguous memory.
        """
        template, dirs, weights = self._basis(out.dtype)
        rest = (coefficients @ dirs + template).reshape(len(out), 3, -1)
        mixed = transforms.transpose(0, 2, 3, 1).reshape(len(out), 12, NUM_JOINTS)
        for posed, mixing, (x, y, z) in zip(out, mixed, rest, strict=True):
            blended = mixing @ weights  # (12,V)
            for axis in range(3):
                a, b, c, d = blended[4 * axis : 4 * axis + 4]
                posed[:, axis] = a * x + b * y + c * z + d

    def _skin_one_shape(self, shape: np.ndarray, transforms: np.ndarray) -> np.ndarray:
        """The same where all frames share the rest vertices (V,3): one sparse product for the whole chunk.

        Skinning is linear in the transforms: vertex v is the sum over joints j and columns b of
        (weight[v,j] * (shape[v],1)[b]) * transform[j,:,b].
        """
        homogeneous = np.concatenate([shape, np.ones((len(shape), 1))], axis=1)
        vertex, joint = np.nonzero(self.weights)
        values = (self.weights[vertex, joint][:, None] * homogeneous[vertex]).astype(transforms.dtype)
        columns = 4 * joint[:, None] + np.arange(4)
        rows = np.repeat(vertex, 4)
        mixing = scipy.sparse.csr_matrix((values.ravel(), (rows, columns.ravel())), shape=(len(shape), 4 * NUM_JOINTS))
        right = transforms.transpose(1, 3, 0, 2).reshape(4 * NUM_JOINTS, -1)  # (24*4, n*3)
        return np.asarray((mixing @ right).reshape(len(shape), len(transforms), 3).transpose(1, 0, 2))

    def points(self, set_name: str) -> SurfacePoints:
        """The points of a joint set, or of "contacts", that this body knows. See `kinema.body.points`."""
        if set_name not in self._points:
            self._points[set_name] = surface_points(self, set_name)
        return self._points[set_name]

    def posed_points(self, set_name: str, pose: np.ndarray, betas: np.ndarray, transl: np.ndarray) -> np.ndarray:
        """Points of a set, each rigidly attached to its joint: (F,K,3) metres. Arguments as for `joints`."""
        points = self.points(set_name)
        rotation, place = self.chain(pose, betas, transl)
        offset = points.offset_template + _blend(points.offset_shapedirs, _betas(betas))
        return np.asarray(place[:, points.joint] + np.squeeze(rotation[:, points.joint] @ offset[..., None], -1))


def _blend(dirs: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """(N,3,10) directions times (..., 10) coefficients -> (..., N, 3)."""
    flat = betas.reshape(-1, NUM_BETAS) @ dirs.reshape(-1, NUM_BETAS).T
    return np.asarray(flat.reshape(*betas.shape[:-1], *dirs.shape[:2]))


def _betas(betas: np.ndarray | Sequence[float]) -> np.ndarray:
    betas = np.asarray(betas, dtype=np.float64)
    if betas.shape[-1:] != (NUM_BETAS,):
        raise UsageError(f"betas must be (..., {NUM_BETAS}), found {betas.shape}")
    return betas


def _transl(transl: np.ndarray, frames: int) -> np.ndarray:
    transl = np.asarray(transl, dtype=np.float64)
    if transl.shape not in ((3,), (frames, 3)):
        raise UsageError(f"transl must be ({frames}, 3), one row for each frame of the pose, found {transl.shape}")
    return np.broadcast_to(transl, (frames, 3))


def _rotations(pose: np.ndarray) -> np.ndarray:
    """(F,72) axis-angle, or matrices as they are, -> (F,24,3,3)."""
    pose = np.asarray(pose, dtype=np.float64)
    if pose.ndim == 4 and pose.shape[1:] == (NUM_JOINTS, 3, 3):
        return pose
    if pose.ndim != 2 or pose.shape[1] != NUM_POSE:
        raise UsageError(f"pose must be (F, {NUM_POSE}) axis-angle or (F, 24, 3, 3) matrices, found {pose.shape}")
    return axis_angle_to_matrix(pose.reshape(-1, NUM_JOINTS, 3))
