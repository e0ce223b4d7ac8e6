"""AMASS `.npz` files and their kin: one person, SMPL parameters under AMASS' keys or smplx's, in any container.

The keys and shapes that are read are in `kinema.formats.amass_keys`; how a file is written in
`kinema.formats.amass_writing`. AMASS' world is z-up; a file whose person stands along y is read as y-up, or as in the
camera's frame, with a note (`kinema.formats.world_axes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError
from kinema.formats.amass_keys import (
    CAMERA,
    KNOWN,
    RATES,
    Fields,
    has_parameters,
    note_gender,
    own_rate,
    rotations,
    shape,
    translation,
)
from kinema.formats.amass_writing import amass_arrays, write
from kinema.formats.foreign import REST_PELVIS, ZUP_FROM_YUP, betas_from, motion_from, yup_from_zup
from kinema.formats.reader_body import AVERAGE_LEGS
from kinema.formats.report import Notes
from kinema.formats.world_axes import world_of
from kinema.geometry.camera import Camera
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.fields import integers, numbers

__all__ = ["amass_arrays", "read", "recognises", "write"]


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether an opened file has SMPL parameters under AMASS' keys or smplx's (3DPW has lists of them there)."""
    return has_parameters(content) and not isinstance(content.get("poses"), list)


def read(content: Mapping[Any, Any], path: Path, *, fps: float | None = None) -> Motion:
    """The person of the file in the y-up world (`pose_world`, `transl_world`) or the camera's frame; `betas`, times.

    fps: frame rate of a file that states none. Lossy: hands, jaw and eyes, betas beyond the tenth, markers and
    soft-tissue terms (dmpls) are left out, as noted in the provenance. The camera is read if Kinema wrote one.
    `body_model` becomes "smpl", "smplh" or "smplx", depending on the file's layout. Raises InputError, ShapeError.
    """
    what, notes = str(path), Notes()
    fields = Fields(content, what)
    pose, layout = rotations(fields, notes)
    pose, trans = translation(fields, pose, layout, notes)
    rate = own_rate(fields, notes)
    if rate is None and fps is None:
        raise InputError(f"{what} lacks {RATES[0]}; give the frame rate with `fps`")
    note_gender(fields, notes)
    notes.left_out(content, KNOWN)
    rest = REST_PELVIS[layout]
    world = world_of(pose, trans, rest, AVERAGE_LEGS[layout])
    if world.metres != 1:
        trans = trans * world.metres
        notes.add(f"trans is in {'centi' if world.metres == 0.01 else 'milli'}metres, by the height of the pelvis")
    if world.up == "z":
        pose, pelvis = yup_from_zup(pose, trans + rest)
        trans = pelvis - rest
    elif world.up == "y":
        notes.add("the world is y-up, not z-up as in AMASS: the person stands along y")
    else:
        notes.add("the person stands along -y: this is the camera's frame, not a world")
    key, betas = shape(fields)
    person = Person(
        id=1,
        frames=np.arange(len(pose)),
        betas=betas_from(betas, len(pose), what, notes, key),
    )
    if world.up == "-y":
        person = person.replace(pose=pose, transl=trans)
    else:
        person = person.replace(pose_world=pose, transl_world=trans)
    return motion_from(
        "amass",
        [person],
        path,
        notes,
        fps=fps,
        own_fps=rate,
        body_model=layout,
        camera=_camera(content, len(pose), what) if world.up == "z" and world.metres == 1 else None,
    )


def _camera(content: Mapping[Any, Any], frames: int, what: str) -> Camera | None:
    """The filming camera of a file that Kinema wrote, in the y-up world; None if any part of it is missing."""
    if any(key not in content for key in CAMERA):
        return None
    size = integers(content["size"], "size", what)
    if size.shape != (2,):
        raise InputError(f"{what}: size must be width and height, found {size.size} numbers")
    return Camera(
        width=int(size[0]),
        height=int(size[1]),
        intrinsics=numbers(content["K"], "K", what, (3, 3)),
        rotation=numbers(content["cam_R"], "cam_R", what, (frames, 3, 3)) @ ZUP_FROM_YUP,
        translation=numbers(content["cam_t"], "cam_t", what, (frames, 3)),
        focal_source="file",
    )
