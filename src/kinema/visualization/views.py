"""The two views of a motion: over the source video, and from a camera in the world."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from kinema.geometry.camera import project, scaled_intrinsics
from kinema.geometry.meshes import Topology
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import joint_set
from kinema.visualization.drawing import around, draw_box, draw_label, draw_skeleton, label_box, track_colors
from kinema.visualization.posing import PosedBody, PosedPeople
from kinema.visualization.raster import Box
from kinema.visualization.renderer import Mesh, MeshRenderer, Rendering

if TYPE_CHECKING:
    from kinema.body import BodyModel
    from kinema.video.planes import Planes

_Parts = Callable[[Box], AbstractContextManager[np.ndarray]]
"""Of a box: an image (H,W,3) uint8 RGB of the view's size, to draw into inside this box."""


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
        self.topology = Topology(body.faces, len(body.weights))
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
        image = fitted(image, self.width, self.height)
        self._draw(frame, lambda box: nullcontext(image), lambda part: part.onto(image, self.opacity), bodies)
        return image

    def draw_planes(self, frame: int, planes: Planes, bodies: list[PosedBody]) -> Planes:
        """The same on planes of the view's size, drawn into: what nothing is drawn on stays as it was decoded."""
        self._draw(
            frame, lambda box: planes.part(*box.slices), lambda part: part.onto_planes(planes, self.opacity), bodies
        )
        return planes

    def _draw(self, frame: int, image_of: _Parts, lay: Callable[[Rendering], None], bodies: list[PosedBody]) -> None:
        here = self.people.rows(frame)
        unseen = set()
        if self.camera is not None and bodies:
            meshes = [
                Mesh(
                    posed.vertices, self.faces, self.colors[self.motion.people[posed.number].id],
                    topology=self.topology,
                )
                for posed in bodies
            ]  # fmt: skip
            intrinsics = scaled_intrinsics(self.camera.intrinsics, self.scale)
            parts = self.renderer.parts(meshes, intrinsics, self.camera.distortion)
            for part in parts:
                lay(part)
            unseen = {
                posed.number for i, posed in enumerate(bodies) if not any(np.any(part.mesh == i) for part in parts)
            }
        drawn = {posed.number for posed in bodies}
        for number, row in here:
            person = self.motion.people[number]
            if self.keypoints or number not in drawn:
                self._draw_observations(image_of, person, row, with_box=number not in drawn)
            anchor = self._anchor(person, row)
            if self.labels and number not in unseen and anchor is not None:
                with image_of(label_box(self.width, self.height, str(person.id), anchor)) as image:
                    draw_label(image, str(person.id), anchor, self.colors[person.id])

    def _draw_observations(self, image_of: _Parts, person: Person, row: int, *, with_box: bool) -> None:
        color = self.colors[person.id]
        if person.keypoints is not None and person.keypoint_set is not None:
            confidence = None if person.keypoint_confidence is None else person.keypoint_confidence[row]
            points = self._pixels(person.keypoints[row])
            with image_of(around(points, self.width, self.height)) as image:
                draw_skeleton(image, points, confidence, joint_set(person.keypoint_set), color)
        elif with_box and person.boxes is not None:
            corners = self._pixels(person.boxes[row].reshape(2, 2))
            with image_of(around(corners, self.width, self.height)) as image:
                draw_box(image, corners.ravel(), color)

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
