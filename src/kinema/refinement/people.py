"""What every stage of refinement does: change one person after another, and report what changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kinema.motion import Motion
from kinema.person import Person
from kinema.stage import Context


def change_people(
    motion: Motion, context: Context, key: str, change: Callable[[Person], tuple[Person, dict[str, Any]]]
) -> Motion:
    """The motion with every person changed. change: returns the new person and figures of what changed.

    The figures go into the person's `data[key]`, and by person id into `people` of the stage's record.
    """
    people, report = [], {}
    for done, person in enumerate(motion.people):
        context.progress(done, len(motion.people))
        changed, figures = change(person)
        people.append(changed.replace(data={**changed.data, key: figures}))
        report[str(person.id)] = figures
    context.progress(len(motion.people), len(motion.people))
    context.facts["people"] = report
    return motion.replace(people=tuple(people))
