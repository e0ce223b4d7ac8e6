"""The contents of a motion file: entries, shapes, units, ranges, frame rate, gaps, and the type of motion."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinema.brief import Brief
from kinema.formats import infer_format
from kinema.formats.containers import open_container
from kinema.formats.foreign import NOTES
from kinema.motion import Motion
from kinema.person import PERSON_FIELDS, Person
from kinema.quality import video2pkl
from kinema.quality.ground import ground_level
from kinema.quality.motion_type import motion_type
from kinema.quality.report import to_dict
from kinema.quality.skeletons import skeleton_of
from kinema.quality.trajectory import trajectory_of
from kinema.quality.validation import Validation, validate_file
from kinema.skeleton import SMPL24

MAX_ENTRIES = 200
"""Largest number of a file's entries that are listed."""


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(Brief):
    """The result of `diagnose_file`.

    path; format: its name, None where no reader matches; contents: the file's own entries, from `describe_contents`;
    people: one dict each; validation: the result of `validate_file`. The motion is `validation.motion`.
    """

    path: Path
    format: str | None
    contents: list[dict[str, Any]]
    people: list[dict[str, Any]]
    validation: Validation

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        motion = self.validation.motion
        plain: dict[str, Any] = {"file": str(self.path), "format": self.format, "contents": self.contents}
        if motion is not None:
            plain |= describe_clip(motion)
        report = to_dict(self.validation)
        keys = ("verdict", "verdicts", "problems")
        return plain | {"people": self.people, "validation": {key: report[key] for key in keys}}


def diagnose_file(
    path: str | Path, *, profile: str = "default", format: str | None = None, fps: float | None = None
) -> Diagnosis:
    """Inspect a motion file of any format that Kinema reads; nothing in it is executed.

    profile: "default" or "video2pkl" (alias "fork"). A file that cannot be read gives a diagnosis that says so. Raises
    InputError where there is no file, UsageError for an unknown profile or format.
    """
    path = Path(path)
    validation = validate_file(path, profile=profile, format=format, fps=fps)
    motion = validation.motion
    if motion is None:
        return Diagnosis(path, None, [], [], validation)
    with open_container(path) as content:
        contents = describe_contents(content)
    name = infer_format(path).name if format is None else format
    reports = {report.person.id: report for report in validation.people}
    with np.errstate(all="ignore"):
        people = [describe_person(motion, person, validation.profile) for person in motion]
    for person in people:
        report = reports[person["id"]]
        person |= {"verdict": report.verdict, "bad_frames": report.bad_frames, "measures": report.figures}
    return Diagnosis(path, name, contents, people, validation)


def describe_clip(motion: Motion) -> dict[str, Any]:
    """The clip as a whole: source, frame rate, camera, stages, readers' notes."""
    steps = np.diff(motion.times)
    even = bool(len(steps) == 0 or np.ptp(steps) < 0.01 * np.median(steps))
    camera = motion.camera
    return {
        "source": motion.source,
        "body_model": motion.body_model,
        "frames": motion.num_frames,
        "fps": round(motion.fps, 4),
        "constant_rate": even,
        "seconds": round(float(motion.times[-1] - motion.times[0]), 4) if motion.num_frames else 0.0,
        "image_size": [motion.width, motion.height],
        "camera": None if camera is None else {
            "focal": round(float(camera.intrinsics[0, 0]), 2), "source": camera.focal_source, "moving": camera.moving,
            "world": camera.rotation is not None,
        },
        "stages": [record.name for record in motion.provenance],
        "notes": list(motion.data.get(NOTES, ())),
    }  # fmt: skip


