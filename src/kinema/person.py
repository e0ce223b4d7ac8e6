"""Person: one tracked person, as arrays whose first axis is the person's own frames."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kinema.checks import checked, frozen, integers
from kinema.errors import ShapeError, UsageError, quoted
from kinema.fields import Field, per_frame, table_of
from kinema.provenance import jsonable
from kinema.skeleton import CONTACT_POINTS, JOINT_SETS, NUM_BETAS, NUM_POSE, OTHER_NAMES
from kinema.storage.stored import StoredArray

LOCATED = "located_joints"
"""Key in a person's data of the joints (F,24,3) that a network located, metres, camera; `joints` are those of the body
that was fitted to them."""

POINTS, POINT_UNCERTAINTY = "located_points", "located_point_uncertainty"
"""Keys in a person's data of further points (F,N,3) that a network was asked for, metres, camera, and of their
uncertainties (F,N), metres."""

OUTLINES = "outlines"
"""Key in a person's data of the outlines of some frames: `frames`, and for each of them `contours`, polygons as COCO
writes them, x1 y1 x2 y2 ... pixels, holes among them (even-odd rule), and `hidden`, boxes x1 y1 x2 y2 of other people,
inside which nothing is known."""


@dataclass(frozen=True, eq=False, repr=False)
class Person:
    """One tracked person. Every field is None until a stage fills it; the first axis is the person's own frames.

    id: the track's number, unique in the motion. frames (F,) int: indices into `Motion.times`, strictly increasing;
    a gap means that the person was away. keypoint_set, keypoint3d_set: names of the joint sets (`kinema.skeleton`) of
    the 2D and the 3D keypoints; the second defaults to the first. data: anything else about the person, by name, as
    arrays whose first axis is the frames, or JSON values.

    `PERSON_FIELDS` has shape, unit and meaning of every other field. Arrays are read-only.
    """

    id: int
    frames: np.ndarray
    # Evidence in the image
    boxes: np.ndarray | None = per_frame(4, unit="px", meaning="x1 y1 x2 y2 as tracked", may_hold_nan=True)
    confidence: np.ndarray | None = per_frame(unit="0..1", meaning="of the track", share=True)
    observed: np.ndarray | None = per_frame(unit="yes/no", meaning="False where a stage filled a gap", boolean=True)
    keypoint_set: str | None = None
    keypoints: np.ndarray | None = per_frame("K", 2, unit="px", meaning="2D, NaN: not seen", may_hold_nan=True)
    keypoint_confidence: np.ndarray | None = per_frame("K", unit="0..1", meaning="of each 2D keypoint", share=True)
    keypoint3d_set: str | None = None
    keypoints3d: np.ndarray | None = per_frame(
        "L", 3,
        unit="m, mid-hip relative, camera axes",
        meaning="the keypoint network's or the lifter's 3D guess, NaN: not seen",
        may_hold_nan=True,
    )  # fmt: skip
    keypoint3d_uncertainty: np.ndarray | None = per_frame(
        "L", unit="m", meaning="standard deviation of each 3D keypoint", may_hold_nan=True, always=False
    )
    masks: StoredArray | None = per_frame(
        "H", "W", unit="yes/no", meaning="the pixels of the person, in a file", stored=True, always=False
    )
    # Body in the camera's frame
    pose: np.ndarray | None = per_frame(
        NUM_POSE, unit="rad, axis-angle, camera", meaning="SMPL order, the first three are global_orient"
    )
    betas: np.ndarray | None = per_frame(NUM_BETAS, unit="deviations", meaning="SMPL shape")
    transl: np.ndarray | None = per_frame(
        3, unit="m, camera", meaning="added to the vertices (the pelvis is transl plus the rest pelvis)", pkl="trans"
    )
    scale: np.ndarray | None = per_frame(unit="1", meaning="size of the body relative to that of betas", always=False)
    joints: np.ndarray | None = per_frame(24, 3, unit="m, camera", meaning="the SMPL joints of that body")
    joint_uncertainty: np.ndarray | None = per_frame(
        24, unit="m", meaning="standard deviation of each joint", may_hold_nan=True, always=False
    )
    joint_seen: np.ndarray | None = per_frame(
        24, unit="yes/no", meaning="whether keypoints show the joint; False: estimated", boolean=True, always=False
    )
    vertices: StoredArray | None = per_frame(
        "V", 3, unit="m, camera", meaning="the surface, in a file", stored=True, always=False
    )
    vertex_uncertainty: StoredArray | None = per_frame(
        "V", unit="m", meaning="standard deviation of each vertex, in a file", stored=True, always=False
    )
    reprojection_error: np.ndarray | None = per_frame(
        unit="px", meaning="mean over the keypoints that the fit used", may_hold_nan=True
    )
    # Body in the world (y up, ground at 0), after contact clean-up
    pose_world: np.ndarray | None = per_frame(NUM_POSE, unit="rad, axis-angle, world", meaning="as pose")
    transl_world: np.ndarray | None = per_frame(3, unit="m, world", meaning="as transl", pkl="trans_world")
    joints_world: np.ndarray | None = per_frame(24, 3, unit="m, world", meaning="as joints")
    contacts: np.ndarray | None = per_frame(
        len(CONTACT_POINTS), unit="yes/no", meaning="touching the ground: " + ", ".join(CONTACT_POINTS), boolean=True
    )
    data: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        who = f"person {self.id}"
        object.__setattr__(self, "frames", _frames(self.frames, who))
        if self.keypoint3d_set is None and (self.keypoints3d is not None or self.keypoint3d_uncertainty is not None):
            object.__setattr__(self, "keypoint3d_set", self.keypoint_set)
        sizes: dict[str, int] = {"F": len(self.frames)}
        for letter, name in _SETS.items():
            if (given := getattr(self, name)) is not None:
                chosen = OTHER_NAMES.get(given, given)
                object.__setattr__(self, name, chosen)
                if chosen not in JOINT_SETS:
                    raise ShapeError(f"{who}: {name} is {quoted(chosen)}; known: {', '.join(JOINT_SETS)}")
                sizes[letter] = len(JOINT_SETS[chosen])
        for name, about in PERSON_FIELDS.items():
            value = getattr(self, name)
            if value is None:
                continue
            if about.stored:
                _check_stored(value, about, len(self.frames), who)
                continue
            missing = next(
                (set_ for letter, set_ in _SETS.items() if letter in about.shape and letter not in sizes), None
            )
            if missing is not None:
                raise ShapeError(f"{who}: {name} is given but {missing} is not; name its joint set")
            flags = {"may_hold_nan": about.may_hold_nan, "share": about.share, "boolean": about.boolean}
            array = checked(value, name, about.shape, sizes, who, largest=about.largest, **flags)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "data", checked_data(self.data, who, frames=len(self.frames)))

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        where = f"{self.frames[0]}-{self.frames[-1]}" if len(self) else "none"
        return f"Person(id={self.id}, frames={where} ({len(self)}), filled={', '.join(self.filled) or 'nothing'})"

    def replace(self, **changes: Any) -> Person:
        """A copy with these fields changed, checked again."""
        return dataclasses.replace(self, **changes)

    def select(self, rows: np.ndarray) -> Person:
        """The same person in some of its frames. rows: (F,) bool, or increasing indices into its frames."""
        rows = np.asarray(rows)
        if rows.size == 0:
            rows = rows.astype(int)
        if rows.dtype == bool and rows.shape != self.frames.shape:
            raise ShapeError(f"person {self.id}: rows has shape {rows.shape}, expected {self.frames.shape} = (F,)")
        changes: dict[str, Any] = {}
        for name in self.filled:
            value = getattr(self, name)
            changes[name] = value.select(rows, len(self)) if isinstance(value, StoredArray) else value[rows]
        data = {key: value[rows] if isinstance(value, np.ndarray) else value for key, value in self.data.items()}
        return dataclasses.replace(self, frames=self.frames[rows], data=data, **changes)

    @property
    def global_orient(self) -> np.ndarray | None:
        """(F,3) rotation of the root in the camera's frame, axis-angle."""
        return None if self.pose is None else self.pose[:, :3]

    @property
    def filled(self) -> tuple[str, ...]:
        """Names of the fields that are filled."""
        return tuple(name for name in PERSON_FIELDS if getattr(self, name) is not None)

    def require(self, *names: str) -> tuple[np.ndarray, ...]:
        """The named fields, in order. Raises UsageError that names those that no stage has filled."""
        missing = [n for n in names if getattr(self, n) is None]
        if missing:
            raise UsageError(
                f"person {self.id} has no {', '.join(missing)}; run the stage that fills it first"
                f" (filled: {', '.join(self.filled) or 'nothing'})"
            )
        return tuple(getattr(self, n) for n in names)


