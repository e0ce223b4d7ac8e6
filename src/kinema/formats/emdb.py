"""EMDB's `*_data.pkl`: one person's SMPL parameters in a y-up world, and a hand-held camera with a pose in each frame.

Kaufmann et al. 2023; the layout is that of the data set's own description: `smpl` with `poses_root` (n,3), `poses_body`
(n,69), `trans` (n,3) and `betas` (10,), `camera` with `intrinsics` (3,3), `extrinsics` (n,4,4) from the world to the
camera, `width` and `height`, and `good_frames_mask` (n,): in the other frames the person is hidden or out of the
image. The data set is for its licensees; Kinema reads their copies.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError, plural
from kinema.formats.filmed_world import camera_poses, in_both_frames
from kinema.formats.foreign import betas_from, motion_from, pose_from_parts
from kinema.formats.report import Notes
from kinema.geometry.camera import Camera
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.fields import integers, numbers, require_keys, text

_KEYS = {"smpl", "camera", "good_frames_mask", "n_frames", "name", "gender", "emdb1", "emdb2", "bboxes", "kp2d"}

FPS = 30.0
"""Frames per second of every sequence."""


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether an unpickled object is one of EMDB's sequences."""
    if not isinstance(content, dict):
        return False
    smpl, camera = content.get("smpl"), content.get("camera")
    return isinstance(smpl, Mapping) and "poses_root" in smpl and isinstance(camera, Mapping) and "extrinsics" in camera


def read(content: Mapping[Any, Any], path: Path, *, fps: float | None = None) -> Motion:
    """The person of the sequence in the world and in the camera's frame. Raises InputError, ShapeError."""
    what, notes = str(path), Notes()
    notes.left_out(content, _KEYS)
    smpl, camera = content["smpl"], content["camera"]
    require_keys(smpl, ("poses_root", "poses_body", "trans"), f"{what}: smpl")
    require_keys(camera, ("intrinsics", "extrinsics", "width", "height"), f"{what}: camera")
    pose = pose_from_parts(smpl["poses_root"], smpl["poses_body"], what, notes, ("poses_root", "poses_body"))
    n = len(pose)
    transl = numbers(smpl["trans"], "trans", what, (n, 3))
    rotation, translation = camera_poses(camera["extrinsics"], "extrinsics", what, n)
    size = integers([camera["width"], camera["height"]], "width and height", what)
    filmed = Camera(
        int(size[0]),
        int(size[1]),
        numbers(camera["intrinsics"], "intrinsics", what, (3, 3)),
        rotation=rotation,
        translation=translation,
        moving=True,
        focal_source="file",
    )
    if "gender" in content:
        notes.add(f"the parameters are for the body of gender {text(content['gender'], 'gender', what)}")
    good = numbers(content.get("good_frames_mask", np.ones(n)), "good_frames_mask", what, (n,)) > 0
    if not good.any():
        raise InputError(f"{what}: good_frames_mask leaves no frame")
    if not good.all():
        notes.add(f"{plural(n - int(good.sum()), 'frame')} in which the person is hidden or out of the image left out")
    frames = np.flatnonzero(good)
    fields: dict[str, Any] = in_both_frames(pose[good], transl[good], rotation[good], translation[good])
    fields["betas"] = betas_from(smpl.get("betas"), len(frames), what, notes)
    person = Person(id=1, frames=frames, **fields)
    return motion_from("emdb", [person], path, notes, fps=fps, own_fps=FPS, camera=filmed, num_frames=n)
