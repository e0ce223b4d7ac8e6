"""Kinema's `.npz`: AMASS' keys for the first person, and the whole motion beside them; no pickled objects.

`np.load` opens it everywhere, Blender's SMPL add-ons and other AMASS readers see the first person (the one
present longest) in a z-up world, and `Motion.load` gets back every field exactly, from keys that begin with
`kinema.`. AMASS files hold one person; with several, each of the others is also written as an AMASS file
of its own, `name_<id>.npz`, beside the first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import InputError
from kinema.files.amass import amass_arrays, person_path, write_arrays
from kinema.files.clip import FORMAT_VERSION, clip_from_plain, clip_to_plain
from kinema.files.fields import integers, numbers, require_keys, scalar, text
from kinema.motion import Motion, Person

if TYPE_CHECKING:
    from kinema.body import BodyModel

_PREFIX = "kinema."
_VERSION_KEY = "kinema.format"
_CAMERA_ARRAYS = ("intrinsics", "distortion", "rotation", "translation")
_MAY_HOLD_NAN = ("boxes", "keypoints", "keypoints3d", "reprojection_error")
MAX_JSON = 16 * 2**20
"""Characters of the JSON text in a file; provenance takes a few thousand."""


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether the opened file is one that Kinema wrote."""
    return _VERSION_KEY in content and not isinstance(content, dict)


def write(motion: Motion, path: Path, *, body: BodyModel | None = None, vertices: bool = False) -> Path:
    """Write the motion, and an AMASS file for every person but the first. `vertices` are not held."""
    clip = clip_to_plain(motion)
    arrays: dict[str, np.ndarray] = {}
    posed = [person for person in motion if person.pose is not None or person.pose_world is not None]
    posed = [person for person in posed if len(person)]
    if posed:
        arrays.update(amass_arrays(motion, posed[0], body))
    arrays[_VERSION_KEY] = np.array(FORMAT_VERSION)
    arrays["kinema.clip_times"] = clip.pop("clip_times")
    arrays["kinema.image_size"] = clip.pop("image_size")
    camera = clip["camera"]
    for name in _CAMERA_ARRAYS if camera is not None else ():
        value = camera.pop(name)
        if value is not None:
            arrays[f"kinema.camera.{name}"] = value
    clip["keypoint_sets"] = {str(person.id): person.keypoint_set for person in motion}
    arrays["kinema.clip"] = np.array(json.dumps(clip))
    arrays["kinema.people"] = np.array([person.id for person in motion], dtype=np.int64)
    for person in motion:
        arrays[f"kinema.{person.id}.frames"] = person.frames
        for field in person.filled:
            arrays[f"kinema.{person.id}.{field}"] = getattr(person, field)
    write_arrays(arrays, path)
    for person in posed[1:]:
        write_arrays(amass_arrays(motion, person, body), person_path(path, person))
    return path


def read(content: Mapping[Any, Any], path: Path) -> Motion:
    """The motion that `write` wrote, exact in every field. Raises InputError, ShapeError."""
    what = str(path)
    version = scalar(content[_VERSION_KEY], _VERSION_KEY, what)
    if version > FORMAT_VERSION:
        raise InputError(f"{path} was written by a newer Kinema (format {version:g}); update Kinema to read it")
    require_keys(content, ("kinema.clip_times", "kinema.image_size", "kinema.clip", "kinema.people"), what)
    plain = _json(content["kinema.clip"], what)
    keypoint_sets = plain.pop("keypoint_sets", {})
    if plain.get("camera") is not None:
        if not isinstance(plain["camera"], dict):
            raise InputError(f"{what}: kinema.clip must describe the camera by a dict")
        for name in _CAMERA_ARRAYS:
            if f"kinema.camera.{name}" in content:
                plain["camera"][name] = content[f"kinema.camera.{name}"]
    plain["clip_times"], plain["image_size"] = content["kinema.clip_times"], content["kinema.image_size"]
    clip = clip_from_plain(plain, what)
    ids = integers(content["kinema.people"], "kinema.people", what)
    if not isinstance(keypoint_sets, dict):
        raise InputError(f"{what}: keypoint_sets of kinema.clip must be a dict")
    people = tuple(_person(int(id), content, keypoint_sets.get(str(id)), what) for id in ids)
    return Motion(people=people, **clip)


def _person(id: int, content: Mapping[Any, Any], keypoint_set: Any, what: str) -> Person:
    prefix = f"{_PREFIX}{id}."
    require_keys(content, (f"{prefix}frames",), what)
    own = {key.removeprefix(prefix): key for key in content if key.startswith(prefix)}
    frames = integers(content[own.pop("frames")], f"{prefix}frames", what)
    known = set(Person.__dataclass_fields__) - {"id", "frames", "keypoint_set"}
    strange = sorted(set(own) - known)
    if strange:
        raise InputError(f"{what}: person {id} has fields that Kinema does not know: {', '.join(strange)}")
    fields = {name: numbers(content[key], key, what, nan=name in _MAY_HOLD_NAN) for name, key in own.items()}
    if keypoint_set is not None:
        keypoint_set = text(keypoint_set, "keypoint_set", what)
    return Person(id=id, frames=frames, keypoint_set=keypoint_set, **fields)


def _json(value: np.ndarray, what: str) -> dict[str, Any]:
    written = text(value, "kinema.clip", what)
    if len(written) > MAX_JSON:
        raise InputError(f"{what}: kinema.clip is longer than any that Kinema writes")
    try:
        plain = json.loads(written)
    except (ValueError, RecursionError):
        raise InputError(f"{what}: kinema.clip is not JSON; the file is damaged") from None
    if not isinstance(plain, dict):
        raise InputError(f"{what}: kinema.clip must be a JSON object")
    return plain