PERSON_FIELDS: dict[str, Field] = table_of(Person)
"""Every field that stages fill: shape, unit, meaning, and its key in files."""

WORLD_FIELDS = ("pose_world", "transl_world", "joints_world")
"""The body in the world: what no longer fits once the body in the camera's frame has changed."""

_SETS = {"K": "keypoint_set", "L": "keypoint3d_set"}
"""Letter of a shape -> the field that names its joint set."""


def _frames(value: Any, who: str) -> np.ndarray:
    frames = integers(value, "frames", "F", who)
    if frames.size and (frames[0] < 0 or np.any(np.diff(frames) <= 0)):
        raise ShapeError(f"{who}: frames must be non-negative and strictly increasing")
    return frozen(frames, np.int64)


def _check_stored(value: Any, about: Field, frames: int, who: str) -> None:
    if not isinstance(value, StoredArray):
        raise ShapeError(
            f"{who}: {about.name} must be a StoredArray, the reference to a file, not {type(value).__name__}"
        )
    if value.rows is not None and len(value.rows) != frames:
        raise ShapeError(f"{who}: {about.name} has {len(value.rows)} rows, the person {frames} frames")


def checked_data(data: Mapping[str, Any], who: str, *, frames: int | None = None) -> dict[str, Any]:
    """Free data as read-only arrays and JSON values.

    frames: the first axis of every array, None for arrays of any shape. Raises ShapeError that names the entry.
    """
    out: dict[str, Any] = {}
    for key, value in data.items():
        if not isinstance(key, str):
            raise ShapeError(f"{who}: data is kept by names, {quoted(key)} is not text")
        if isinstance(value, np.ndarray):
            if value.dtype.kind not in "fiub":
                raise ShapeError(f"{who}: data[{quoted(key)}] must hold numbers, found {value.dtype}")
            if frames is not None and (not value.ndim or len(value) != frames):
                raise ShapeError(
                    f"{who}: data[{quoted(key)}] has shape {value.shape}, expected ({frames}, ...) = (F, ...)"
                )
            out[key] = frozen(value, value.dtype)
            continue
        try:
            out[key] = json.loads(json.dumps(value, default=jsonable))
        except (TypeError, ValueError, RecursionError) as error:
            raise ShapeError(
                f"{who}: data[{quoted(key)}] must be an array or JSON values ({quoted(str(error), 120, mark='')})"
            ) from None
    return out


