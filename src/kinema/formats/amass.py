"""AMASS `.npz` files: one person in a z-up world, the format of Blender's SMPL add-ons and of retargeting tools.

Written in the layout of AMASS' SMPL-X release, the most widely readable one: `poses` (N,165) = root, 21 body joints,
jaw, two eyes, 30 finger joints (axis-angle). Blender's SMPL-X add-on requires all 55 joints; readers of SMPL and SMPL-H
take the first 66, 72 or 156 columns, which are valid too, as all but the first 66 are zero.

Axes: AMASS' world is z-up. From Kinema's y-up world, (x, y, z) becomes (x, -z, y); a motion without a world is
converted from the camera's frame instead, (x, y, z) to (x, z, -y), which is upright if the camera is level.

`trans` is SMPL-X's: added to a body whose pelvis rests at `REST_PELVIS["smplx"]`, so that the pelvis of the reader's
average body is exactly where Kinema's is. `betas` (16,) are the person's shape if the motion was fitted with an SMPL
body, and zero for the free body, which has its own shape space.

The frame rate is a whole number (the add-ons truncate it): poses at other times, and in gaps of the track, are
interpolated, rotations along the shortest arc.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import InputError, UsageError
from kinema.formats.foreign import REST_PELVIS, ZUP_FROM_YUP, betas_from, motion_from, yup_from_zup
from kinema.formats.report import Notes, WriteReport
from kinema.formats.timeline import first_rows, held_at_cuts, without_pauses
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import NUM_BETAS, NUM_POSE
from kinema.storage.atomic import atomic_path
from kinema.storage.fields import numbers, require_keys, scalar, text
from kinema.temporal.resampling import constant_rate_times, is_on_grid, resample_axis_angle, resample_linear

if TYPE_CHECKING:
    from kinema.body import BodyModel

_BODY_POSE = 66
_LAYOUTS = {72: "smpl", 156: "smplh", 165: "smplx", 66: "smplh"}
_WIDTH = 165
_KEPT = {
    "poses", "trans", "betas", "gender", "mocap_framerate", "mocap_frame_rate", "mocap_time_length",
    "surface_model_type", "root_orient", "pose_body", "pose_hand", "pose_jaw", "pose_eye",
}  # fmt: skip

ZUP_FROM_CAMERA = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether an opened file has AMASS' keys."""
    return "poses" in content and "trans" in content and not isinstance(content, dict)


def write(
    motion: Motion,
    path: Path,
    *,
    body: BodyModel | None = None,
    vertices: bool = False,
    report: WriteReport | None = None,
) -> Path:
    """Write one `.npz` per person: `path` for one, `name_<id>.npz` next to it for several. See the module.

    Returns the first file. Raises UsageError where nobody in the motion has a pose.
    """
    report = WriteReport() if report is None else report
    posed = [person for person in motion if person.pose is not None or person.pose_world is not None]
    people = [person for person in posed if len(person)]
    if not people:
        raise UsageError("this motion has no poses; run the fit before writing an AMASS file")
    motion = without_pauses(motion, report)
    people = [motion.person(person.id) for person in people]
    paths = [path] if len(people) == 1 else [person_path(path, person) for person in people]
    for person, target in zip(people, paths, strict=True):
        arrays = amass_arrays(motion, person, body)
        _note_changes(motion, person, arrays, report)
        write_arrays(arrays, target)
        report.paths.append(target)
    return paths[0]


def _note_changes(motion: Motion, person: Person, arrays: Mapping[str, np.ndarray], report: WriteReport) -> None:
    """Note what an AMASS file of this person changes or leaves out."""
    times, rate = motion.times[person.frames], float(arrays["mocap_frame_rate"])
    if person.pose_world is None:
        report.notes.add("no world: the camera's frame was rotated to z-up, upright if the camera was level")
    if not is_on_grid(times, constant_rate_times(times, rate)):
        report.notes.add(f"person {person.id} was resampled to {rate:g} frames a second, gaps interpolated")
    if times[0] > motion.times[0]:
        report.notes.add(f"person {person.id} starts {times[0] - motion.times[0]:.3f} s after the clip")
    if person.betas is not None and not arrays["betas"].any() and person.betas.any():
        report.notes.add("the shape is left out: it belongs to the free body, not to SMPL-X")
    pose = person.pose if person.pose_world is None else person.pose_world
    if pose is not None and pose[:, _BODY_POSE:].any():
        report.notes.add("the rotations of SMPL's hand joints are left out: SMPL-X has none")


def person_path(path: Path, person: Person) -> Path:
    """`name_<id>.npz` in the folder of `path`."""
    return path.with_name(f"{path.stem}_{person.id}{path.suffix}")


