"""3DPW's sequence files: one or two people's SMPL parameters in a world, and a hand-held camera's pose in each frame.

von Marcard et al. 2018; the layout is that of the data set's own description: for each actor `poses` (n,72), `trans`
(n,3), `betas` (10,), `jointPositions` (n,72) and `campose_valid` (n,), and for the clip `cam_poses` (n,4,4) from the
world to the camera and `cam_intrinsics` (3,3), whose principal point is the image centre, which gives the size. Frames
whose camera pose was not aligned with the image are left out. The file does not state the world's vertical axis: it
is the one along which the actors stand. The data set is for its licensees; Kinema reads their copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError, plural
from kinema.formats.filmed_world import camera_poses, in_both_frames
from kinema.formats.foreign import betas_from, motion_from, pose_from
from kinema.formats.report import Notes
from kinema.geometry.camera import Camera
from kinema.geometry.rotations import axis_angle_to_matrix, shortest_rotation
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.fields import numbers, require_keys

_KEYS = {
    "poses", "trans", "betas", "jointPositions", "campose_valid", "cam_poses", "cam_intrinsics", "sequence", "genders",
    "img_frame_ids", "poses_60Hz", "trans_60Hz", "betas_clothed", "v_template_clothed", "texture_maps", "poses2D",
}  # fmt: skip

FPS = 30.0
"""Frames per second of every sequence."""

MOST_ACTORS = 16


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether an unpickled object is one of 3DPW's sequences."""
    return isinstance(content, dict) and all(
        key in content for key in ("poses", "trans", "cam_poses", "cam_intrinsics")
    )


def read(content: Mapping[Any, Any], path: Path, *, fps: float | None = None) -> Motion:
    """The actors of the sequence in the y-up world and in the camera's frame. Raises InputError, ShapeError."""
    what, notes = str(path), Notes()
    notes.left_out(content, _KEYS)
    notes.add("3DPW's world has its origin at any height: the ground is not at y = 0")
    rotation, translation = camera_poses(content["cam_poses"], "cam_poses", what, "n")
    n = len(rotation)
    poses = [pose_from(pose, "poses", what, notes) for pose in _listed(content["poses"], "poses", what)]
    if not n or any(len(pose) != n for pose in poses):
        found = ", ".join(str(len(pose)) for pose in poses)
        raise InputError(f"{what}: cam_poses has {n} frames, poses {found}; there must be as many, and at least one")
    upright = shortest_rotation(_vertical(poses), np.array([0.0, 1.0, 0.0]))
    people = [
        _actor(i, pose, _entries(content, i, what), (rotation, translation, upright), what, notes)
        for i, pose in enumerate(poses)
    ]
    camera = _camera(content["cam_intrinsics"], what)
    camera = camera.replace(rotation=rotation @ upright.T, translation=translation, moving=True)
    return motion_from("3dpw", people, path, notes, fps=fps, own_fps=FPS, camera=camera, num_frames=n)


def _actor(
    index: int,
    pose: np.ndarray,
    entries: Mapping[str, Any],
    world: tuple[np.ndarray, np.ndarray, np.ndarray],
    what: str,
    notes: Notes,
) -> Person:
    """The actor of pose (n,72). world: rotations and translations to the camera, and the rotation to the y-up world."""
    who, n = f"{what}: actor {index + 1}", len(pose)
    rotation, translation, upright = world
    require_keys(entries, ("trans",), who)
    transl = numbers(entries["trans"], "trans", who, (n, 3))
    valid = numbers(entries.get("campose_valid", np.ones(n)), "campose_valid", who, (n,)) > 0
    if not valid.all():
        notes.add(f"actor {index + 1}: {plural(n - int(valid.sum()), 'frame')} without a valid camera pose left out")
    fields: dict[str, Any] = {}
    pelvis = None
    if "jointPositions" in entries:
        joints = numbers(entries["jointPositions"], "jointPositions", who, (n, 72), (n, 24, 3)).reshape(n, 24, 3)
        pelvis = np.median(joints[:, 0] - transl, axis=0)
        fields["joints"] = np.einsum("tij,tkj->tki", rotation, joints) + translation[:, None]
        fields["joints_world"] = joints @ upright.T
    fields |= in_both_frames(pose, transl, rotation, translation, upright=upright, pelvis=pelvis)
    fields["betas"] = betas_from(entries.get("betas"), n, who, notes)
    filled = {name: value[valid] for name, value in fields.items() if value is not None}
    return Person(id=index + 1, frames=np.flatnonzero(valid), **filled)


def _listed(value: Any, key: str, what: str) -> Sequence[Any]:
    """The entries of a list with one for each actor. Raises InputError."""
    if not isinstance(value, (list, tuple)) or not 0 < len(value) <= MOST_ACTORS:
        raise InputError(f"{what}: {key} must be a list with an entry for each actor")
    return value


def _entries(content: Mapping[Any, Any], index: int, what: str) -> dict[str, Any]:
    """The file's data of one actor, by key."""
    found = {}
    for key in ("trans", "betas", "jointPositions", "campose_valid"):
        if content.get(key) is not None:
            values = _listed(content[key], key, what)
            if index >= len(values):
                raise InputError(f"{what}: {key} has {len(values)} entries; there are more actors")
            found[key] = values[index]
    return found


def _vertical(poses: Sequence[np.ndarray]) -> np.ndarray:
    """(3,): the axis of the world, or its opposite, along which the actors' trunks point most."""
    trunks = np.concatenate([axis_angle_to_matrix(pose[:, :3])[:, :, 1] for pose in poses]).mean(axis=0)
    axis = int(np.abs(trunks).argmax())
    return np.asarray(np.sign(trunks[axis]) * np.eye(3)[axis])


def _camera(intrinsics: Any, what: str) -> Camera:
    matrix = numbers(intrinsics, "cam_intrinsics", what, (3, 3))
    width, height = (round(2 * float(centre)) for centre in matrix[:2, 2])
    if width < 1 or height < 1:
        raise InputError(f"{what}: the centre of cam_intrinsics must be positive, found {matrix[:2, 2]}")
    return Camera(width, height, matrix, focal_source="file")
