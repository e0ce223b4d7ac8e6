"""The posed bodies of a motion, frame by frame, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinema.errors import InputError
from kinema.geometry.camera import to_world
from kinema.motion import Motion
from kinema.person import Person

if TYPE_CHECKING:
    from kinema.body import BodyModel

_CHUNK = 32
"""Frames posed per batch: skinning in batches is cheaper per frame; a batch takes 2.6 MB per person."""


@dataclass(frozen=True, eq=False)
class PosedBody:
    """One person in one frame. number: index in `motion.people`; row: index in the person's arrays;
    vertices (V,3) metres, in the camera's frame or the world. step (V,3): their way to the next frame, where it counts.
    """

    number: int
    row: int
    vertices: np.ndarray
    step: np.ndarray | None = None


class PosedPeople:
    """The posed bodies of each frame; if queried in frame order, every frame is posed once."""

    def __init__(self, motion: Motion, body: BodyModel, *, world: bool = False, located: bool = False) -> None:
        """world: use pose_world and transl_world instead of the camera's frame.

        People without a pose whose surface lies in a file (`Person.vertices`) have that; all others are left out. In
        the world it is where the camera saw it, if it is known how that stood. located: whoever has such a surface has
        it in place of the body. Raises InputError if the file is gone or holds another body's vertices.
        """
        self._body = body
        self._rows: list[dict[int, int]] = []
        self._parameters: list[tuple[np.ndarray, np.ndarray, np.ndarray] | None] = []
        self._surfaces: list[np.ndarray | None] = []
        self._camera = motion.camera if world else None
        self._frames = [person.frames for person in motion]
        placed = not world or (self._camera is not None and self._camera.rotation is not None)
        for person in motion:
            self._rows.append({int(frame): row for row, frame in enumerate(person.frames)})
            self._parameters.append(_parameters(person, world))
            bare = placed and (located or self._parameters[-1] is None)
            self._surfaces.append(_surface(motion, person, body) if bare else None)
        self._blocks: dict[int, tuple[int, np.ndarray]] = {}

    def rows(self, frame: int) -> list[tuple[int, int]]:
        """(number, row) of everyone in `frame`, with or without a pose."""
        return [(number, rows[frame]) for number, rows in enumerate(self._rows) if frame in rows]

    def at(self, frame: int) -> list[PosedBody]:
        """Everyone in `frame` who has a pose or a surface."""
        return [
            PosedBody(number, row, self._vertices(number, row))
            for number, row in self.rows(frame)
            if self._parameters[number] is not None or self._surfaces[number] is not None
        ]

    def _vertices(self, number: int, row: int) -> np.ndarray:
        surface = self._surfaces[number]
        if surface is not None:
            return self._in_world(np.asarray(surface[row]), int(self._frames[number][row]))
        start, block = self._blocks.get(number, (0, np.zeros((0, 0, 3))))
        parameters = self._parameters[number]
        if parameters is not None and not start <= row < start + len(block):
            start, rows = row, slice(row, row + _CHUNK)
            pose, betas, transl = parameters
            block = self._body.vertices(pose[rows], betas[rows], transl[rows])
            self._blocks[number] = (start, block)
        return np.asarray(block[row - start])

    def _in_world(self, vertices: np.ndarray, frame: int) -> np.ndarray:
        """Located vertices (V,3) in the frame that was asked for."""
        camera = self._camera
        if camera is None or camera.rotation is None or camera.translation is None:
            return vertices
        return np.asarray(to_world(vertices[None], camera.at([frame]))[0], vertices.dtype)


def _surface(motion: Motion, person: Person, body: BodyModel) -> np.ndarray | None:
    """The person's located vertices (F,V,3), memory-mapped, or None if there are none of this body."""
    if person.vertices is None or motion.body_model not in (None, body.name):
        return None
    surface = person.vertices.open()
    if surface.shape != (len(person), body.num_vertices, 3):
        raise InputError(
            f"person {person.id}: {person.vertices.path} has vertices {surface.shape}, not those of the body"
            f" {body.name}; draw it with its own, `body_model`"
        )
    return surface


def _parameters(person: Person, world: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Pose (F,72), betas (F,10), transl (F,3), or None if one of them is missing."""
    pose = person.pose_world if world else person.pose
    transl = person.transl_world if world else person.transl
    if pose is None or transl is None or person.betas is None:
        return None
    return pose, person.betas, transl
