"""The two views of a motion: over the source video, and from a camera in the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from kinema.geometry.camera import project, scaled_intrinsics
from kinema.geometry.meshes import VertexNormals
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import joint_set
from kinema.visualization.drawing import draw_box, draw_label, draw_skeleton, track_colors
from kinema.visualization.posing import PosedBody, PosedPeople
from kinema.visualization.renderer import Mesh, MeshRenderer

if TYPE_CHECKING:
    from kinema.body import BodyModel

_CONTACT = np.array([0.86, 0.10, 0.25])


class View(Protocol):
    """An image of each frame. width, height: its size. `prepare` is called in frame order from one thread and is
    cheap; its result is passed to `draw`, which may run concurrently in other threads, and may draw into the image that
    it is given and return that.
    """

    width: int
    height: int

    def prepare(self, frame: int) -> list[PosedBody]: ...

    def draw(self, frame: int, image: np.ndarray, bodies: list[PosedBody]) -> np.ndarray: ...


class CameraView:
    """The body over each person in the source's own frames."""

    def __init__(
        self,
        motion: Motion,
        body: BodyModel,
        size: tuple[int, int],
        *,
        opacity: float = 0.7,
        labels: bool = True,
        keypoints: bool = False,
        located: bool = False,
    ) -> None:
        """size: width, height of the output; everything is scaled if the motion's size differs. located: draw the
        surfaces that a network located, where there are some, and not the bodies fitted to them."""
        self.width, self.height = size
        self.motion, self.faces = motion, body.faces
        self.normals = VertexNormals(body.faces, len(body.weights))
        self.opacity, self.labels, self.keypoints = opacity, labels, keypoints
        self.colors = track_colors([person.id for person in motion])
        self.scale = self.width / motion.width
        # Without a camera, bodies cannot be projected into the image; only keypoints and boxes can be drawn.
        self.camera = motion.camera
        self.people = PosedPeople(motion if self.camera is not None else _without_bodies(motion), body, located=located)
        self.renderer = MeshRenderer(self.width, self.height)

    def prepare(self, frame: int) -> list[PosedBody]:
        return self.people.at(frame)

    def draw(self, frame: int, image: np.ndarray, bodies: list[PosedBody]) -> np.ndarray:
        """image (H,W,3) uint8, the source's frame at any size -> (height,width,3) uint8: the image itself, drawn
        into, if it has the view's size."""
        here = self.people.rows(frame)
        image = fitted(image, self.width, self.height)
        if not here:
            return image
        unseen = set()
        if self.camera is not None and bodies:
            meshes = [
                Mesh(
                    posed.vertices, self.faces, self.colors[self.motion.people[posed.number].id],
                    self.normals(posed.vertices),
                )
                for posed in bodies
            ]  # fmt: skip
            intrinsics = scaled_intrinsics(self.camera.intrinsics, self.scale)
            parts = self.renderer.parts(meshes, intrinsics, self.camera.distortion)
            for part in parts:
                part.onto(image, self.opacity)
            unseen = {
                posed.number for i, posed in enumerate(bodies) if not any(np.any(part.mesh == i) for part in parts)
            }
        drawn = {posed.number for posed in bodies}
        for number, row in here:
            person = self.motion.people[number]
            if self.keypoints or number not in drawn:
                self._draw_observations(image, person, row, with_box=number not in drawn)
            anchor = self._anchor(person, row)
            if self.labels and number not in unseen and anchor is not None:
                draw_label(image, str(person.id), anchor, self.colors[person.id])
        return image

    def _draw_observations(self, image: np.ndarray, person: Person, row: int, *, with_box: bool) -> None:
        color = self.colors[person.id]
        if person.keypoints is not None and person.keypoint_set is not None:
            confidence = None if person.keypoint_confidence is None else person.keypoint_confidence[row]
            draw_skeleton(image, self._pixels(person.keypoints[row]), confidence, joint_set(person.keypoint_set), color)
        elif with_box and person.boxes is not None:
            draw_box(image, self._pixels(person.boxes[row].reshape(2, 2)).ravel(), color)

    def _anchor(self, person: Person, row: int) -> np.ndarray | None:
        """The label's position above the head: (2,) pixels, or None if it is unknown."""
        points = None
        if person.boxes is not None and np.all(np.isfinite(person.boxes[row])):
            points = person.boxes[row].reshape(2, 2)
        elif person.joints is not None and self.camera is not None and person.joints[row, :, 2].min() > 0.1:
            points = project(person.joints[row], self.camera.intrinsics, self.camera.distortion)
        elif person.keypoints is not None and np.any(np.all(np.isfinite(person.keypoints[row]), axis=-1)):
            points = person.keypoints[row][np.all(np.isfinite(person.keypoints[row]), axis=-1)]
        if points is None:
            return None
        points = self._pixels(points)
        return np.array([points[:, 0].min() / 2 + points[:, 0].max() / 2, points[:, 1].min() - 0.01 * self.height])

    def _pixels(self, points: np.ndarray) -> np.ndarray:
        return np.asarray(points) * self.scale + (self.scale - 1) / 2


def fitted(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """The image resized to this size; unchanged if it already has it."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _without_bodies(motion: Motion) -> Motion:
    return motion.replace(people=tuple(person.replace(pose=None, vertices=None) for person in motion))
