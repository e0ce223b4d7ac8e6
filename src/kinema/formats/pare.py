"""PARE's and VIBE's demo output, `.pkl` by joblib or plain pickle: `{track: {pose pred_cam orig_cam ...}}`.

`pose` is (n,24,3,3) rotation matrices as written by PARE's code, or (n,72) axis-angle as documented in its README and
written by VIBE; both can be read. So can the per-image files of PARE's image-folder mode, one person per detection.

These files have no translation, only a weak-perspective camera for each box. The body is placed where a perspective
camera of the default field of view sees it at the same size and position (the inverse of `pare_keys`), so distances are
only as accurate as that field of view. The image size follows from the boxes and the two weak-perspective cameras.

Only PARE's own keys are written, `pose` as (n,72), for tools that do not accept more; Kinema's own `.pkl` has the same
keys and everything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import InputError, UsageError
from kinema.formats.foreign import REST_PELVIS, betas_from, by_track, frames_from, motion_from, pose_from, track_id
from kinema.formats.kinema_pkl import write_pickle
from kinema.formats.pare_keys import pare_keys
from kinema.formats.report import Notes, WriteReport
from kinema.geometry.camera import Camera, camera_from_fov
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import SPIN49
from kinema.storage.fields import array_of, numbers

if TYPE_CHECKING:
    from kinema.body import BodyModel

_KEYS = {"pose", "betas", "pred_cam", "orig_cam", "bboxes", "frame_ids", "joints3d", "smpl_joints2d"}
_IMAGE_KEYS = {
    "pred_pose": "pose",
    "pred_shape": "betas",
    "smpl_joints3d": "joints3d",
    "smpl_joints2d": "smpl_joints2d",
    "pred_cam": "pred_cam",
    "orig_cam": "orig_cam",
    "bboxes": "bboxes",
}
_MAX_SIDE = 100_000


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether an unpickled object is PARE's or VIBE's."""
    if by_track(content, needs=("pose", "pred_cam")):
        return not any("kinema_format" in person for person in content.values())
    return isinstance(content, dict) and {"pred_pose", "pred_cam"} <= set(content)


def read(content: Mapping[Any, Any], path: Path, *, fps: float | None = None) -> Motion:
    """The people of the file in the camera's frame. Raises InputError, ShapeError."""
    notes = Notes()
    tracks = _from_image(content, str(path)) if "pred_pose" in content else dict(content)
    camera = _camera(tracks, str(path))
    if camera is None:
        notes.add("the image size cannot be derived from the file, so nobody is placed in front of the camera")
    else:
        notes.add("placed by a camera of the default field of view; distances are only as accurate as that")
    people = []
    for key, person in tracks.items():
        notes.left_out(person, _KEYS)
        people.append(_person(track_id(key, str(path)), person, camera, f"{path}: person {key}", notes))
    return motion_from("pare", people, path, notes, fps=fps, camera=camera)


def write(
    motion: Motion,
    path: Path,
    *,
    body: BodyModel | None = None,
    vertices: bool = False,
    report: WriteReport | None = None,
) -> Path:
    """Write PARE's keys for everybody; body as for Kinema's `.pkl`. Raises UsageError: nobody has `pose`."""
    report = WriteReport() if report is None else report
    people = [person for person in motion if person.pose is not None]
    if not people:
        raise UsageError(
            "nobody in this motion has a pose in the camera's frame, which PARE's files hold; write Kinema's own .pkl"
            " (kinema convert), or export npz, bvh or glb, which hold a world"
        )
    from kinema.body.loading import body_of  # loading any motion file imports this module

    body = body_of(motion, body)
    content = {int(person.id): pare_keys(motion, person, body, vertices=vertices) for person in people}
    for key in ("pred_cam", "joints3d"):
        if any(person[key] is None for person in content.values()):
            report.notes.add(f"{key} is empty: the motion lacks what it is computed from")
    write_pickle(content, path)
    report.paths.append(path)
    return path