def write_arrays(arrays: Mapping[str, Any], path: Path) -> None:
    """Write an `.npz` of plain arrays, atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **dict(arrays))


def amass_arrays(motion: Motion, person: Person, body: BodyModel | None = None) -> dict[str, np.ndarray]:
    """The arrays of an AMASS file for one person with a pose. See the module for layout and axes.

    Keys: poses (N,165); root_orient (N,3), pose_body (N,63), pose_hand (N,90), pose_jaw (N,3), pose_eye
    (N,6): its parts; trans (N,3) metres; betas (16,); gender "neutral"; mocap_framerate and
    mocap_frame_rate, the same number; mocap_time_length seconds; surface_model_type "smplx".
    """
    rotation, pose, pelvis = _upright(motion, person, body)
    times = motion.times[person.frames]
    rate = max(1, round(motion.fps))
    grid = constant_rate_times(times, rate)
    pose = pose.copy()
    pose[:, :3] = matrix_to_axis_angle(rotation @ axis_angle_to_matrix(pose[:, :3]))
    trans = pelvis @ rotation.T - REST_PELVIS["smplx"]
    if not is_on_grid(times, grid):
        moments = held_at_cuts(grid, times, first_rows(person, motion))
        pose, trans = resample_axis_angle(pose, times, moments), resample_linear(trans, times, moments)
    poses = np.zeros((len(grid), _WIDTH))
    poses[:, :_BODY_POSE] = pose[:, :_BODY_POSE]
    betas = np.zeros(16)
    if person.betas is not None and motion.body_model not in (None, "free"):
        betas[:NUM_BETAS] = np.median(person.betas, axis=0)
    return {
        "poses": poses,
        "root_orient": poses[:, :3],
        "pose_body": poses[:, 3:66],
        "pose_jaw": poses[:, 66:69],
        "pose_eye": poses[:, 69:75],
        "pose_hand": poses[:, 75:],
        "trans": trans,
        "betas": betas,
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(float(rate)),
        "mocap_frame_rate": np.array(float(rate)),
        "mocap_time_length": np.array(len(grid) / rate),
        "surface_model_type": np.array("smplx"),
    }


def _upright(motion: Motion, person: Person, body: BodyModel | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotation to z-up (3,3), pose (F,72), pelvis (F,3), in the world where known, else in the camera's frame."""
    if person.pose_world is not None:
        rotation, pose, transl, joints = ZUP_FROM_YUP, person.pose_world, person.transl_world, person.joints_world
    elif person.pose is not None:
        rotation, pose, transl, joints = ZUP_FROM_CAMERA, person.pose, person.transl, person.joints
    else:
        raise UsageError(f"person {person.id} has no pose; run the fit before writing an AMASS file")
    if joints is not None:
        return rotation, pose, joints[:, 0]
    if transl is None:
        return rotation, pose, np.zeros((len(pose), 3))
    return rotation, pose, transl + rest_pelvis(motion, person, body)


def rest_pelvis(motion: Motion, person: Person, body: BodyModel | None) -> np.ndarray:
    """(3,) or (F,3): position of the pelvis of the person's body at rest, relative to the model's origin."""
    from kinema.body.loading import body_of  # loading any motion file imports this module

    body = body_of(motion, body)
    if body is not None and person.betas is not None:
        return body.rest_joints(person.betas)[:, 0]
    return REST_PELVIS.get(motion.body_model or "", REST_PELVIS["smpl"])


def read(content: Mapping[Any, Any], path: Path) -> Motion:
    """The person of an AMASS file, converted to the y-up world: `pose_world`, `transl_world`, `betas`, times.

    Lossy: hands, jaw and eyes, betas beyond the tenth, markers and soft-tissue terms (dmpls) are left out, as noted in
    the provenance. `body_model` becomes "smpl", "smplh" or "smplx", depending on the file's layout. Raises InputError,
    ShapeError.
    """
    what, notes = str(path), Notes()
    require_keys(content, ("poses", "trans"), what)
    poses = numbers(content["poses"], "poses", what, ("N", "D"))
    frames, width = poses.shape
    if width not in _LAYOUTS:
        known = ", ".join(map(str, sorted(_LAYOUTS)))
        raise InputError(f"{what}: poses has {width} columns; AMASS files have {known}")
    layout = _LAYOUTS[width]
    if "surface_model_type" in content:
        named = text(content["surface_model_type"], "surface_model_type", what).lower()
        layout = named if named in REST_PELVIS else layout
    gender = text(content["gender"], "gender", what) if "gender" in content else "neutral"
    if gender != "neutral":
        notes.add(f"the file's body is {gender}; Kinema keeps no gender")
    notes.left_out(content, _KEPT)
    trans = numbers(content["trans"], "trans", what, (frames, 3))
    pose = np.zeros((frames, NUM_POSE))
    shared = NUM_POSE if width == NUM_POSE else _BODY_POSE  # only SMPL's own layout has its two hand joints
    pose[:, :shared] = poses[:, :shared]
    if poses[:, shared:].any():
        notes.add("the rotations of hands, jaw and eyes were left out")
    pose, pelvis = yup_from_zup(pose, trans + REST_PELVIS[layout])
    person = Person(
        id=1,
        frames=np.arange(frames),
        pose_world=pose,
        transl_world=pelvis - REST_PELVIS[layout],
        betas=betas_from(content.get("betas"), frames, what, notes),
    )
    rate = _frame_rate(content, what)
    return motion_from("amass", [person], path, notes, fps=None, own_fps=rate, body_model=layout)


def _frame_rate(content: Mapping[Any, Any], what: str) -> float:
    for key in ("mocap_frame_rate", "mocap_framerate"):
        if key in content:
            rate = scalar(content[key], key, what)
            if not rate > 0:
                raise InputError(f"{what}: {key} must be positive, found {rate:g}")
            return rate
    raise InputError(f"{what} lacks mocap_frame_rate; without it the motion has no times")
