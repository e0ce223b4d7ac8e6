"""The loop of every refinement stage: change one person after another, and report what changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kinema.motion import Motion
from kinema.person import Person, join_people
from kinema.stage import Context


def change_people(
    motion: Motion, context: Context, key: str, change: Callable[[Person], tuple[Person, dict[str, Any]]]
) -> Motion:
    """The motion with every person changed. change: returns the new person and figures of what changed.

    It is called separately for each shot of a person, so that nothing reaches across a camera cut; the figures of
    several shots are averaged over their frames. The figures go into the person's `data[key]`, and by person id into
    `people` of the stage's record.
    """
    people, report = [], {}
    for done, person in enumerate(motion.people):
        context.progress(done, len(motion.people))
        changes = [change(part) for part in motion.parts(person)]
        changed, figures = changes[0]
        if len(changes) > 1:
            changed = join_people(person.id, tuple(part for part, _ in changes))
            figures = _averaged([found for _, found in changes], [len(part) for part, _ in changes])
        people.append(changed.replace(data={**changed.data, key: figures}))
        report[str(person.id)] = figures
    context.progress(len(motion.people), len(motion.people))
    context.facts["people"] = report
    return motion.replace(people=tuple(people))


def _averaged(figures: list[Any], frames: list[int]) -> Any:
    """Numbers, also in nested dicts, averaged over the frames; of other values, all distinct ones."""
    head = figures[0]
    if all(isinstance(each, dict) for each in figures):
        held: dict[str, list[tuple[Any, int]]] = {}
        for each, count in zip(figures, frames, strict=True):
            for name, value in each.items():
                held.setdefault(name, []).append((value, count))
        return {name: _averaged([value for value, _ in own], [n for _, n in own]) for name, own in held.items()}
    if all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in figures):
        return float(np.average(figures, weights=frames))
    if all(isinstance(each, list) for each in figures):
        return [entry for each in figures for entry in each]
    return head if all(each == head for each in figures) else figures
