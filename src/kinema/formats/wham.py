"""WHAM's `wham_output.pkl` (joblib): `{track: {pose trans pose_world trans_world betas frame_ids}}`.

`trans` is SMPL's translation in the camera's frame. `trans_world` is the centre of the hips in WHAM's y-up world, not
SMPL's translation; it is converted with the average body's hips, accurate to two centimetres. The `poses_root_cam
poses_root_world poses_body` layout of WHAM's Python interface is supported, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kinema.formats.foreign import (
    REST_PELVIS,
    betas_from,
    by_track,
    frames_from,
    motion_from,
    pose_from,
    pose_from_parts,
    track_id,
)
from kinema.formats.report import Notes
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.fields import numbers

HIPS_FROM_PELVIS = np.array([0.001, -0.091, -0.006])
"""Metres: the centre of SMPL's hip joints relative to its pelvis in the average body's rest pose."""

_KEYS = {
    "pose", "trans", "pose_world", "trans_world", "betas", "frame_ids", "frame_id", "poses_body", "poses_root_cam",
    "poses_root_world",
}  # fmt: skip


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether an unpickled object is WHAM's (Kinema's has the same keys, plus `kinema_format`)."""
    if not by_track(content, needs=("trans_world",), any_of=("pose_world", "poses_root_world")):
        return False
    return not any("kinema_format" in person for person in content.values())


def read(content: Mapping[Any, Any], path: Path, *, fps: float | None = None) -> Motion:
    """The people of the file in the camera's frame and in the world. Raises InputError, ShapeError."""
    notes = Notes()
    notes.add("trans_world is WHAM's centre of the hips; SMPL's translation was derived from it, to within 2 cm")
    people = []
    for key, person in content.items():
        notes.left_out(person, _KEYS)
        people.append(_person(track_id(key, str(path)), person, f"{path}: person {key}", notes))
    return motion_from("wham", people, path, notes, fps=fps)


def _person(id: int, person: Mapping[str, Any], what: str, notes: Notes) -> Person:
    fields: dict[str, Any] = {}
    if person.get("pose_world") is not None:
        world = pose_from(person["pose_world"], "pose_world", what, notes)
        if person.get("pose") is not None:
            fields["pose"] = pose_from(person["pose"], "pose", what, notes)
    else:
        keys = ("poses_root_world", "poses_body")
        world = pose_from_parts(person[keys[0]], person.get(keys[1]), what, notes, keys)
        if person.get("poses_root_cam") is not None:
            keys = ("poses_root_cam", "poses_body")
            fields["pose"] = pose_from_parts(person[keys[0]], person.get(keys[1]), what, notes, keys)
    n = len(world)
    hips = numbers(person["trans_world"], "trans_world", what, (n, 3))
    offset = axis_angle_to_matrix(world[:, :3]) @ HIPS_FROM_PELVIS
    fields["pose_world"], fields["transl_world"] = world, hips - offset - REST_PELVIS["smpl"]
    if person.get("trans") is not None:
        fields["transl"] = numbers(person["trans"], "trans", what, (n, 3))
    fields["betas"] = betas_from(person.get("betas"), n, what, notes)
    ids = person.get("frame_ids") if person.get("frame_ids") is not None else person.get("frame_id")
    return Person(id=id, frames=frames_from(ids, n, what), **fields)
