"""Leaving out poses that are no person's, or another person's once more, as the NLF program does with detections."""

from __future__ import annotations

import numpy as np

from kinema.geometry.camera import project
from kinema.models.nlf.plausibility import plausible
from kinema.motion import Motion

_POINTS = 1024
"""Vertices that are compared, spread over the surface."""


def plausible_people(motion: Motion) -> tuple[Motion, int]:
    """The motion without the frames in which a person's located surface is implausible, and how many these were.

    A surface is implausible if too few of its vertices are sure, if it covers too little of the person's box, or if it
    is much like a surer one of the same frame. People without a surface stay; a person without any frame left is left
    out.
    """
    people = [person for person in motion if person.vertices is not None and person.boxes is not None]
    surfaces = {person.id: person.vertices.open() for person in people if person.vertices is not None}
    spreads = {
        person.id: person.vertex_uncertainty.open() for person in people if person.vertex_uncertainty is not None
    }
    kept = {person.id: np.ones(len(person), bool) for person in people if person.id in spreads}
    here: dict[int, list[tuple[int, int, np.ndarray, float]]] = {}
    for person in people:
        for row, frame in enumerate(person.frames if person.id in spreads else ()):
            box = np.asarray(person.boxes)[row]
            score = 1.0 if person.confidence is None else float(person.confidence[row])
            here.setdefault(int(frame), []).append((person.id, row, box, score))
    camera = motion.camera
    for each in here.values():
        step = max(1, surfaces[each[0][0]].shape[1] // _POINTS)
        poses = np.stack([surfaces[id][row, ::step] for id, row, _, _ in each]).astype(np.float64)
        spread = np.stack([spreads[id][row, ::step] for id, row, _, _ in each])
        boxes = np.stack([np.r_[box[:2], box[2:] - box[:2], score] for _, _, box, score in each])
        pixels = np.full((*poses.shape[:2], 2), np.nan)
        if camera is not None:
            pixels = project(poses, camera.intrinsics, camera.distortion)
        good = set(plausible(poses, pixels, spread, boxes).tolist())
        for number, (id, row, _, _) in enumerate(each):
            kept[id][row] = number in good
    left = [person.select(kept[person.id]) if person.id in kept else person for person in motion]
    dropped = sum(int((~rows).sum()) for rows in kept.values())
    return motion.replace(people=tuple(person for person in left if len(person))), dropped
