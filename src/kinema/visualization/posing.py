"""The posed bodies of a motion, frame by frame, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinema.motion import Motion
from kinema.person import Person

if TYPE_CHECKING:
    from kinema.body import BodyModel

_CHUNK = 32
"""Frames that are posed together: skinning many costs less for each, and holds 2.6 MB a person."""


@dataclass(frozen=True, eq=False)
class PosedBody:
    """One person in one frame. number: its place in `motion.people`; row: its place in the person's arrays;
    vertices (V,3) metres, in the camera's frame or the world.
    """

    number: int
    row: int
    vertices: np.ndarray


class PosedPeople:
    """Gives the posed bodies of each frame; asked for in order, it poses every frame once."""

    def __init__(self, motion: Motion, body: BodyModel, *, world: bool = False) -> None:
        """world: take pose_world and transl_world instead of the camera's frame. People without are left out."""
        self._body = body
        self._rows: list[dict[int, int]] = []
        self._parameters: list[tuple[np.ndarray, np.ndarray, np.ndarray] | None] = []
        for person in motion:
            self._rows.append({int(frame): row for row, frame in enumerate(person.frames)})
            self._parameters.append(_parameters(person, world))
        self._blocks: dict[int, tuple[int, np.ndarray]] = {}

    def rows(self, frame: int) -> list[tuple[int, int]]:
        """(number, row) of everyone who is in `frame`, posed or not."""
        return [(number, rows[frame]) for number, rows in enumerate(self._rows) if frame in rows]

    def at(self, frame: int) -> list[PosedBody]:
        """Everyone in `frame` who has a pose."""
        return [
            PosedBody(number, row, self._vertices(number, row))
            for number, row in self.rows(frame)
            if self._parameters[number] is not None
        ]

    def _vertices(self, number: int, row: int) -> np.ndarray:
        start, block = self._blocks.get(number, (0, np.zeros((0, 0, 3))))
        parameters = self._parameters[number]
        if parameters is not None and not start <= row < start + len(block):
            start, rows = row, slice(row, row + _CHUNK)
            pose, betas, transl = parameters
            block = self._body.vertices(pose[rows], betas[rows], transl[rows])
            self._blocks[number] = (start, block)
        return np.asarray(block[row - start])


def _parameters(person: Person, world: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Pose (F,72), betas (F,10), transl (F,3), or None where one of them is missing."""
    pose = person.pose_world if world else person.pose
    transl = person.transl_world if world else person.transl
    if pose is None or transl is None or person.betas is None:
        return None
    return pose, person.betas, transl
