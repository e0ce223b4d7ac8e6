"""The contents of AMASS-like files: SMPL parameters under AMASS' keys or smplx's, whole or in parts, in any layout.

| rotations | translation | from |
| --- | --- | --- |
| `poses` | `trans` | AMASS and what follows it |
| `root_orient`, `pose_body` | `trans` | AMASS' parts alone; GMR's human motions |
| `global_orient`, `body_pose` | `transl` | the parameters of the `smplx` package |
| `poses` and `Rh` | `Th` | EasyMocap, whose body turns about the model's origin |

Rotations are axis-angle or matrices, a row for each frame or one for each joint; 22, 24, 52 or 55 joints. A leading
axis of length one is a batch and is dropped. Values in an array of one object are unwrapped; None counts as absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from kinema.errors import InputError, quoted
from kinema.formats.foreign import REST_PELVIS, joints_axis_angle, pose_from_parts
from kinema.formats.report import Notes
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.skeleton import NUM_POSE
from kinema.storage.fields import array_of, numbers, scalar, text

ROOTS, BODIES = ("root_orient", "global_orient"), ("pose_body", "body_pose")
TRANSLATIONS = ("trans", "transl", "Th")
SHAPES = ("betas", "shapes")
RATES = ("mocap_frame_rate", "mocap_framerate", "mocap_fps", "framerate", "frame_rate", "fps")

CAMERA = ("cam_R", "cam_t", "K", "size")
"""Keys of the filming camera, in files that Kinema wrote."""

KNOWN = {
    *ROOTS, *BODIES, *TRANSLATIONS, *SHAPES, *RATES, "poses", "Rh", "gender", "mocap_time_length", "surface_model_type",
    "pose_hand", "pose_jaw", "pose_eye", "left_hand_pose", "right_hand_pose", "jaw_pose", "leye_pose", "reye_pose",
    *CAMERA,
}  # fmt: skip

HANDS_AND_FACE = (
    "pose_hand", "pose_jaw", "pose_eye", "left_hand_pose", "right_hand_pose", "jaw_pose", "leye_pose", "reye_pose",
)  # fmt: skip

_LAYOUTS = {22: "smplh", 24: "smpl", 52: "smplh", 55: "smplx"}
_ONLY_SMPLX = ("pose_jaw", "pose_eye", "jaw_pose", "leye_pose", "reye_pose", "expression")
_ONLY_SMPLH = ("dmpls",)
_SHARED = 22
"""Joints that the three bodies share."""


class Fields:
    """The values of an opened file by key, unwrapped; None if a key is absent or empty."""

    def __init__(self, content: Mapping[Any, Any], what: str) -> None:
        self.content, self.what = content, what

    def __contains__(self, key: str) -> bool:
        return key in self.content

    def get(self, key: str) -> Any:
        value = self.content.get(key)
        while isinstance(value, np.ndarray) and value.dtype == object and value.size == 1:
            value = value.reshape(-1)[0]
        return value

    def first(self, keys: Iterable[str]) -> tuple[str, Any] | None:
        """The first of the keys that is not empty, and its value."""
        return next(((key, value) for key in keys if (value := self.get(key)) is not None), None)


def has_parameters(content: Mapping[Any, Any]) -> bool:
    """Whether a file has the keys of this module: rotations, and a translation or a shape with them."""
    placed = any(key in content for key in (*TRANSLATIONS, *SHAPES))
    parts = any(key in content for key in ROOTS) and any(key in content for key in BODIES)
    return placed and (parts or "poses" in content)


def rotations(fields: Fields, notes: Notes) -> tuple[np.ndarray, str]:
    """Pose (n,72) and the body that it belongs to, a key of `REST_PELVIS`. Raises InputError."""
    root, body, whole = fields.first(ROOTS), fields.first(BODIES), fields.get("poses")
    if whole is not None:
        poses = _unbatched(array_of(whole, "poses", fields.what))
        if root is None or poses.size // max(1, len(poses)) not in (63, 69):
            return _whole(poses, fields, notes)
        body = ("poses", poses)
    if root is None or body is None:
        raise InputError(f"{fields.what} lacks poses, or {' or '.join(ROOTS)} with {' or '.join(BODIES)}")
    (root_key, root_value), (body_key, body_value) = root, body
    orient = _orientations(array_of(root_value, root_key, fields.what))
    bones = array_of(body_value, body_key, fields.what)
    bones = bones[None] if bones.ndim == 1 else bones
    if bones.ndim > 2 and bones.shape[:2] == (1, len(orient)) and bones.shape[1:] != (21, 3) and len(orient) > 1:
        bones = bones[0]
    _refuse_6d(bones, body_key, fields.what)
    pose = pose_from_parts(orient, bones, fields.what, notes, (root_key, body_key))
    if any(np.any(fields.get(key)) for key in HANDS_AND_FACE if fields.get(key) is not None):
        notes.add("the rotations of hands, jaw and eyes were left out")
    joints = 23 if bones.size // max(1, len(bones)) in (69, 207) else 21
    return pose, _named(fields, "smpl" if joints == 23 else "smplh" if _is_smplh(fields) else "smplx")


def _is_smplh(fields: Fields) -> bool:
    return any(key in fields for key in _ONLY_SMPLH) and not any(key in fields for key in _ONLY_SMPLX)


def _named(fields: Fields, layout: str) -> str:
    """The body that the file names, if known; else `layout`."""
    named = fields.get("surface_model_type")
    if named is None:
        return layout
    name = text(named, "surface_model_type", fields.what).lower()
    return name if name in REST_PELVIS else layout


def _unbatched(array: np.ndarray) -> np.ndarray:
    """Without a leading batch axis of length one before the frames; a single frame's row gets an axis of frames."""
    if array.ndim == 1 and array.size > 3:
        return array[None]
    if array.ndim == 3 and array.shape[0] == 1 and (array.shape[2] > 4 or array.shape[1] not in _LAYOUTS):
        return np.asarray(array[0])
    if array.ndim == 4 and array.shape[0] == 1 and array.shape[3] == 3 and array.shape[2] != 3:
        return np.asarray(array[0])
    return np.asarray(array[0]) if array.ndim == 5 and array.shape[0] == 1 else array


