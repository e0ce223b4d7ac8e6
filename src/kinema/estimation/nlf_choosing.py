"""Leaving out frames of people, as the NLF program does with detections: all but the surest, and poses that are no
person's, or another person's once more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from kinema.geometry.camera import project
from kinema.models.nlf.plausibility import plausible
from kinema.motion import Motion
from kinema.person import Person

_POINTS = 1024
"""Vertices that are compared, spread over the surface."""


def surest_people(motion: Motion, most: int) -> tuple[Motion, int]:
    """The motion with the `most` surest people of every frame, and how many frames of people were left out.

    Of people who are as sure as each other the one with the lower id is kept, so that a track is not torn. A person
    without any frame left is left out.
    """
    kept = {person.id: np.ones(len(person), bool) for person in motion}
    for here in _by_frame(motion).values():
        for person, row in sorted(here, key=lambda each: (-_score(*each), each[0].id))[most:]:
            kept[person.id][row] = False
    return _selected(motion, kept)


def plausible_people(motion: Motion) -> tuple[Motion, int]:
    """The motion without the frames in which a person's located surface is implausible, and how many these were.

    A surface is implausible if too few of its vertices are sure, if it covers too little of the person's box, or if it
    is much like a surer one of the same frame. People without a surface stay; a person without any frame left is left
    out.
    """
    people, surfaces, spreads = [], {}, {}
    for person in motion:
        if person.vertices is not None and person.vertex_uncertainty is not None and person.boxes is not None:
            people.append(person)
            surfaces[person.id], spreads[person.id] = person.vertices.open(), person.vertex_uncertainty.open()
    kept = {person.id: np.ones(len(person), bool) for person in people}
    camera = motion.camera
    for here in _by_frame(people).values():
        step = max(1, surfaces[here[0][0].id].shape[1] // _POINTS)
        poses = np.stack([surfaces[person.id][row, ::step] for person, row in here]).astype(np.float64)
        spread = np.stack([spreads[person.id][row, ::step] for person, row in here])
        boxes = np.stack([_scored_box(person, row) for person, row in here])
        pixels = np.full((*poses.shape[:2], 2), np.nan)
        if camera is not None:
            pixels = project(poses, camera.intrinsics, camera.distortion)
        good = set(plausible(poses, pixels, spread, boxes).tolist())
        for number, (person, row) in enumerate(here):
            kept[person.id][row] = number in good
    return _selected(motion, kept)


def _by_frame(people: Iterable[Person]) -> dict[int, list[tuple[Person, int]]]:
    """Who is in each frame, with their rows."""
    here: dict[int, list[tuple[Person, int]]] = {}
    for person in people:
        for row, frame in enumerate(person.frames):
            here.setdefault(int(frame), []).append((person, row))
    return here


def _score(person: Person, row: int) -> float:
    return 1.0 if person.confidence is None else float(person.confidence[row])


def _scored_box(person: Person, row: int) -> np.ndarray:
    """(5,) x y w h score."""
    box = np.asarray(person.boxes)[row]
    return np.concatenate([box[:2], box[2:] - box[:2], [_score(person, row)]])


def _selected(motion: Motion, kept: Mapping[int, np.ndarray]) -> tuple[Motion, int]:
    """The motion with the rows `kept` of people, by id, and how many are not; people without any are left out."""
    left = [person.select(kept[person.id]) if person.id in kept else person for person in motion]
    dropped = sum(int((~rows).sum()) for rows in kept.values())
    return motion.replace(people=tuple(person for person in left if len(person))), dropped
