"""4DHumans' and PHALP's `.pkl` (joblib): `{frame name: {time tid bbox smpl camera size ...}}`, lists by detection.

`smpl` holds `global_orient` (1,3,3), `body_pose` (23,3,3) and `betas` (10,); `camera` is SMPL's translation relative to
a camera with a focal length of 5000 pixels and its principal point at the image centre; `bbox` is x, y, width, height.
Ghosts (tracks not detected in a frame, which repeat their last detection, `tracked_time` above 0) are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError
from kinema.formats.foreign import MAX_FRAMES, betas_from, motion_from, pose_from_parts, track_id
from kinema.formats.report import Notes
from kinema.geometry.camera import Camera, camera_from_focal
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.fields import numbers, require_keys, scalar

FOCAL = 5000.0
"""Pixels."""

_KEYS = {
    "time", "tid", "bbox", "smpl", "camera", "size", "conf", "tracked_time", "tracked_ids", "tracked_bbox",
    "frame_path", "shot", "img_path", "img_name",
}  # fmt: skip


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether an unpickled object is a dict of PHALP's frames."""
    if not isinstance(content, dict) or not content:
        return False
    return all(isinstance(frame, dict) and {"tid", "smpl"} <= set(frame) for frame in content.values())


def read(content: Mapping[Any, Any], path: Path, *, fps: float | None = None) -> Motion:
    """The people of the file in the camera's frame. Raises InputError, ShapeError."""
    notes = Notes()
    rows: dict[int, dict[int, dict[str, Any]]] = defaultdict(dict)
    size: np.ndarray | None = None
    last = 0
    for place, (name, frame) in enumerate(content.items()):
        what = f"{path}: frame {name}"
        notes.left_out(frame, _KEYS)
        index = place if frame.get("time") is None else int(scalar(frame["time"], "time", what))
        if not 0 <= index <= MAX_FRAMES:
            raise InputError(f"{what}: time must lie between 0 and {MAX_FRAMES}, found {index}")
        last = max(last, index + 1)
        for i, track in enumerate(_list(frame["tid"], "tid", what)):
            if _at(frame, "tracked_time", i, what, default=0) not in (0, None):
                notes.add("ghosts (people not detected in a frame, repeating their last pose) were left out")
                continue
            rows[track_id(track, what)][index] = _detection(frame, i, what)
            if size is None and _at(frame, "size", i, what) is not None:
                size = numbers(_at(frame, "size", i, what), "size", what, (2,))
    camera = None if size is None else _camera(size, str(path))
    if camera is None:
        notes.add("the file does not store the image size, so there is no camera")
    people = [_person(id, frames, f"{path}: person {id}", notes) for id, frames in rows.items()]
    people.sort(key=lambda person: (-len(person), person.id))
    return motion_from("phalp", people, path, notes, fps=fps, camera=camera, num_frames=last)


def _detection(frame: Mapping[str, Any], i: int, what: str) -> dict[str, Any]:
    smpl = _at(frame, "smpl", i, what)
    if not isinstance(smpl, Mapping):
        raise InputError(f"{what}: smpl must be a list of dicts")
    require_keys(smpl, ("global_orient", "body_pose"), f"{what}: smpl")
    return {
        "global_orient": numbers(smpl["global_orient"], "global_orient", what, (1, 3, 3), (3, 3)).reshape(3, 3),
        "body_pose": numbers(smpl["body_pose"], "body_pose", what, (23, 3, 3)),
        "betas": None if smpl.get("betas") is None else numbers(smpl["betas"], "betas", what).reshape(-1),
        "camera": _optional(frame, "camera", i, what, 3),
        "bbox": _optional(frame, "bbox", i, what, 4),
        "conf": _optional(frame, "conf", i, what, 1),
    }


def _person(id: int, frames: Mapping[int, dict[str, Any]], what: str, notes: Notes) -> Person:
    order = sorted(frames)
    rows = [frames[index] for index in order]
    keys = ("global_orient", "body_pose")
    root, body = (np.stack([row[key] for row in rows]) for key in keys)
    fields: dict[str, Any] = {"pose": pose_from_parts(root, body, what, notes, keys)}
    for key in ("betas", "camera", "bbox", "conf"):
        values = [row[key] for row in rows]
        if any(value is None or value.shape != values[0].shape for value in values):
            continue
        fields[key] = np.stack(values)
    fields["betas"] = betas_from(fields.get("betas"), len(rows), what, notes)
    if "camera" in fields:
        fields["transl"] = fields.pop("camera")
    if "bbox" in fields:
        box = fields.pop("bbox")
        fields["boxes"] = np.hstack([box[:, :2], box[:, :2] + box[:, 2:]])
    if "conf" in fields:
        fields["confidence"] = np.clip(fields.pop("conf")[:, 0], 0, 1)
    return Person(id=id, frames=np.array(order), **fields)


def _camera(size: np.ndarray, what: str) -> Camera:
    height, width = (int(side) for side in size)
    if width < 1 or height < 1:
        raise InputError(f"{what}: size must be positive, found {width} x {height}")
    return camera_from_focal(width, height, FOCAL, "file")


def _list(value: Any, key: str, what: str) -> list[Any]:
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return list(value)
    if not isinstance(value, (list, tuple)):
        raise InputError(f"{what}: {key} must be a list, found {type(value).__name__}")
    return list(value)


def _at(frame: Mapping[str, Any], key: str, i: int, what: str, default: Any = None) -> Any:
    """Entry i of one of the frame's lists; `default` if the frame has no such list."""
    if frame.get(key) is None:
        return default
    values = _list(frame[key], key, what)
    if len(values) <= i:
        raise InputError(f"{what}: {key} has {len(values)} entries for {i + 1} people or more")
    return values[i]


def _optional(frame: Mapping[str, Any], key: str, i: int, what: str, size: int) -> np.ndarray | None:
    value = _at(frame, key, i, what)
    if value is None:
        return None
    flat = numbers(value, key, what).reshape(-1)
    if flat.shape != (size,):
        raise InputError(f"{what}: {key} must have {size} numbers, found {flat.size}")
    return flat
