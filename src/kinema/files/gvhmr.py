"""GVHMR's `hmr4d_results.pt` and the `.pt` files of GEM, which have the same layout: one person, SMPL-X.

`smpl_params_incam` and `smpl_params_global` (GEM: `body_params_...`, also with `pred_` before) each hold
`global_orient` (L,3), `body_pose` (L,63), `betas` (L,10) and `transl` (L,3), in the camera's frame and in a
y-up world; `K_fullimg` (L,3,3) is the camera, centred, so it tells the picture's size.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError
from kinema.files.fields import numbers, require_keys, scalar
from kinema.files.foreign import Notes, betas_from, motion_from, pose_from_parts
from kinema.motion import Camera, Motion, Person

_PREFIXES = ("smpl_params", "body_params", "pred_smpl_params", "pred_body_params")


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether the contents of a `.pt` are GVHMR's or GEM's."""
    return isinstance(content, dict) and any(_part(content, frame) is not None for frame in ("global", "incam"))


def read(content: Mapping[Any, Any], path: Path, *, fps: float | None = None) -> Motion:
    """The person of the file in the camera's frame and in the world. Raises InputError, ShapeError."""
    what, notes = str(path), Notes()
    used = {f"{prefix}_{frame}" for prefix in _PREFIXES for frame in ("global", "incam")}
    notes.left_out(content, used | {"K_fullimg", "fps"})
    fields: dict[str, Any] = {}
    for frame, suffix in (("incam", ""), ("global", "_world")):
        part = _part(content, frame)
        if part is None:
            continue
        where = f"{what}: {frame}"
        require_keys(part, ("global_orient", "body_pose"), where)
        body = _single(part["body_pose"])
        if body.ndim == 2 and body.shape[1] not in (63, 69):
            raise InputError(
                f"{where}: body_pose has {body.shape[1]} columns where SMPL-X's has 63; GEM-X's SOMA body is not read"
            )
        pose = pose_from_parts(_single(part["global_orient"]), body, where, notes, ("global_orient", "body_pose"))
        fields["pose" + suffix] = pose
        if part.get("transl") is not None:
            fields["transl" + suffix] = numbers(_single(part["transl"]), "transl", where, (len(pose), 3))
        if part.get("betas") is not None:  # the same in both frames; the camera's, read first, is kept
            fields.setdefault("betas", betas_from(_single(part["betas"]), len(pose), where, notes))
    frames = len(next(iter(fields.values())))
    person = Person(id=1, frames=np.arange(frames), **fields)
    own = content.get("fps")
    return motion_from(
        "gvhmr",
        [person],
        path,
        notes,
        fps=fps,
        own_fps=None if own is None else scalar(own, "fps", what),
        body_model="smplx",
        camera=_camera(content.get("K_fullimg"), what, notes),
    )


def _part(content: Mapping[Any, Any], frame: str) -> Mapping[Any, Any] | None:
    for prefix in _PREFIXES:
        part = content.get(f"{prefix}_{frame}")
        if isinstance(part, Mapping):
            return part
    return None


def _single(value: Any) -> np.ndarray:
    """Without the batch axis of length one that some versions leave in front."""
    array = np.asarray(value)
    return array[0] if array.ndim == 3 and array.shape[0] == 1 else array


def _camera(value: Any, what: str, notes: Notes) -> Camera | None:
    if value is None:
        return None
    matrices = numbers(value, "K_fullimg", what, (3, 3), ("L", 3, 3)).reshape(-1, 3, 3)
    if not len(matrices):
        return None
    intrinsics = matrices[0]
    if np.max(np.abs(matrices - intrinsics)) > 1e-3:
        notes.add("the focal length changes over the clip; the first frame's was taken")
    width, height = (round(2 * float(centre)) for centre in intrinsics[:2, 2])
    if width < 1 or height < 1:
        raise InputError(f"{what}: the centre of K_fullimg must be positive, found {intrinsics[:2, 2]}")
    return Camera(width, height, intrinsics, focal_source="file")
