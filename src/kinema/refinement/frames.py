"""The frames of reference in which a body is refined: the camera's, the world, or both.

A body in the camera's frame is refined there, because its noise comes from there; the world fields, which then no
longer fit, are cleared and can be filled again if the camera stood still and its pose is known. Motion capture has no
camera frame, and another system's result may have both without such a camera: there the body in the world is refined
directly, which preserves its gravity, ground and contacts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kinema.motion import Motion
from kinema.person import WORLD_FIELDS, Person
from kinema.skeleton import NUM_BETAS

_HERE = ("pose", "transl", "joints")
"""The fields of the camera's frame, in the order of `WORLD_FIELDS`."""

Change = Callable[[Person, bool], tuple[Person, dict[str, Any]]]


def in_its_frames(motion: Motion, person: Person, change: Change) -> tuple[Person, dict[str, Any]]:
    """The person with the body changed in each frame of reference that it is refined in, and figures of the change.

    change(person, upright): gets the body in pose, transl and joints, in the world's axes if `upright`, and returns the
    person with these changed, and its figures; those of the camera's frame count if there are both.
    """
    seen = person.pose is not None or person.joints is not None
    placed = person.pose_world is not None or person.joints_world is not None
    if seen or not placed:
        changed, figures = change(person.replace(**dict.fromkeys(WORLD_FIELDS)), False)
        if not placed or can_be_placed(motion):
            return changed, figures
    else:
        changed, figures = person, {}
    there = {here: getattr(person, world) for here, world in zip(_HERE, WORLD_FIELDS, strict=True)}
    moved, measured = change(person.replace(**there, **dict.fromkeys(WORLD_FIELDS)), True)
    world = {world: getattr(moved, here) for here, world in zip(_HERE, WORLD_FIELDS, strict=True)}
    return changed.replace(**world), figures or measured


def can_be_placed(motion: Motion) -> bool:
    """Whether `place_in_world` can fill the world again: the camera, or each shot's camera, has one known pose, or it
    moves along a known path.
    """
    camera = motion.camera
    if camera is None or camera.rotation is None:
        return False
    if camera.moving:
        return motion.camera_path is not None
    return camera.rotation.ndim == 2 or len(motion.cuts) > 0


def shape_of(person: Person) -> np.ndarray:
    """(F,10) betas, the average shape for a file without any."""
    return np.zeros((len(person), NUM_BETAS)) if person.betas is None else person.betas
