"""GLAMR's `.pkl`: `person_data` by person, with SMPL in the camera's frame and in a z-up world, and the camera path.

Each person has `smpl_pose` (n,69), `smpl_beta` (n,10), `smpl_orient_cam`, `root_trans_cam`, `smpl_orient_world` and
`root_trans_world` (n,3), and `frames` (n,). The root translations are the pelvis' positions, not SMPL's translation,
which is derived with the average body's pelvis, accurate to two centimetres.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kinema.errors import InputError
from kinema.formats.foreign import (
    REST_PELVIS,
    ZUP_FROM_YUP,
    betas_from,
    frames_from,
    motion_from,
    pose_from_parts,
    track_id,
    yup_from_zup,
)
from kinema.formats.report import Notes
from kinema.geometry.camera import Camera
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.fields import numbers, require_keys

_KEYS = {
    "frames", "smpl_pose", "smpl_beta", "smpl_orient_cam", "root_trans_cam", "smpl_orient_world", "root_trans_world",
    "exist_frames", "visible", "cam_K",
}  # fmt: skip


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether an unpickled object is GLAMR's output."""
    return isinstance(content, dict) and isinstance(content.get("person_data"), Mapping)


def read(content: Mapping[Any, Any], path: Path, *, fps: float | None = None) -> Motion:
    """The people of the file in the camera's frame and in the y-up world. Raises InputError, ShapeError."""
    notes = Notes()
    notes.add("root translations are the pelvis' positions; SMPL's translation was derived from them, to within 2 cm")
    people = []
    camera: Camera | None = None
    for key, person in content["person_data"].items():
        what = f"{path}: person {key}"
        if not isinstance(person, Mapping):
            raise InputError(f"{what}: its data must be a dict, found {type(person).__name__}")
        notes.left_out(person, _KEYS)
        people.append(_person(track_id(key, str(path)), person, what, notes))
        if camera is None and person.get("cam_K") is not None:
            camera = _camera(person["cam_K"], content.get("cam_pose"), what)
    frames = 0 if camera is None or camera.rotation is None else len(camera.rotation)
    longest = max((int(p.frames[-1]) + 1 for p in people if len(p)), default=0)
    if camera is not None and frames < longest:
        camera = camera.replace(rotation=None, translation=None)
    return motion_from("glamr", people, path, notes, fps=fps, camera=camera, num_frames=frames)


def _person(id: int, person: Mapping[str, Any], what: str, notes: Notes) -> Person:
    require_keys(person, ("smpl_pose",), what)
    body = numbers(person["smpl_pose"], "smpl_pose", what, ("n", 69))
    n = len(body)
    frames = frames_from(person.get("frames"), n, what, "frames")
    fields: dict[str, Any] = {"betas": betas_from(person.get("smpl_beta"), n, what, notes, "smpl_beta")}
    for frame, suffix in (("cam", ""), ("world", "_world")):
        orient, root = f"smpl_orient_{frame}", f"root_trans_{frame}"
        if person.get(orient) is None or person.get(root) is None:
            continue
        pose = pose_from_parts(person[orient], body, what, notes, (orient, "smpl_pose"))
        pelvis = numbers(person[root], root, what, (n, 3))
        if frame == "world":
            pose, pelvis = yup_from_zup(pose, pelvis)
        fields["pose" + suffix] = pose
        fields["transl" + suffix] = pelvis - REST_PELVIS["smpl"]
    if person.get("visible") is not None:
        fields["observed"] = numbers(person["visible"], "visible", what, (n,)) > 0
    made = Person(id=id, frames=frames, **fields)
    if person.get("exist_frames") is None:
        return made
    exists = numbers(person["exist_frames"], "exist_frames", what, (n,)) > 0
    return made if exists.all() else made.select(exists)


def _camera(intrinsics: Any, poses: Any, what: str) -> Camera:
    """The camera: its principal point is the image centre, which gives the size; poses are z-up world to camera."""
    matrix = numbers(intrinsics, "cam_K", what, (3, 3), ("n", 3, 3)).reshape(-1, 3, 3)
    if not len(matrix):
        raise InputError(f"{what}: cam_K is empty")
    width, height = (round(2 * float(centre)) for centre in matrix[0, :2, 2])
    if width < 1 or height < 1:
        raise InputError(f"{what}: the centre of cam_K must be positive, found {matrix[0, :2, 2]}")
    camera = Camera(width, height, matrix[0], focal_source="file")
    if poses is None:
        return camera
    pose = numbers(poses, "cam_pose", what, ("T", 4, 4))
    return camera.replace(rotation=pose[:, :3, :3] @ ZUP_FROM_YUP, translation=pose[:, :3, 3])
