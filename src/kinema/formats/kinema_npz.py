"""Kinema's `.npz`: AMASS' keys for the first person, plus the whole motion; no pickled objects.

`np.load` opens it anywhere; Blender's SMPL add-ons and other AMASS readers see the first person (the one present
longest) in a z-up world; `Motion.load` restores every field exactly, from the keys that begin with `kinema.`. AMASS
files hold one person, so each of the others is also written as a separate AMASS file, `name_<id>.npz`, next to the
first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import InputError, quoted
from kinema.formats.amass_writing import amass_arrays, person_path, posed_people, write_arrays
from kinema.formats.clip import FORMAT_VERSION, clip_from_plain, clip_to_plain
from kinema.formats.timeline import without_pauses
from kinema.motion import Motion
from kinema.person import PERSON_FIELDS, Person
from kinema.storage.fields import integers, mapping, numbers, require_keys, scalar, text
from kinema.storage.stored import StoredArray

if TYPE_CHECKING:
    from kinema.body import BodyModel

_PREFIX = "kinema."
_VERSION_KEY = "kinema.format"
_CAMERA_ARRAYS = ("intrinsics", "distortion", "rotation", "translation")
MAX_JSON = 16 * 2**20
"""Largest accepted JSON text in a file, characters; provenance takes a few thousand."""


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether the opened file was written by Kinema."""
    return _VERSION_KEY in content and not isinstance(content, dict)


def write(motion: Motion, path: Path, *, body: BodyModel | None = None) -> Path:
    """Write the motion, and an AMASS file for every person but the first."""
    arrays: dict[str, np.ndarray] = {}
    played = without_pauses(motion)
    posed = posed_people(played)
    if posed:
        arrays.update(amass_arrays(played, posed[0], body))
    write_arrays(arrays | motion_arrays(motion, path.parent), path)
    for person in posed[1:]:
        write_arrays(amass_arrays(played, person, body), person_path(path, person))
    return path


def motion_arrays(motion: Motion, folder: Path | None = None) -> dict[str, np.ndarray]:
    """The whole motion as arrays by name, with everything else as JSON text in one of them; `read` is the inverse.

    folder: where the file will lie.
    """
    clip = clip_to_plain(motion)
    arrays: dict[str, np.ndarray] = {}
    arrays[_VERSION_KEY] = np.array(FORMAT_VERSION)
    arrays["kinema.clip_times"] = clip.pop("clip_times")
    arrays["kinema.image_size"] = clip.pop("image_size")
    if "cuts" in clip:
        arrays["kinema.cuts"] = clip.pop("cuts")
    camera = clip["camera"]
    for name in _CAMERA_ARRAYS if camera is not None else ():
        value = camera.pop(name)
        if value is not None:
            arrays[f"kinema.camera.{name}"] = value
    clip["keypoint_sets"] = {str(person.id): person.keypoint_set for person in motion}
    others = {str(p.id): p.keypoint3d_set for p in motion if p.keypoint3d_set not in (None, p.keypoint_set)}
    if others:
        clip["keypoint3d_sets"] = others
    arrays |= _split(clip, "clip_data", "kinema.data.")
    people_data: dict[str, Any] = {}
    for person in motion:
        own: dict[str, Any] = {"data": dict(person.data)}
        arrays |= _split(own, "data", f"kinema.{person.id}.data.")
        stored = {n: v.to_plain(folder) for n in person.filled if isinstance(v := getattr(person, n), StoredArray)}
        if own or stored:
            people_data[str(person.id)] = {**own, **({"stored": stored} if stored else {})}
    if people_data:
        clip["people_data"] = people_data
    arrays["kinema.clip"] = np.array(json.dumps(clip))
    arrays["kinema.people"] = np.array([person.id for person in motion], dtype=np.int64)
    for person in motion:
        arrays[f"kinema.{person.id}.frames"] = person.frames
        for field in person.filled:
            if not PERSON_FIELDS[field].stored:
                arrays[f"kinema.{person.id}.{field}"] = getattr(person, field)
    return arrays


