"""The contour of the posed body in the image, and how it moves with pose and shape.

A point of the contour is a vertex at which the surface turns away from the camera, and beside which, in the image, the
body ends: not the edge of an arm in front of the trunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.estimation.solver import FREE_JOINTS, MIN_DEPTH, PoseState
from kinema.geometry.camera import Camera, project
from kinema.geometry.meshes import corners_of, front_facing
from kinema.skeleton import SMPL24

_COARSE = 64
"""Cells along the longer side of the grid on which the body's own inside is told."""

_STEP_OUT = 0.03
"""Metres outside the contour where the body must end."""

_RIGID = SMPL24.indices([j for j in SMPL24.joints if j.endswith(("_foot", "_hand", "_wrist"))])
"""Joints whose surface is left out: fingers and toes keep their prior, and hands hold things."""


@dataclass(frozen=True, eq=False)
class Contour:
    """Of one frame, C points. pixels, normals (C,2): where they are in the image, and the direction out of the body;
    lengths (C,): pixels of contour that each stands for; metres: of one pixel, at the body; vertices (C,): which they
    are."""

    pixels: np.ndarray
    normals: np.ndarray
    lengths: np.ndarray
    metres: float
    vertices: np.ndarray
    _places: np.ndarray
    _frame: _Frame

    def derivatives(self, points: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far some points (P,) int move along directions (P,2) of the image, in metres at the body: for each
        tangent of the free joints and the root (P,n), and for each beta with the pelvis fixed (P,10)."""
        frame, which = self._frame, self.vertices[points]
        place = self._places[points]
        depth = np.maximum(place[:, 2], MIN_DEPTH)
        rows = np.empty((len(points), 3))
        rows[:, :2] = directions * (frame.distance / depth)[:, None]
        rows[:, 2] = -np.sum(rows[:, :2] * place[:, :2], axis=-1) / depth
        body, rig, rotation, position = frame.body, frame.rig, frame.rotation, frame.position

        weights = body.weights[which]  # (P,24)
        carried = np.matmul(rotation, (frame.shaped[which, None] - frame.rest)[..., None])[..., 0] + position
        below = rig.ancestry[:, FREE_JOINTS].astype(float)  # [j, a]: joint j hangs on a
        parts = (weights[..., None] * carried).transpose(0, 2, 1) @ below  # (P,3,A)
        arm = parts.transpose(0, 2, 1) - (weights @ below)[..., None] * position[FREE_JOINTS]
        turning = np.cross(arm, rows[:, None])[:, :, None] @ rotation[FREE_JOINTS]
        by_pose = np.concatenate([turning.reshape(len(points), -1), rows], axis=1)

        blended = (weights @ rotation.reshape(len(rotation), 9)).reshape(-1, 3, 3)
        of_vertex = np.matmul(np.matmul(rows[:, None], blended), body.shapedirs[which])[:, 0]
        joints = frame.moved - np.matmul(rotation, body.J_shapedirs)  # (24,3,10)
        of_joints = (weights[..., None] * rows[:, None]).reshape(len(points), -1) @ joints.reshape(-1, joints.shape[-1])
        return by_pose, of_vertex + of_joints


@dataclass(frozen=True, eq=False)
class _Frame:
    """The posed body: rotation (24,3,3), position (24,3) of its joints, moved (24,3,10) their derivatives by the betas;
    shaped (V,3), rest (24,3): at rest; distance: of the pelvis, along the camera's axis."""

    body: BodyModel
    rig: Rig
    rotation: np.ndarray
    position: np.ndarray
    moved: np.ndarray
    shaped: np.ndarray
    rest: np.ndarray
    distance: float


def contours(body: BodyModel, rig: Rig, betas: np.ndarray, state: PoseState, camera: Camera) -> Iterator[Contour]:
    """The contour of the body of shape `betas` (10,) in every frame of a state. rig: of the same shape."""
    shaped, rest = body.shaped(betas), body.rest_joints(betas)
    rotations, positions, _ = rig.forward(state.local, state.root)
    vertices = body.vertices(state.local, betas, state.root - rest[0])
    pixels = project(vertices, camera.intrinsics, camera.distortion)
    focal = float(camera.intrinsics[0, 0] + camera.intrinsics[1, 1]) / 2
    for i in range(len(vertices)):
        distance = max(float(state.root[i, 2]), MIN_DEPTH)
        metres = distance / focal
        moved = rig.joint_shape_jacobian(rotations[i])
        frame = _Frame(body, rig, rotations[i], positions[i], moved, shaped, rest, distance)
        chosen, normals, lengths = _silhouette(body, pixels[i], metres)
        places = vertices[i, chosen].astype(np.float64)
        yield Contour(pixels[i, chosen], normals, lengths, metres, chosen, places, frame)


def _silhouette(body: BodyModel, pixels: np.ndarray, metres: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The vertices on the contour (C,), the normals (C,2) out of the body and the lengths (C,), of vertices at pixels
    (V,2); metres: of a pixel."""
    edges, faces = _edges(body)
    front = front_facing(corners_of(pixels, body.faces))
    turns = np.flatnonzero(front.take(faces[:, 0]) != front.take(faces[:, 1]))
    ends, beside = edges[turns], faces[turns]
    along = pixels[ends[:, 1]] - pixels[ends[:, 0]]
    normal = np.stack([along[:, 1], -along[:, 0]], axis=-1)  # as long as the edge
    # Seen from an edge of the contour, both of its faces lie on the side of the body.
    middle = pixels[body.faces[beside[:, 0]]].mean(1) - pixels[ends[:, 0]]
    normal *= np.where(np.sum(normal * middle, axis=-1) > 0, -1.0, 1.0)[:, None]
    half = np.linalg.norm(along, axis=-1) / 2
    count = len(pixels)
    both = ends.T.ravel()
    lengths = np.bincount(both, np.tile(half, 2), count)
    normals = np.stack([np.bincount(both, np.tile(normal[:, i], 2), count) for i in range(2)], axis=-1)
    lengths[_left_out(body)] = 0.0
    chosen = np.flatnonzero(lengths > 0)
    normals = normals[chosen] / np.maximum(np.linalg.norm(normals[chosen], axis=-1, keepdims=True), 1e-12)
    outside = ~_inside(pixels, pixels[chosen] + normals * (_STEP_OUT / metres))
    return chosen[outside], normals[outside], lengths[chosen[outside]]


def _inside(pixels: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Whether queries (N,2) lie in the image of a body whose vertices are at pixels (V,2), to one cell."""
    low, high = pixels.min(0), pixels.max(0)
    step = max(float((high - low).max()) / _COARSE, 1e-6)
    width, height = np.ceil((high - low) / step).astype(int) + 5
    image = np.zeros((height, width), np.uint8)
    column, row = (np.rint((pixels - low) / step).astype(int) + 2).T
    image[row, column] = 1
    image = cv2.morphologyEx(image, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    column, row = (np.rint((queries - low) / step).astype(int) + 2).T
    within = (column >= 0) & (row >= 0) & (column < width) & (row < height)
    found = np.zeros(len(queries), bool)
    found[within] = image[row[within], column[within]] > 0
    return found


@lru_cache(maxsize=4)
def _edges(body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    """The edges (E,2) between two faces, and these faces (E,2)."""
    faces = np.asarray(body.faces)
    ends = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    owner = np.tile(np.arange(len(faces)), 3)
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    ends, owner = ends[order], owner[order]
    same = np.flatnonzero(np.all(ends[1:] == ends[:-1], axis=1))
    return ends[same], np.stack([owner[same], owner[same + 1]], axis=1)


@lru_cache(maxsize=4)
def _left_out(body: BodyModel) -> np.ndarray:
    """(V,) bool: the vertices of hands and toes."""
    return np.asarray(body.weights[:, _RIGID].sum(1) > 0.5)