def describe_person(motion: Motion, person: Person, profile: str = "default") -> dict[str, Any]:
    """One person: frames, gaps, fields with shape, unit and range, leg length, and the type of motion."""
    plain: dict[str, Any] = {"id": person.id, "frames": len(person)}
    if len(person):
        plain |= {"first_frame": int(person.frames[0]), "last_frame": int(person.frames[-1])}
    plain["fields"] = {name: _field(getattr(person, name), PERSON_FIELDS[name].unit) for name in person.filled}
    trajectory = trajectory_of(motion, person)
    if len(person):
        numbers = np.diff(person.frames) - 1
        plain["missing_frames"] = int(np.maximum(numbers, trajectory.paused).sum())
    plain["frame_of_reference"] = "world" if trajectory.world else "camera"
    if profile == "video2pkl":
        transl = person.transl_world if person.transl is None else person.transl
        plain["motion_type"] = None
        if transl is not None and len(transl):
            plain["motion_type"] = video2pkl.motion_type_report(transl, motion.fps)
    else:
        kind = motion_type(trajectory)
        plain["motion_type"] = None if kind is None else _rounded(dataclasses.asdict(kind))
    if trajectory.joints is not None and len(person):
        plain["skeleton"] = {"own": skeleton_of(motion, person).own, "leg_metres": _leg_length(trajectory.joints)}
        if trajectory.world:
            plain["ground"] = round(ground_level(trajectory), 3)
    return plain


def _leg_length(joints: np.ndarray) -> float:
    """Leg length, hip to knee to ankle, metres: median over frames, mean of both sides; 0.7 to 0.95 in adults."""
    total = 0.0
    for side in ("left", "right"):
        hip, knee, ankle = (joints[:, SMPL24.index(f"{side}_{name}")] for name in ("hip", "knee", "ankle"))
        lengths = np.linalg.norm(knee - hip, axis=-1) + np.linalg.norm(ankle - knee, axis=-1)
        total += float(np.median(lengths))
    return round(total / 2, 4)


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in values.items()}


def _field(array: np.ndarray, unit: str) -> dict[str, Any]:
    plain: dict[str, Any] = {"shape": list(array.shape), "unit": unit}
    if array.dtype == bool:
        return plain | {"share": round(float(array.mean()), 4) if array.size else None}
    finite = array[np.isfinite(array)]
    if finite.size:
        plain |= {"least": _short(finite.min()), "most": _short(finite.max())}
    if finite.size < array.size:
        plain["missing"] = int(array.size - finite.size)
    return plain


def _short(value: Any) -> float:
    return float(f"{float(value):.5g}")


def describe_contents(content: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """The entries of a file, and those of each person in it: name, kind, shape, dtype, and range of values."""
    entries: list[dict[str, Any]] = []
    for key in list(content)[:MAX_ENTRIES]:
        value = content[key]
        if isinstance(value, Mapping):
            entries += [_entry(f"{_name(key)}.{_name(inner)}", v) for inner, v in list(value.items())[:MAX_ENTRIES]]
        else:
            entries.append(_entry(_name(key), value))
        if len(entries) >= MAX_ENTRIES:
            break
    return entries[:MAX_ENTRIES]


def _name(key: Any) -> str:
    if isinstance(key, int) and key.bit_length() > 1000:
        return f"an integer of {key.bit_length()} bits"  # too long for Python to print
    return "".join(c if c.isprintable() else "?" for c in str(key))[:60]


def _entry(name: str, value: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name}
    if isinstance(value, np.ndarray):
        entry |= {"kind": "array", "shape": list(value.shape), "dtype": str(value.dtype)}
        if value.dtype.kind in "fiu" and value.size:
            finite = value[np.isfinite(value)]
            if finite.size:
                entry |= {"least": _short(finite.min()), "most": _short(finite.max())}
            if finite.size < value.size:
                entry["not_finite"] = int(value.size - finite.size)
    elif isinstance(value, (bool, int, float, str, np.generic)) or value is None:
        entry |= {"kind": type(value).__name__, "value": _name(value)}
    else:
        entry |= {"kind": type(value).__name__}
        if hasattr(value, "__len__"):
            entry["length"] = len(value)
    return entry
