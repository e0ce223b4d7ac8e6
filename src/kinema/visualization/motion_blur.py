"""Motion blur: a view of bodies as a camera sees them whose shutter is open for a part of each frame's time."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from kinema.motion import Motion
from kinema.visualization.posing import PosedBody, PosedPeople
from kinema.visualization.views import View

SAMPLES = 5
"""Renderings averaged per frame."""


class Blurred:
    """A view whose bodies are blurred; everything else in it stays as it is.

    view: with its `people`; share: of the time between two frames in which the shutter is open, around the frame's own
    time. Vertices are taken to move straight to where they are in the next frame; at cuts, and in a person's last
    frame, they stand still.
    """

    def __init__(self, view: View, people: PosedPeople, motion: Motion, share: float) -> None:
        self.width, self.height = view.width, view.height
        self._view, self._people, self._share = view, people, share
        self._cuts = frozenset(motion.cuts.tolist())

    def prepare(self, frame: int) -> list[PosedBody]:
        here = self._view.prepare(frame)
        after = {} if frame + 1 in self._cuts else {each.number: each.vertices for each in self._people.at(frame + 1)}
        return [
            dataclasses.replace(each, step=after[each.number] - each.vertices) if each.number in after else each
            for each in here
        ]

    def draw(self, frame: int, image: np.ndarray, bodies: list[PosedBody]) -> np.ndarray:
        if not bodies:
            return self._view.draw(frame, image, bodies)
        total = np.zeros((self.height, self.width, 3), np.float32)
        for offset in np.linspace(-self._share / 2, self._share / 2, SAMPLES).astype(np.float32):
            moved = [
                each if each.step is None else dataclasses.replace(each, vertices=each.vertices + offset * each.step)
                for each in bodies
            ]
            cv2.accumulate(self._view.draw(frame, image.copy(), moved), total)
        return np.asarray(np.rint(total / SAMPLES), dtype=np.uint8)
