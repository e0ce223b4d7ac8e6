"""The view of a motion from a viewpoint in its world: people on the ground, their paths, and the filming camera."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from kinema.geometry.camera import project, unproject
from kinema.geometry.camera_path import CameraPath
from kinema.geometry.meshes import Topology
from kinema.motion import Motion
from kinema.skeleton import SMPL24
from kinema.temporal.gaps import AWAY
from kinema.visualization.drawing import draw_label, draw_path, track_colors
from kinema.visualization.ground import checkered_ground, floor_shadow
from kinema.visualization.posing import PosedBody, PosedPeople
from kinema.visualization.renderer import Light, Mesh, MeshRenderer
from kinema.visualization.sides import rod_faces, rod_vertices
from kinema.visualization.vantage import filming_path

if TYPE_CHECKING:
    from kinema.body import BodyModel

_CONTACT = np.array([0.86, 0.10, 0.25])
_CAMERA = (0.16, 0.17, 0.20)
_DEPTH = 0.5
"""Depth in metres of the filming camera's frustum."""
_EDGE = 0.0012
"""Radius of the lines of the filming camera, as a fraction of their distance from the viewer."""
_MOST_POINTS = 1500
"""Most points of a line that is drawn; longer paths are subsampled."""
_NEAR = 0.2
_CLOSE = 1.0
"""Metres in front of the viewer within which lines and the filming camera are not drawn: they would fill the view."""


