"""The target of a mesh fit: points of the mesh and joints in every frame, checked and centred on their mean."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinema.errors import ShapeError, UsageError
from kinema.skeleton import SMPL24

CHUNK = 16
"""Number of frames whose temporary arrays are in memory at once."""


def chunks(frames: int, most: int | None = None) -> list[slice]:
    """The frames in chunks of at most `CHUNK`, or `most`."""
    step = CHUNK if most is None else most
    return [slice(start, start + step) for start in range(0, frames, step)]


@dataclass(frozen=True, eq=False)
class Target:
    """vertices (F,V,3), joints (F,24,3) or None, about `mean` (F,3); weights (F,V) and (F,24), or None."""

    vertices: np.ndarray
    joints: np.ndarray | None
    vertex_weights: np.ndarray | None
    joint_weights: np.ndarray | None
    mean: np.ndarray

    @classmethod
    def of(
        cls,
        vertices: np.ndarray,
        joints: np.ndarray | None,
        vertex_weights: np.ndarray | None,
        joint_weights: np.ndarray | None,
        count: int,
    ) -> Target:
        """The checked target of `count` vertices. Raises ShapeError, and UsageError for numbers that are not finite."""
        vertices = np.asarray(vertices, dtype=np.float64)
        if vertices.ndim != 3 or vertices.shape[1:] != (count, 3) or not len(vertices):
            raise ShapeError(f"vertices must be (F, {count}, 3) with at least one frame, found {vertices.shape}")
        frames, known = len(vertices), len(SMPL24)
        given = {
            "joints": (joints, (frames, known, 3)),
            "vertex_weights": (vertex_weights, (frames, count)),
            "joint_weights": (joint_weights, (frames, known)),
        }
        found: dict[str, np.ndarray | None] = {}
        for name, (value, shape) in given.items():
            found[name] = None if value is None else np.asarray(value, dtype=np.float64)
            if value is not None and np.shape(value) != shape:
                raise ShapeError(f"{name} must be {shape}, found {np.shape(value)}")
        for name, value in [("vertices", vertices), *found.items()]:
            if value is not None and not np.isfinite(value).all():
                raise UsageError(f"{name} must be finite: set missing values to 0 with weight 0")
        places = found["joints"]
        everything = vertices if places is None else np.concatenate([vertices, places], axis=1)
        mean = everything.mean(axis=1)
        centred = None if places is None else places - mean[:, None]
        return cls(vertices - mean[:, None], centred, found["vertex_weights"], found["joint_weights"], mean)

    @property
    def points(self) -> np.ndarray:
        """Vertices, then joints if there are any, (F,P,3)."""
        return self.vertices if self.joints is None else np.concatenate([self.vertices, self.joints], axis=1)

    @property
    def weights(self) -> np.ndarray | None:
        """Weights of all points (F,P), None for equal ones: they count only if vertices and joints both have them."""
        if self.joints is None:
            return self.vertex_weights
        if self.vertex_weights is None or self.joint_weights is None:
            return None
        return np.asarray(np.concatenate([self.vertex_weights, self.joint_weights], axis=1))

    def part(self, rows: slice) -> Target:
        """Some of the frames."""
        first, second, third, fourth = (
            None if each is None else each[rows]
            for each in (self.vertices, self.joints, self.vertex_weights, self.joint_weights)
        )
        assert first is not None
        return Target(first, second, third, fourth, self.mean[rows])

    def scaled(self, factor: np.ndarray) -> Target:
        """Every frame scaled about its mean by factor (F,)."""
        by = factor[:, None, None]
        return replace(self, vertices=self.vertices * by, joints=None if self.joints is None else self.joints * by)
