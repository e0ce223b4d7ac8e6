"""Bodies drawn over an image with weak-perspective cameras, as in PARE's demo: meshes, wireframes, a side view.

A weak-perspective camera (sx, sy, tx, ty) projects a point X of the body to W/2 + W/2 * sx * (X_x + tx), and y
likewise with H. It is rendered by a perspective camera whose focal length is so long that no perspective is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from kinema.geometry.camera import project
from kinema.geometry.meshes import Topology, corners_of, front_facing
from kinema.visualization.renderer import Mesh, MeshRenderer

_FOCAL = 2e5
_SMALLEST = 1e-4
_KEYPOINT = (0, 255, 0)


@dataclass(frozen=True, eq=False)
class WeakBody:
    """A body in an image: vertices (V,3) metres without translation, camera (4,) sx sy tx ty, joints2d (K,2)."""

    vertices: np.ndarray
    camera: np.ndarray
    color: tuple[float, float, float]
    joints2d: np.ndarray | None = None


def drawing_order(cameras: np.ndarray) -> list[int]:
    """Back-to-front drawing order: rows of cameras (n,4) sx sy tx ty, from the smallest body to the largest.

    The camera's scale is the only indication of depth; bodies of zero size are left out.
    """
    scales = np.asarray(cameras)[:, 1]
    return [int(i) for i in np.argsort(scales, kind="stable") if scales[i] > _SMALLEST]


class WeakView:
    """Draws bodies over images of one size. faces (N,3)."""

    def __init__(
        self, width: int, height: int, faces: np.ndarray, *, wireframe: bool = False, sideview: bool = False,
        keypoints: bool = False,
    ) -> None:  # fmt: skip
        self.size = width, height
        self.faces = faces
        self.wireframe, self.sideview, self.keypoints = wireframe, sideview, keypoints
        self.intrinsics = np.array([[_FOCAL, 0, width / 2], [0, _FOCAL, height / 2], [0, 0, 1]])
        self._renderer = MeshRenderer(width, height)
        self._topology: Topology | None = None

    @property
    def width(self) -> int:
        """Width of the drawn image in pixels."""
        return self.size[0] * (2 if self.sideview else 1)

    def draw(self, image: np.ndarray, bodies: Sequence[WeakBody]) -> np.ndarray:
        """The image (H,W,3) uint8 with the bodies over it; with `sideview`, the side view to its right."""
        cameras = np.array([body.camera for body in bodies]).reshape(-1, 4)
        bodies = [bodies[i] for i in drawing_order(cameras)]
        front = self._draw(image, bodies, from_side=False)
        if self.keypoints:
            for body in bodies:
                if body.joints2d is not None:
                    for x, y in np.clip(np.nan_to_num(body.joints2d), -1e4, 1e4):
                        cv2.circle(front, (round(float(x)), round(float(y))), 4, _KEYPOINT, -1, cv2.LINE_AA)
        if not self.sideview:
            return front
        return np.concatenate([front, self._draw(np.zeros_like(image), bodies, from_side=True)], axis=1)

    def _draw(self, image: np.ndarray, bodies: Sequence[WeakBody], *, from_side: bool) -> np.ndarray:
        if not bodies:
            return image.copy()
        self._topology = self._topology or Topology(self.faces, len(bodies[0].vertices))
        meshes = [
            Mesh(self._placed(body, from_side), self.faces, body.color, topology=self._topology) for body in bodies
        ]
        if not self.wireframe:
            return self._renderer.render(meshes, self.intrinsics).over(image)
        out = image.copy()
        for mesh in meshes:
            pixels = project(mesh.vertices, self.intrinsics)
            seen = self.faces[front_facing(corners_of(pixels, self.faces))]
            lines = np.rint(np.clip(pixels[seen], -1e4, 1e4) * 8).astype(np.int32)
            ink = tuple(round(255 * float(channel)) for channel in mesh.color)
            cv2.polylines(out, list(lines), True, ink, 1, cv2.LINE_AA, 3)
        return out

    def _placed(self, body: WeakBody, from_side: bool) -> np.ndarray:
        width = self.size[0]
        scale, _, tx, ty = (float(value) for value in body.camera)
        vertices = body.vertices.astype(np.float64)
        if from_side:  # 270 degrees about the vertical axis
            vertices = np.stack([-vertices[:, 2], vertices[:, 1], vertices[:, 0]], axis=1)
        return np.asarray(vertices + np.array([tx, ty, _FOCAL / (scale * width / 2)]))