class WorldView:
    """Everyone on the ground of the world, seen along a path.

    `looks` (`vantage.vantage`) has a pose for each frame, or one for all. camera: show the filming camera, where it is
    known, as a view frustum half a metre deep, with its path so far. located: as in `CameraView`.
    """

    def __init__(
        self,
        motion: Motion,
        body: BodyModel,
        size: tuple[int, int],
        looks: CameraPath,
        *,
        labels: bool = True,
        contacts: bool = True,
        camera: bool = True,
        located: bool = False,
    ) -> None:
        self.width, self.height = size
        self.motion, self.labels, self.looks = motion, labels, looks
        self.faces = body.faces
        self.topology = Topology(body.faces, len(body.weights))
        self.colors = track_colors([person.id for person in motion])
        self.people = PosedPeople(motion, body, world=True, located=located)
        self.feet = _foot_parts(body) if contacts else None
        self.filming = filming_path(motion) if camera else None
        self._pieces = [motion.pieces(person, AWAY) for person in motion]
        self._still = None if len(looks) > 1 else self._ground(*self._pose(0))

    def prepare(self, frame: int) -> list[PosedBody]:
        return self.people.at(frame)

    def draw(self, frame: int, image: np.ndarray, bodies: list[PosedBody]) -> np.ndarray:
        """The frame in world space, (height,width,3) uint8; the source image is not used."""
        del image
        pose = self._pose(frame)
        intrinsics, rotation, translation = pose
        canvas = self._ground(*pose) if self._still is None else self._still.copy()
        x, y, z = rotation[:, 1]
        renderer = MeshRenderer(self.width, self.height, light=Light(up=(float(x), float(y), float(z))))
        sun = rotation.T @ np.array(renderer.light.key)
        for posed in bodies:
            shadow, box = floor_shadow(posed.vertices, self.faces, sun, (self.width, self.height), *pose)
            if shadow.size:
                part = canvas[box.slices]
                part[...] = (part * (1 - 0.35 * shadow[..., None])).astype(np.uint8)
        self._draw_ways(canvas, frame, bodies, pose)
        seen = [posed.vertices @ rotation.T + translation for posed in bodies]
        meshes = [
            Mesh(vertices, self.faces, self._vertex_colors(posed), topology=self.topology)
            for vertices, posed in zip(seen, bodies, strict=True)
        ]
        meshes += self._camera_mesh(frame, rotation, translation)
        for rendered in renderer.parts(meshes, intrinsics):
            rendered.onto(canvas)
        for posed in bodies if self.labels else ():
            person = self.motion.people[posed.number]
            if person.joints_world is not None:
                head = person.joints_world[posed.row, SMPL24.index("head")]
                above = rotation @ (head + np.array([0.0, 0.28, 0.0])) + translation
                if above[2] > _NEAR:
                    draw_label(canvas, str(person.id), project(above, intrinsics), self.colors[person.id])
        return canvas

    def _pose(self, frame: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Intrinsics (3,3), rotation (3,3) and translation (3,) of the viewer in a frame."""
        looks = self.looks
        row = min(frame, len(looks) - 1)
        intrinsics = looks.intrinsics if looks.intrinsics.ndim == 2 else looks.intrinsics[row]
        return intrinsics, looks.rotation[row], -looks.rotation[row] @ looks.centre[row]

    def _ground(self, intrinsics: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
        return checkered_ground(self.width, self.height, intrinsics, rotation, translation)

    def _draw_ways(
        self,
        canvas: np.ndarray,
        frame: int,
        bodies: list[PosedBody],
        pose: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> None:
        """Everybody's path on the ground so far, and the filming camera's in this shot."""
        for posed in bodies:
            person = self.motion.people[posed.number]
            if person.joints_world is None:
                continue
            for piece in self._pieces[posed.number]:
                way = person.joints_world[piece.start : min(piece.stop, posed.row + 1), 0]
                _draw_way(canvas, way * [1.0, 0.0, 1.0], self.colors[person.id], pose)
        if self.filming is not None:
            start = max((int(cut) for cut in self.motion.cuts if cut <= frame), default=0)
            _draw_way(canvas, self.filming.centre[start : frame + 1], _CAMERA, pose)

    def _camera_mesh(self, frame: int, rotation: np.ndarray, translation: np.ndarray) -> list[Mesh]:
        """The filming camera as rods, from its place to its image's corners and around it, in the viewer's axes."""
        filming = self.filming
        if filming is None or frame >= len(filming):
            return []
        camera = self.motion.camera
        assert camera is not None
        right, bottom = camera.width - 0.5, camera.height - 0.5
        # The last point is over the middle of the upper edge: it shows which way is up.
        pixels = np.array([[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom], [right / 2, -0.12 * bottom]])
        rays = np.concatenate([unproject(pixels, camera.intrinsics), np.ones((5, 1))], axis=1)
        place = filming.centre[frame]
        corners = place + _DEPTH * rays @ filming.rotation[frame]
        points = np.concatenate([place[None], corners]) @ rotation.T + translation
        if points[:, 2].min() < _CLOSE:
            return []
        start, end = np.array([(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4), (4, 1), (1, 5), (5, 2)]).T
        rods = rod_vertices(points[start], points[end], _EDGE * float(points[0, 2]))
        return [Mesh(rods, rod_faces(len(start)), _CAMERA)]

    def _vertex_colors(self, posed: PosedBody) -> np.ndarray:
        """The track's colour, foot parts in contact red: (3,) or (V,3)."""
        person = self.motion.people[posed.number]
        color = np.array(self.colors[person.id])
        if self.feet is None or person.contacts is None or not person.contacts[posed.row].any():
            return color
        amount = (self.feet[:, person.contacts[posed.row]]).sum(axis=1, keepdims=True)
        return np.asarray(color + np.clip(amount, 0, 1) * (_CONTACT - color))


def _draw_way(
    canvas: np.ndarray,
    points: np.ndarray,
    color: tuple[float, float, float],
    pose: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Draw a line through points (N,3) in the world, but for what is behind the viewer."""
    intrinsics, rotation, translation = pose
    if len(points) > _MOST_POINTS:
        points = points[np.linspace(0, len(points) - 1, _MOST_POINTS).astype(int)]
    seen = points @ rotation.T + translation
    ahead = seen[:, 2] > _NEAR
    bounds = [0, *(np.flatnonzero(np.diff(ahead)) + 1).tolist(), len(points)]
    for start, stop in itertools.pairwise(bounds):
        if start < stop and ahead[start]:
            draw_path(canvas, project(seen[start:stop], intrinsics), color)


def _foot_parts(body: BodyModel) -> np.ndarray:
    """Skinning weight of each vertex to left heel, left toes, right heel, right toes: (V,4) in [0,1]."""
    joints = SMPL24.indices(["left_ankle", "left_foot", "right_ankle", "right_foot"])
    return np.asarray(body.weights[:, joints])
