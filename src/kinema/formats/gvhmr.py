"""GVHMR's `hmr4d_results.pt` and the `.pt` files of GEM, which have the same layout: one person, SMPL-X.

`smpl_params_incam` and `smpl_params_global` (GEM: `body_params_...`, possibly prefixed with `pred_`) each hold
`global_orient` (L,3), `body_pose` (L,63), `betas` (L,10) and `transl` (L,3), in the camera's frame and in a y-up world;
`K_fullimg` (L,3,3) is the camera, whose principal point is the image centre, which gives the image size.

Written without torch: float32 tensors of the same names, one file per person, and `fps` in addition, 30 by default, as
GVHMR's readers assume: poses at other times, and in gaps, are interpolated. The body is SMPL-X with the person's shape
if the motion was fitted with SMPL-X. Otherwise it is the average body, and the trajectory is scaled to its legs
(`kinema.formats.reader_body`): in the world with the soles on the floor, and in the camera's frame about the camera, so
that the body is drawn where the person is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import InputError, UsageError
from kinema.formats.amass_writing import (
    BODY_POSE,
    MOST_FRAMES,
    USUAL_RATE,
    check_rate,
    keeps_shape,
    note_body,
    person_path,
    posed_people,
)
from kinema.formats.foreign import REST_PELVIS, YUP_FROM_CAMERA, betas_from, motion_from, pose_from_parts
from kinema.formats.reader_body import AVERAGE_LEGS, carried_over, own_legs, rest_pelvis
from kinema.formats.report import Notes, WriteReport
from kinema.formats.timeline import first_rows, held_at_cuts, without_pauses
from kinema.geometry.camera import Camera
from kinema.geometry.rotations import turned_root
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import NUM_BETAS
from kinema.storage.fields import array_of, numbers, require_keys, scalar
from kinema.storage.torch_writing import write_torch
from kinema.temporal.resampling import constant_rate_times, is_on_grid
from kinema.temporal.splines import resample_axis_angle_cubic, resample_cubic

if TYPE_CHECKING:
    from kinema.body import BodyModel

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
        body = _single(part["body_pose"], "body_pose", where)
        if body.ndim == 2 and body.shape[1] not in (63, 69):
            raise InputError(
                f"{where}: body_pose has {body.shape[1]} columns where SMPL-X's has 63; GEM-X's SOMA body is not read"
            )
        pose = pose_from_parts(
            _single(part["global_orient"], "global_orient", where), body, where, notes, ("global_orient", "body_pose")
        )
        fields["pose" + suffix] = pose
        if part.get("transl") is not None:
            fields["transl" + suffix] = numbers(
                _single(part["transl"], "transl", where), "transl", where, (len(pose), 3)
            )
        if part.get("betas") is not None:  # the same in both frames of reference; the camera's, read first, are kept
            fields.setdefault("betas", betas_from(_single(part["betas"], "betas", where), len(pose), where, notes))
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


def write(
    motion: Motion,
    path: Path,
    *,
    body: BodyModel | None = None,
    fps: float | None = None,
    report: WriteReport | None = None,
) -> Path:
    """Write one file per person with a pose and return the first. See the module. fps: frame rate; by default 30.

    Raises UsageError if nobody has a pose, OutputError.
    """
    report = WriteReport() if report is None else report
    people = posed_people(motion)
    if fps is not None and fps != USUAL_RATE:
        report.notes.add(f"GVHMR's readers take {USUAL_RATE} frames a second for granted, found {fps:.6g}")
    if not people:
        raise UsageError("nobody in this motion has a pose; run the fit before exporting it")
    motion = without_pauses(motion, report)
    check_rate(motion, fps)
    people = [motion.person(person.id) for person in people]
    rate = USUAL_RATE if fps is None and USUAL_RATE * np.ptp(motion.times) <= MOST_FRAMES else (fps or motion.fps)
    paths = [path] if len(people) == 1 else [person_path(path, person) for person in people]
    for person, target in zip(people, paths, strict=True):
        write_torch(_content(motion, person, body, rate, report), target)
        note_body(motion, person, body, "smplx", report)
        report.paths.append(target)
    return paths[0]


def _content(
    motion: Motion, person: Person, body: BodyModel | None, rate: float, report: WriteReport
) -> dict[str, Any]:
    times, first = motion.times[person.frames], first_rows(person, motion)
    grid = constant_rate_times(times, rate)
    moments = held_at_cuts(grid, times, first)
    if even := is_on_grid(times, grid):
        grid = times
    else:
        report.notes.add(f"person {person.id} was resampled to {rate:.6g} frames a second, gaps interpolated")
    if len(times) and times[0] > motion.times[0]:
        report.notes.add(f"person {person.id} starts {times[0] - motion.times[0]:.3f} s after the clip")
    betas = np.zeros((len(times), NUM_BETAS))
    if person.betas is not None and keeps_shape(motion, "smplx"):
        betas = np.array(person.betas)
    if any(pose is not None and np.any(pose[:, BODY_POSE:]) for pose in (person.pose, person.pose_world)):
        report.notes.add("the rotations of SMPL's hand joints are left out: SMPL-X has none")
    shape = betas if even else resample_cubic(betas, times, moments, first)
    content: dict[str, Any] = {}
    for frame, pose, transl in (
        ("incam", person.pose, person.transl),
        ("global", person.pose_world, person.transl_world),
    ):
        if pose is None:
            continue
        if transl is None:
            report.notes.add(f"person {person.id} has no translation and stays at the origin")
            position = np.zeros((len(times), 3))
        else:
            pelvis = transl + rest_pelvis(motion, person, body)
            position = _carried(motion, person, body, pose, pelvis, frame) - REST_PELVIS["smplx"]
        # As a rule the pose in the world differs in the root alone, and splines of rotations take most of the time.
        same = frame == "global" and person.pose is not None and np.array_equal(pose[:, 3:], person.pose[:, 3:])
        turned = pose[:, : 3 if same else BODY_POSE]
        resampled = turned if even else resample_axis_angle_cubic(turned, times, moments, first)
        content[f"smpl_params_{frame}"] = {
            "body_pose": content["smpl_params_incam"]["body_pose"] if same else resampled[:, 3:],
            "betas": shape,
            "global_orient": resampled[:, :3],
            "transl": position if even else resample_cubic(position, times, moments, first),
        }
    if motion.camera is not None and "smpl_params_incam" in content:
        intrinsics = np.array(motion.camera.intrinsics)
        intrinsics[:2, 2] = [motion.camera.width / 2, motion.camera.height / 2]
        if np.max(np.abs(intrinsics - motion.camera.intrinsics)) > 1 or motion.camera.distortion is not None:
            report.notes.add("the camera is written as GVHMR's: principal point at the image centre, no distortion")
        content["K_fullimg"] = np.repeat(intrinsics[None], len(grid), axis=0)
    content["fps"] = float(rate)
    return content


def _carried(
    motion: Motion, person: Person, body: BodyModel | None, pose: np.ndarray, pelvis: np.ndarray, frame: str
) -> np.ndarray:
    """The pelvis (n,3) of the body that readers pose, in the world, or in the camera's frame for "incam"."""
    if keeps_shape(motion, "smplx"):
        return pelvis
    own, reader = own_legs(motion, person, body), AVERAGE_LEGS["smplx"]
    if frame == "global":
        return carried_over(pose, pelvis, own, reader)
    upright = turned_root(pose, YUP_FROM_CAMERA)
    placed = carried_over(upright, pelvis @ YUP_FROM_CAMERA, own, reader, about=np.zeros(3))
    return np.asarray(placed @ YUP_FROM_CAMERA)


def _part(content: Mapping[Any, Any], frame: str) -> Mapping[Any, Any] | None:
    for prefix in _PREFIXES:
        part = content.get(f"{prefix}_{frame}")
        if isinstance(part, Mapping):
            return part
    return None


def _single(value: Any, key: str, what: str) -> np.ndarray:
    """The value without the leading batch axis of length one that some versions leave."""
    array = array_of(value, key, what)
    return array[0] if array.ndim == 3 and array.shape[0] == 1 else array


def _camera(value: Any, what: str, notes: Notes) -> Camera | None:
    if value is None:
        return None
    matrices = numbers(value, "K_fullimg", what, (3, 3), ("L", 3, 3)).reshape(-1, 3, 3)
    if not len(matrices):
        return None
    intrinsics = matrices[0]
    if np.max(np.abs(matrices - intrinsics)) > 1e-3:
        notes.add("the camera changes over the clip; the first frame's was used")
    width, height = (round(2 * float(centre)) for centre in intrinsics[:2, 2])
    if width < 1 or height < 1:
        raise InputError(f"{what}: the centre of K_fullimg must be positive, found {intrinsics[:2, 2]}")
    return Camera(width, height, intrinsics, focal_source="file")