def read(content: Mapping[Any, Any], path: Path) -> Motion:
    """The motion as written, exact in every field. Raises InputError, ShapeError."""
    what = str(path)
    version = scalar(content[_VERSION_KEY], _VERSION_KEY, what)
    if version > FORMAT_VERSION:
        raise InputError(f"{path} was written by a newer Kinema (format {version:g}); update Kinema to read it")
    require_keys(content, ("kinema.clip_times", "kinema.image_size", "kinema.clip", "kinema.people"), what)
    plain = _json(content["kinema.clip"], what)
    sets = {"keypoint_set": plain.pop("keypoint_sets", {}), "keypoint3d_set": plain.pop("keypoint3d_sets", {})}
    people_data = mapping(plain.pop("people_data", None), "people_data of kinema.clip", what)
    if plain.get("camera") is not None:
        if not isinstance(plain["camera"], dict):
            raise InputError(f"{what}: kinema.clip must describe the camera by a dict")
        for name in _CAMERA_ARRAYS:
            if f"kinema.camera.{name}" in content:
                plain["camera"][name] = content[f"kinema.camera.{name}"]
    plain["clip_times"], plain["image_size"] = content["kinema.clip_times"], content["kinema.image_size"]
    if "kinema.cuts" in content:
        plain["cuts"] = content["kinema.cuts"]
    clip = clip_from_plain(plain, what)
    ids = integers(content["kinema.people"], "kinema.people", what)
    for name, of_people in sets.items():
        if not isinstance(of_people, dict):
            raise InputError(f"{what}: {name}s of kinema.clip must be a dict")
    clip["data"] |= {
        key.removeprefix("kinema.data."): content[key] for key in content if key.startswith("kinema.data.")
    }
    people = tuple(
        _person(int(id), content, {n: of.get(str(id)) for n, of in sets.items()}, people_data.get(str(id)), path)
        for id in ids
    )
    return Motion(people=people, **clip)


def _split(plain: dict[str, Any], key: str, prefix: str) -> dict[str, np.ndarray]:
    """Move the arrays out of plain[key], under prefixed names; plain[key] is removed if nothing else is left."""
    data = plain.pop(key, {})
    rest = {name: value for name, value in data.items() if not isinstance(value, np.ndarray)}
    if rest:
        plain[key] = rest
    return {f"{prefix}{name}": value for name, value in data.items() if isinstance(value, np.ndarray)}


def _person(id: int, content: Mapping[Any, Any], sets: Mapping[str, Any], own_data: Any, path: Path) -> Person:
    what = str(path)
    prefix = f"{_PREFIX}{id}."
    require_keys(content, (f"{prefix}frames",), what)
    own = {key.removeprefix(prefix): key for key in content if key.startswith(prefix)}
    frames = integers(content[own.pop("frames")], f"{prefix}frames", what)
    data_keys = {name: own.pop(name) for name in list(own) if name.startswith("data.")}
    strange = sorted(set(own) - {name for name, field in PERSON_FIELDS.items() if not field.stored})
    if strange:
        raise InputError(
            f"{what}: person {id} has fields that Kinema does not know: {quoted(', '.join(strange), 200, mark='')}"
        )
    fields: dict[str, Any] = {
        name: numbers(content[key], key, what, nan=PERSON_FIELDS[name].may_hold_nan) for name, key in own.items()
    }
    fields |= {name: text(chosen, name, what) for name, chosen in sets.items() if chosen is not None}
    more = mapping(own_data, f"people_data of person {id}", what)
    for name, plain in mapping(more.get("stored"), "stored", what).items():
        if name not in PERSON_FIELDS or not PERSON_FIELDS[name].stored:
            raise InputError(f"{what}: person {id} keeps {quoted(name)} in a file, which Kinema does not know")
        fields[name] = StoredArray.from_plain(plain, f"{what}: {name}", path.parent)
    data = mapping(more.get("data"), "data", what) | {
        name.removeprefix("data."): content[key] for name, key in data_keys.items()
    }
    return Person(id=id, frames=frames, data=data, **fields)


def _json(value: np.ndarray, what: str) -> dict[str, Any]:
    written = text(value, "kinema.clip", what)
    if len(written) > MAX_JSON:
        raise InputError(f"{what}: kinema.clip is longer than Kinema ever writes")
    try:
        plain = json.loads(written)
        if "\\u" in written:  # escapes of lone surrogates, which can neither be printed nor written
            plain = json.loads(json.dumps(plain, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8"))
    except (ValueError, RecursionError):
        raise InputError(f"{what}: kinema.clip is not JSON; the file is damaged") from None
    if not isinstance(plain, dict):
        raise InputError(f"{what}: kinema.clip must be a JSON object")
    return plain
