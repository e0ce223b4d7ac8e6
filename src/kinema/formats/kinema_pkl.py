"""Kinema's `.pkl`: `{track id: {...}}`, a plain dict of numpy arrays that opens without Kinema.

It is a protocol 4 pickle of dicts, lists, strings, numbers and numpy arrays, with numpy's old module names, so that
`pickle.load` and `joblib.load` read it on Python 3.4 or later with any numpy, old or new.

The top level holds track ids only. Each person's dict has PARE's keys (see `pare_keys`), `trans`, `trans_world`,
`pose_world`, `global_orient`, `fps`, `contacts`, every other field of `kinema.person.Person` under its own name, and
the clip's data (`clip_times`, `camera`, ...), the same for everybody in a file. docs/file-formats.md lists all keys.

A motion without people becomes an empty dict, which loses the clip's data; the `.npz` keeps it.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import InputError
from kinema.formats.clip import FORMAT_VERSION, clip_from_plain, clip_to_plain
from kinema.formats.pare_keys import pare_keys
from kinema.motion import Motion
from kinema.person import PERSON_FIELDS, Person
from kinema.storage.atomic import atomic_path
from kinema.storage.fields import integers, mapping, numbers, require_keys, scalar, text
from kinema.storage.stored import StoredArray

if TYPE_CHECKING:
    from kinema.body import BodyModel

_VERSION_KEY = "kinema_format"


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether the unpickled object was written by Kinema. An empty dict was: a clip without people."""
    if not isinstance(content, dict):
        return False
    return all(isinstance(person, Mapping) and _VERSION_KEY in person for person in content.values())


def write(motion: Motion, path: Path, *, body: BodyModel | None = None, vertices: bool = False) -> Path:
    """Write the motion.

    body: used for `joints3d`, `smpl_joints2d` and `verts`; None loads the free body for motions fitted
    with it and leaves those keys None for any other body. vertices: fill `verts` (n,V,3) float32.
    """
    if any(person.pose is not None for person in motion):
        from kinema.body.loading import body_of  # not needed for motions without poses

        body = body_of(motion, body)
    clip = clip_to_plain(motion)
    content = {
        int(person.id): {_VERSION_KEY: FORMAT_VERSION, **_person_to_plain(motion, person, body, vertices, path), **clip}
        for person in motion
    }
    write_pickle(content, path)
    return path


def write_pickle(content: Mapping[Any, Any], path: Path) -> None:
    """Write plain values and arrays as a pickle that any Python and numpy can open, atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        _PortablePickler(file, protocol=4).dump(content)


def read(content: Mapping[Any, Any], path: Path) -> Motion:
    """The motion as written, exact in every field. Raises InputError, ShapeError."""
    if not content:
        return Motion(times=np.zeros(0), width=0, height=0)
    clip: dict[str, Any] | None = None
    people = []
    for key, plain in content.items():
        what = f"{path}: person {key}"
        version = scalar(plain[_VERSION_KEY], _VERSION_KEY, what)
        if version > FORMAT_VERSION:
            raise InputError(f"{path} was written by a newer Kinema (format {version:g}); update Kinema to read it")
        own = clip_from_plain(plain, what)
        if clip is None:
            clip = own
        elif not _same_clip(clip, own):
            raise InputError(f"{what} belongs to another clip than the person before; keep one clip in each file")
        people.append(_person_from_plain(key, plain, what, path.parent))
    return Motion(people=tuple(people), **(clip or {}))


def _person_to_plain(
    motion: Motion, person: Person, body: BodyModel | None, vertices: bool, path: Path
) -> dict[str, Any]:
    plain = pare_keys(motion, person, body, vertices=vertices)
    plain["global_orient"] = person.global_orient
    plain["fps"] = motion.fps
    plain["times"] = motion.times[person.frames]
    plain["keypoint_set"] = person.keypoint_set
    if person.keypoint3d_set != person.keypoint_set and person.keypoint3d_set is not None:
        plain["keypoint3d_set"] = person.keypoint3d_set
    for name, field in PERSON_FIELDS.items():
        value = getattr(person, name)
        if value is not None or field.always:
            plain[field.pkl] = value.to_plain(path.parent) if isinstance(value, StoredArray) else value
    if person.data:
        plain["data"] = dict(person.data)
    return plain


def _person_from_plain(key: Any, plain: Mapping[str, Any], what: str, folder: Path) -> Person:
    require_keys(plain, ("frame_ids",), what)
    if isinstance(key, (bool, np.bool_)) or not isinstance(key, (int, np.integer)):
        raise InputError(f"{what}: a track id must be a whole number")
    fields: dict[str, Any] = {}
    for name, field in PERSON_FIELDS.items():
        value = plain.get(field.pkl)
        if value is None:
            continue
        if field.stored:
            fields[name] = StoredArray.from_plain(value, f"{what}: {field.pkl}", folder)
        else:
            fields[name] = numbers(value, field.pkl, what, nan=field.may_hold_nan)
    for name in ("keypoint_set", "keypoint3d_set"):
        if plain.get(name) is not None:
            fields[name] = text(plain[name], name, what)
    fields["data"] = mapping(plain.get("data"), "data", what)
    return Person(id=int(key), frames=integers(plain["frame_ids"], "frame_ids", what), **fields)


def _same_clip(a: dict[str, Any], b: dict[str, Any]) -> bool:
    same_size = (a["width"], a["height"]) == (b["width"], b["height"])
    return same_size and np.array_equal(a["times"], b["times"]) and np.array_equal(a["cuts"], b["cuts"])


# The C pickler does not allow changing the names it writes; the one in Python does (joblib builds on it, too).
_PythonPickler: Any = pickle._Pickler


class _PortablePickler(_PythonPickler):  # type: ignore[misc]  # it has no types
    """A pickler that writes numpy 1's module names, which numpy 2 still accepts.

    numpy 2 calls its array factory `numpy._core.multiarray._reconstruct`; files with that name cannot be opened with
    numpy 1, files with `numpy.core` can be opened with both.
    """

    def save_global(self, obj: Any, name: str | None = None) -> None:
        module = getattr(obj, "__module__", None) or ""
        if not module.startswith("numpy._core."):
            super().save_global(obj, name)
            return
        portable = module.replace("numpy._core.", "numpy.core.", 1)
        qualified = name or obj.__qualname__
        if getattr(sys.modules[module], qualified, None) is not obj:
            raise pickle.PicklingError(f"{module}.{qualified} cannot be written under its old name")
        self.save(portable)
        self.save(qualified)
        self.write(pickle.STACK_GLOBAL)
        self.memoize(obj)