def _from_image(content: Mapping[Any, Any], what: str) -> dict[int, dict[str, Any]]:
    """One track per detection in an image's file."""
    arrays = {
        name: array_of(content[key], key, what) for key, name in _IMAGE_KEYS.items() if content.get(key) is not None
    }
    count = len(arrays["pose"]) if arrays["pose"].ndim else 0
    return {
        i + 1: {name: value[i : i + 1] for name, value in arrays.items() if value.ndim and len(value) == count}
        for i in range(count)
    }


def _camera(tracks: Mapping[Any, Any], what: str) -> Camera | None:
    """A camera of the default field of view, for the image size that the weak-perspective cameras imply."""
    sizes = []
    for person in tracks.values():
        if any(person.get(key) is None for key in ("pred_cam", "orig_cam", "bboxes")):
            continue
        scale = numbers(person["pred_cam"], "pred_cam", what, ("n", 3))[:, :1]
        original = numbers(person["orig_cam"], "orig_cam", what, (len(scale), 4))[:, :2]
        side = numbers(person["bboxes"], "bboxes", what, (len(scale), 4))[:, 2:3]
        usable = (np.abs(original) > 1e-9).all(axis=1)
        sizes.append(scale[usable] * side[usable] / original[usable])
    every = np.concatenate(sizes) if sizes else np.zeros((0, 2))
    if not len(every):
        return None
    width, height = (round(float(value)) for value in np.median(every, axis=0))
    if not (1 <= width <= _MAX_SIDE and 1 <= height <= _MAX_SIDE):
        return None
    return camera_from_fov(width, height)


def _person(id: int, person: Mapping[str, Any], camera: Camera | None, what: str, notes: Notes) -> Person:
    pose = pose_from(person["pose"], "pose", what, notes)
    n = len(pose)
    fields: dict[str, Any] = {"pose": pose, "betas": betas_from(person.get("betas"), n, what, notes)}
    pelvis = np.broadcast_to(REST_PELVIS["smpl"], (n, 3))
    if person.get("joints3d") is not None:
        joints = numbers(person["joints3d"], "joints3d", what, (n, len(SPIN49), 3))
        pelvis = joints[:, SPIN49.index("mid_hip")]  # SMPL's pelvis; the joints have no translation
        fields["keypoints3d"] = joints - pelvis[:, None]
        fields["keypoint_set"] = SPIN49.name
    if person.get("bboxes") is not None:
        boxes = numbers(person["bboxes"], "bboxes", what, (n, 4))
        fields["boxes"] = np.hstack([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2])
        if camera is not None:
            weak = numbers(person["pred_cam"], "pred_cam", what, (n, 3))
            fields["transl"] = _translation(weak, boxes, pelvis, camera, what)
    if person.get("smpl_joints2d") is not None:
        fields["keypoints"] = numbers(person["smpl_joints2d"], "smpl_joints2d", what, (n, len(SPIN49), 2))
        fields["keypoint_set"] = SPIN49.name
    return Person(id=id, frames=frames_from(person.get("frame_ids"), n, what), **fields)


def _translation(weak: np.ndarray, boxes: np.ndarray, pelvis: np.ndarray, camera: Camera, what: str) -> np.ndarray:
    """(n,3) SMPL's translation from weak camera (n,3), boxes (n,4) cx cy w h and the untranslated pelvis (n,3)."""
    if np.any(weak[:, 0] <= 0) or np.any(boxes[:, 2] <= 0):
        raise InputError(f"{what}: pred_cam and bboxes must have positive scales and sizes")
    focal = np.sqrt(camera.intrinsics[0, 0] * camera.intrinsics[1, 1])
    scale = weak[:, :1] * boxes[:, 2:3] / 2  # pixels per metre
    depth = focal / scale
    pixel = boxes[:, :2] + scale * (pelvis[:, :2] + weak[:, 1:])
    focals, centre = camera.intrinsics[[0, 1], [0, 1]], camera.intrinsics[:2, 2]
    return np.asarray(np.hstack([(pixel - centre) / focals * depth, depth]) - pelvis)
