"""video2pkl's `.pkl`: `{track: {pose global_orient betas trans joints frame_ids}}`, plain or joblib.

Its `trans` is *minus* the body's position relative to the network's crop camera (focal length 5000 for a crop of 224
pixels), which reverses the motion; the reader negates it. It is not a position in the scene, because the crop follows
the person. If video2pkl subtracted the first frame, only movement relative to it remains.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kinema.formats.foreign import betas_from, by_track, frames_from, motion_from, pose_from, track_id
from kinema.formats.report import Notes
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import SPIN49
from kinema.storage.fields import numbers

_KEYS = {"pose", "global_orient", "betas", "trans", "joints3d", "joints", "frame_ids"}


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether an unpickled object is video2pkl's (WHAM's and Kinema's also have a world)."""
    if not by_track(content, needs=("pose",), any_of=("global_orient", "trans")):
        return False
    return not any({"kinema_format", "pose_world"} & set(person) for person in content.values())


def read(content: Mapping[Any, Any], path: Path, *, fps: float | None = None) -> Motion:
    """The people of the file in the crop camera's axes. Raises InputError, ShapeError."""
    notes = Notes()
    people = []
    for key, person in content.items():
        what = f"{path}: person {key}"
        notes.left_out(person, _KEYS)
        people.append(_person(track_id(key, str(path)), person, what, notes))
    return motion_from("video2pkl", people, path, notes, fps=fps)


def _person(id: int, person: Mapping[str, Any], what: str, notes: Notes) -> Person:
    pose = pose_from(person["pose"], "pose", what, notes)
    n = len(pose)
    fields: dict[str, Any] = {"pose": pose}
    betas = person.get("betas_per_frame") if person.get("betas") is None else person["betas"]
    fields["betas"] = betas_from(betas, n, what, notes)
    if person.get("global_orient") is not None:
        root = numbers(person["global_orient"], "global_orient", what, (n, 3))
        apart = float(np.max(np.abs(root - pose[:, :3]), initial=0.0))
        if apart > 1e-4:
            notes.add(f"global_orient differs from pose[:3] by up to {apart:.3f} rad; the pose was used")
    if person.get("trans") is not None:
        trans = numbers(person["trans"], "trans", what, (n, 3))
        fields["transl"] = -trans
        notes.add("trans was negated: the file holds minus the body's position relative to the crop camera")
        if n and np.all(np.abs(trans[0]) < 1e-6):
            notes.add("trans starts at zero: positions are relative to the first frame")
    joints = person.get("joints3d") if person.get("joints3d") is not None else person.get("joints")
    if joints is not None:
        joints = numbers(joints, "joints", what, (n, len(SPIN49), 3), (n, 24, 3))
        if joints.shape[1] == len(SPIN49):
            fields["keypoints3d"] = joints - joints[:, SPIN49.index("mid_hip"), None]
            fields["keypoint_set"] = SPIN49.name
    return Person(id=id, frames=frames_from(person.get("frame_ids"), n, what), **fields)