def row_of(person: Person, frame: int) -> int | None:
    """The row of a person's arrays for a frame, None where the person is not seen."""
    row = int(np.searchsorted(person.frames, frame))
    return row if row < len(person.frames) and person.frames[row] == frame else None


def join_people(id: int, parts: tuple[Person, ...]) -> Person:
    """One person made of the frames of several parts, in the order of the frames; empty parts are ignored.

    Values of `data` that are not arrays are those of the first part. Raises UsageError if the parts differ in the
    fields that are filled or in their joint sets, ShapeError if two of them have the same frame.
    """
    parts = tuple(part for part in parts if len(part)) or parts[:1]
    head = parts[0]
    for part in parts[1:]:
        different = (set(part.filled) ^ set(head.filled)) | (_layout(part.data) ^ _layout(head.data))
        if different:
            names = ", ".join(sorted({str(each) for each in different}))
            raise UsageError(
                f"person {part.id} and person {head.id} cannot be joined, as they differ in the fields that are filled"
                f" ({names}); clear the fields that one of them lacks"
            )
        if (part.keypoint_set, part.keypoint3d_set) != (head.keypoint_set, head.keypoint3d_set):
            raise UsageError(
                f"person {part.id} and person {head.id} cannot be joined, as their keypoints are of different joint"
                f" sets ({part.keypoint_set}, {head.keypoint_set}); convert or clear one of them"
            )
    frames = np.concatenate([part.frames for part in parts])
    order = np.argsort(frames, kind="stable")
    changes: dict[str, Any] = {}
    for name in head.filled:
        values = [getattr(part, name) for part in parts]
        if PERSON_FIELDS[name].stored:
            if len({value.path for value in values}) > 1:
                raise UsageError(f"the {name} of person {id} lie in different files; clear them first")
            rows = [value.rows_of(len(part)) for part, value in zip(parts, values, strict=True)]
            changes[name] = StoredArray(values[0].path, np.concatenate(rows)[order])
        else:
            changes[name] = np.concatenate(values)[order]
    data = {
        key: np.concatenate([part.data[key] for part in parts])[order] if isinstance(value, np.ndarray) else value
        for key, value in head.data.items()
    }
    return dataclasses.replace(head, id=id, frames=frames[order], data=data, **changes)


def _layout(data: Mapping[str, Any]) -> set[str]:
    """What must agree for two people's data to be joined: the names, and the shapes of arrays after the frames."""
    return {
        f"data[{key!r}]" + (f" (F, {', '.join(map(str, value.shape[1:]))})" if isinstance(value, np.ndarray) else "")
        for key, value in data.items()
    }
