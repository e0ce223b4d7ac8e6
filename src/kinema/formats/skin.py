"""The skin of a track in its rest pose, as animation programs store it: vertices, normals, four influences each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.formats.skeletal import SkeletonTrack
from kinema.geometry.meshes import vertex_normals

MAX_INFLUENCES = 4
"""Joints that may influence one vertex: what every program and game engine supports."""


@dataclass(frozen=True, eq=False)
class Skin:
    """A body at rest: T-pose, y up, facing +z, standing on y = 0, the pelvis over the origin.

    vertices (V,3) float32 metres; normals (V,3) float32; influences (V,4) uint8, joints of SMPL's 24; weights (V,4)
    float32, rows sum to 1, unused influences are joint 0; joints (24,3) float64 metres.
    """

    vertices: np.ndarray
    normals: np.ndarray
    influences: np.ndarray
    weights: np.ndarray
    joints: np.ndarray


def skin_of(track: SkeletonTrack, scale: float = 1.0) -> Skin:
    """The skin of the track's body in its own shape, with the four strongest influences per vertex.

    scale: the unit of vertices and joints in a metre: 100 for centimetres.
    """
    shape = track.body.shaped(track.betas)
    shift = np.array([-track.rest[0, 0], -shape[:, 1].min(), -track.rest[0, 2]])
    vertices = ((shape + shift) * scale).astype(np.float32)
    normals = vertex_normals(vertices.astype(np.float64), track.body.faces)
    normals[~normals.any(axis=1)] = [0, 1, 0]  # of vertices that no face uses
    strongest = np.argsort(-track.body.weights, axis=1, kind="stable")[:, :MAX_INFLUENCES]
    weights = np.take_along_axis(track.body.weights, strongest, axis=1)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    weights /= weights.sum(axis=1, keepdims=True)
    return Skin(
        vertices=vertices,
        normals=normals.astype(np.float32),
        influences=np.where(weights > 0, strongest, 0).astype(np.uint8),
        weights=weights,
        joints=(track.rest + shift) * scale,
    )