def _orientations(root: np.ndarray) -> np.ndarray:
    """The root's rotations without a batch axis of length one; a single row gets an axis of frames."""
    if root.shape == (3,):
        return root[None]
    batch = root.ndim in (3, 4) and root.shape[0] == 1 and root.shape[1] > 1
    if root.shape == (1, 3, 3):  # three rows, or one matrix
        batch = not np.allclose(root[0].astype(np.float64) @ root[0].T, np.eye(3), atol=0.1)
    return np.asarray(root[0]) if batch else root


def _whole(poses: np.ndarray, fields: Fields, notes: Notes) -> tuple[np.ndarray, str]:
    """The pose from one array of all joints: (n,3J), (n,J,3), (n,J,3,3) or (n,9J)."""
    _refuse_6d(poses, "poses", fields.what)
    frames = len(poses)
    joints = poses.shape[1] if poses.ndim > 2 else 0
    for known in _LAYOUTS:
        if poses.shape == (frames, 3 * known) or poses.shape == (frames, 9 * known):
            joints = known
    shapes: tuple[tuple[int | str, ...], ...] = ((frames, joints, 3), (frames, joints, 3, 3))
    if joints not in _LAYOUTS or (poses.ndim > 2 and poses.shape not in shapes):
        known_widths = ", ".join(str(3 * known) for known in _LAYOUTS)
        found = f"{poses.shape[1]} columns" if poses.ndim == 2 else f"the shape {poses.shape}"
        raise InputError(
            f"{fields.what}: poses has {found}; AMASS files have {known_widths}, or as many joints as that has triples"
        )
    values: np.ndarray = numbers(poses, "poses", fields.what)
    if values.size == frames * joints * 9 and values.shape != (frames, 3 * joints):
        values = joints_axis_angle(values.reshape(frames, joints, 3, 3), "poses", fields.what, notes)
    values = values.reshape(frames, joints, 3)
    shared = 24 if joints == 24 else _SHARED  # only SMPL's own layout has its two hand joints
    pose = np.zeros((frames, NUM_POSE))
    pose[:, : 3 * shared] = values[:, :shared].reshape(frames, 3 * shared)
    if values[:, shared:].any():
        notes.add("the rotations of hands, jaw and eyes were left out")
    return pose, _named(fields, _LAYOUTS[joints])


