"""Leaving out people of crowded frames, as the NLF program does with more detections than are wanted."""

from __future__ import annotations

import numpy as np

from kinema.motion import Motion


def surest_people(motion: Motion, most: int) -> tuple[Motion, int]:
    """The motion with the `most` surest people of every frame, and how many frames of people were left out.

    Of people who are as sure as each other the one with the lower id is kept, so that a track is not torn. A person
    without any frame left is left out.
    """
    here: dict[int, list[tuple[float, int, int]]] = {}
    for person in motion:
        for row, frame in enumerate(person.frames):
            score = 1.0 if person.confidence is None else float(person.confidence[row])
            here.setdefault(int(frame), []).append((-score, person.id, row))
    kept = {person.id: np.ones(len(person), bool) for person in motion}
    for everybody in here.values():
        for _, id, row in sorted(everybody)[most:]:
            kept[id][row] = False
    left = [person.select(kept[person.id]) for person in motion]
    dropped = sum(int((~rows).sum()) for rows in kept.values())
    return motion.replace(people=tuple(person for person in left if len(person))), dropped
