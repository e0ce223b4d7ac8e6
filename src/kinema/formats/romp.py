"""ROMP's and BEV's `.npz`: `results`, an object array with one dict (an image) or one dict per frame (a video).

A dict holds, for its N people, `smpl_thetas` (N,72) axis-angle, `smpl_betas` (N,10 or more), `cam_trans` (N,3)
SMPL's translation in the camera's frame, `joints` (N,71,3), the first 24 of which are SMPL's, and `track_ids` (N,) if
ROMP tracked. Its camera has a field of view of 60 degrees, but the file does not store the image size.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError
from kinema.formats.foreign import betas_from, motion_from, pose_from, pose_from_parts, track_id
from kinema.formats.report import Notes
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.fields import integers, numbers

_KEYS = {"smpl_thetas", "smpl_betas", "cam_trans", "joints", "track_ids", "global_orient", "body_pose", "center_confs"}


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether an opened `.npz` holds ROMP's results."""
    return "results" in content and not isinstance(content, dict)


def read(content: Mapping[Any, Any], path: Path, *, fps: float | None = None) -> Motion:
    """The people of the file in the camera's frame. Raises InputError, ShapeError."""
    notes = Notes()
    results = content["results"]
    results = results.item() if isinstance(results, np.ndarray) and results.size == 1 else results
    if not isinstance(results, Mapping) or not results:
        raise InputError(f"{path}: results must be a dict, found {type(results).__name__}")
    if all(isinstance(entry, Mapping) for entry in results.values()):
        frames = [results[name] for name in sorted(results, key=_natural)]
    else:
        frames = [results]
    rows: dict[int, list[tuple[int, dict[str, np.ndarray]]]] = defaultdict(list)
    tracked = True
    for index, frame in enumerate(frames):
        what = f"{path}: frame {index}"
        notes.left_out(frame, _KEYS)
        arrays = _people(frame, what, notes)
        count = len(arrays["pose"])
        ids = np.arange(1, count + 1)
        if frame.get("track_ids") is not None:
            ids = integers(frame["track_ids"], "track_ids", what)
            if len(ids) != count or len(set(ids.tolist())) != count:
                raise InputError(f"{what}: track_ids must be {count} different numbers")
        elif len(frames) > 1:
            tracked = False
        for i, id in enumerate(ids):
            rows[track_id(id, what)].append((index, {key: value[i] for key, value in arrays.items()}))
    if not tracked:
        notes.add("the file has no track ids; people are numbered by their order in each frame")
    people = [_person(id, own) for id, own in rows.items()]
    people.sort(key=lambda person: (-len(person), person.id))
    return motion_from("romp", people, path, notes, fps=fps, num_frames=len(frames))


def _people(frame: Mapping[str, Any], what: str, notes: Notes) -> dict[str, np.ndarray]:
    """Arrays by field, whose first axis is the people of the frame."""
    if frame.get("smpl_thetas") is not None:
        pose = pose_from(frame["smpl_thetas"], "smpl_thetas", what, notes)
    elif frame.get("global_orient") is not None and frame.get("body_pose") is not None:
        keys = ("global_orient", "body_pose")
        pose = pose_from_parts(frame[keys[0]], frame[keys[1]], what, notes, keys)
    else:
        raise InputError(f"{what} lacks smpl_thetas; this is not a result of ROMP or BEV")
    n = len(pose)
    arrays = {"pose": pose}
    betas = betas_from(frame.get("smpl_betas"), n, what, notes, "smpl_betas")
    if betas is not None:
        arrays["betas"] = betas
    if frame.get("cam_trans") is not None:
        arrays["transl"] = numbers(frame["cam_trans"], "cam_trans", what, (n, 3))
        if frame.get("joints") is not None:
            joints = numbers(frame["joints"], "joints", what, (n, "J", 3))
            if joints.shape[1] >= 24:
                arrays["joints"] = joints[:, :24] + arrays["transl"][:, None]
    if frame.get("center_confs") is not None:
        confidence = numbers(frame["center_confs"], "center_confs", what).reshape(-1)
        if len(confidence) == n:
            arrays["confidence"] = np.clip(confidence, 0, 1)
    return arrays


def _person(id: int, rows: list[tuple[int, dict[str, np.ndarray]]]) -> Person:
    shared = set.intersection(*(set(arrays) for _, arrays in rows))
    fields: dict[str, Any] = {key: np.stack([arrays[key] for _, arrays in rows]) for key in shared}
    return Person(id=id, frames=np.array([index for index, _ in rows]), **fields)


def _natural(name: Any) -> list[Any]:
    """Sort key that puts frame2 before frame10."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", str(name))]