def _refuse_6d(array: np.ndarray, key: str, what: str) -> None:
    per_joint = array.shape[-1] if array.ndim == 3 else 0
    if per_joint in (4, 6):
        kind = (
            "quaternions, whose order it does not say"
            if per_joint == 4
            else "6D rotations, of which there are two kinds"
        )
        raise InputError(f"{what}: {key} holds {kind}; write it with axis-angle or matrices")


def translation(fields: Fields, pose: np.ndarray, layout: str, notes: Notes) -> tuple[np.ndarray, np.ndarray]:
    """Pose (n,72) and translation (n,3) as SMPL defines them: the body turns about its pelvis. Raises InputError."""
    found = fields.first(TRANSLATIONS)
    if found is None:
        notes.add("the file has no translation; the person stays at the origin")
        trans = np.zeros((len(pose), 3))
    else:
        trans = _rows(found[1], found[0], len(pose), fields.what)
    if (turn := fields.get("Rh")) is not None:
        # EasyMocap's R x + Th is SMPL's R (x - pelvis) + pelvis + t for t = Th + R pelvis - pelvis.
        notes.add("Rh and Th are EasyMocap's; the translation was derived from them, to within 2 cm")
        pose = pose.copy()
        pose[:, :3] = _rows(turn, "Rh", len(pose), fields.what)
        rest = REST_PELVIS[layout]
        trans = trans + axis_angle_to_matrix(pose[:, :3]) @ rest - rest
    return pose, trans


def _rows(value: Any, key: str, frames: int, what: str) -> np.ndarray:
    """(n,3) from (n,3), (1,n,3), (n,1,3), or one row for all frames: (3,), (1,3)."""
    array = array_of(value, key, what)
    if array.shape[-1:] == (3,) and array.size in (3, 3 * frames):
        array = array.reshape(-1, 3)
    rows: np.ndarray = numbers(array, key, what, (frames, 3), (1, 3))
    return np.repeat(rows, frames, axis=0) if len(rows) != frames else rows


def shape(fields: Fields) -> tuple[str, Any]:
    """The key and the value of the shape, without a batch axis; None if there is none."""
    key, value = fields.first(SHAPES) or ("betas", None)
    while isinstance(value, np.ndarray) and value.ndim > 2 and value.shape[0] == 1:
        value = value[0]
    return key, value


def own_rate(fields: Fields, notes: Notes) -> float | None:
    """The frame rate that the file states; None if it states none. Raises InputError."""
    stated: dict[str, float] = {}
    for key in RATES:
        value = fields.get(key)
        if value is not None:
            stated[key] = scalar(value, key, fields.what)
            if not stated[key] > 0:
                raise InputError(f"{fields.what}: {key} must be positive, found {stated[key]:g}")
    if not stated:
        return None
    key, chosen = next(iter(stated.items()))
    for other, value in stated.items():
        if abs(value - chosen) > 0.01 * chosen:
            notes.add(f"{key} says {chosen:g} frames a second and {other} {value:g}; the first is used")
    return chosen


def note_gender(fields: Fields, notes: Notes) -> None:
    """Note a gender, which Kinema does not keep; any other value there is irrelevant."""
    value = fields.get("gender")
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if value is None or (isinstance(value, str) and value.lower() in ("neutral", "unknown", "none", "")):
        return
    if isinstance(value, str):
        notes.add(f"the file's body is {quoted(value, mark='')}; Kinema keeps no gender")
    else:
        notes.add("gender is no text and was left out")
