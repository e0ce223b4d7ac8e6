"""Joints of motions that consist of rotations alone, such as AMASS files, and joints by other definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.body.definitions import joint_regressor
from kinema.body.loading import body_of, load_body
from kinema.errors import UsageError
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import NUM_BETAS, SMPL24

if TYPE_CHECKING:
    from kinema.body import BodyModel

_MADE_FROM = (("joints", "pose", "transl"), ("joints_world", "pose_world", "transl_world"))


def with_joints(motion: Motion, body: BodyModel | None, source: str) -> tuple[Motion, tuple[str, ...]]:
    """The motion with missing joints computed from its rotations and translations, and notes on that.

    They are those of `body` if given, else of the motion's body if that is the free one, else of the free body with the
    average shape, because betas of one body mean nothing on another.
    """
    lacking = [_lacking(person) for person in motion]
    if not any(lacking):
        return motion, ()
    own = body_of(motion, body)
    chosen = own or load_body()
    people = []
    for person, fields in zip(motion, lacking, strict=True):
        betas = np.zeros(NUM_BETAS) if own is None or person.betas is None else person.betas
        made: dict[str, Any] = {
            joints: chosen.joints(getattr(person, pose), betas, getattr(person, transl))
            for joints, pose, transl in fields
        }
        people.append(person.replace(**made))
    note = f"{source} holds rotations and no joints; they are those of the {chosen.name} body"
    if own is None:
        note += f" of average shape, since the file is for {motion.body_model or 'another body'}; set `body_model`"
    return motion.replace(people=tuple(people)), (note,)


def redefined(motion: Motion, definition: str, body: BodyModel | None = None) -> Motion:
    """The motion with another definition's joints (`kinema.body.definitions`) in place of SMPL's of the same names.

    They are means of vertices of `body`, or of the free body if the motion is for that, and move with the joints.
    Raises UsageError for an unknown definition, and for a motion whose body is not at hand.
    """
    if definition == "smpl":
        return motion
    own = body_of(motion, body)
    if own is None:
        raise UsageError(
            f"joints as {definition} defines them lie on the skin of the {motion.body_model or 'body'}, which is not"
            " at hand; set `body_model`"
        )
    regressor = joint_regressor(own, definition)
    columns = [k for k, name in enumerate(regressor.names) if name in SMPL24]
    places = SMPL24.indices([regressor.names[k] for k in columns])
    people = []
    for person in motion:
        changed: dict[str, Any] = {}
        for joints, pose, transl in _MADE_FROM:
            old, turned, moved = (getattr(person, name) for name in (joints, pose, transl))
            if old is None or turned is None or moved is None or person.betas is None:
                continue
            changed[joints] = old.copy()
            changed[joints][:, places] = regressor.posed(own, turned, person.betas, moved)[:, columns]
        people.append(person.replace(**changed))
    return motion.replace(people=tuple(people))


def _lacking(person: Person) -> list[tuple[str, str, str]]:
    """(joints, pose, transl): the missing joints that can be computed. None if any frame has joints."""
    if person.joints is not None or person.joints_world is not None:
        return []
    return [
        names for names in _MADE_FROM if getattr(person, names[1]) is not None and getattr(person, names[2]) is not None
    ]
