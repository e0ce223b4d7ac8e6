"""Writing AMASS `.npz` files: one person in a z-up world, for Blender's SMPL add-ons and retargeting tools.

By default in the layout of AMASS' SMPL-X release, the most widely readable one: `poses` (N,165) = root, 21 body joints,
jaw, two eyes, 30 finger joints (axis-angle). Blender's SMPL-X add-on requires all 55 joints. Programs that pose SMPL-H
or SMPL read its first columns, but have another body: for them there are the layouts "smplh" (N,156) and "smpl" (N,72,
with SMPL's two hand joints).

Axes: AMASS' world is z-up. From Kinema's y-up world, (x, y, z) becomes (x, -z, y); a motion without a world is
converted from the camera's frame instead, (x, y, z) to (x, z, -y), which is upright if the camera is level.

Shape: `betas` are the person's if the motion was fitted with the layout's own body, and zero for any other, such as the
free body, which has its own shape space. Readers then pose their average body, and the trajectory is scaled to its
legs, with its soles on the floor (`kinema.formats.reader_body`); without a world it is scaled about the camera. `trans`
is added to a body whose pelvis rests at `REST_PELVIS`.

Camera: if known, `cam_R` (N,3,3) and `cam_t` (N,3) at each frame of `poses`: X_camera = cam_R @ X + cam_t, X in the
file's z-up world, OpenCV's axes (x right, y down, z forward); `K` (3,3) pixels, centres at integers; `size` width and
height; `fps`. The camera is scaled together with a trajectory, so that people stay in place in the image.

Rate: Blender's add-on truncates the rate to a whole number and refuses less than 30. So by default it is 30 or the next
multiple of it. Poses at other times are interpolated by cubics, and gaps of the track linearly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.checks import RATE_RANGE, is_rate
from kinema.errors import UsageError
from kinema.formats.camera_track import camera_track
from kinema.formats.foreign import REST_PELVIS, YUP_FROM_CAMERA, ZUP_FROM_YUP
from kinema.formats.reader_body import AVERAGE_LEGS, carried_over, family, own_legs, rest_pelvis
from kinema.formats.report import WriteReport
from kinema.formats.timeline import first_rows, held_at_cuts, without_pauses
from kinema.geometry.rotations import turned_root
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import NUM_BETAS
from kinema.storage.atomic import atomic_path
from kinema.temporal.resampling import constant_rate_times, is_on_grid
from kinema.temporal.splines import resample_axis_angle_cubic, resample_cubic

if TYPE_CHECKING:
    from kinema.body import BodyModel

BODY_POSE = 66
"""Columns of the root's and the 21 body joints' rotations, which SMPL, SMPL-H and SMPL-X share."""

WIDTHS = {"smplx": 165, "smplh": 156, "smpl": 72}
"""Columns of `poses` by layout."""

NAMES = {"smplx": "SMPL-X", "smplh": "SMPL-H", "smpl": "SMPL"}

MOST_FRAMES = 2_000_000
"""Most frames of a file: 18 hours at 30 frames per second, whose poses take 2.6 GB."""

USUAL_RATE = 30
"""Frames per second: the least that Blender's SMPL-X add-on accepts, and the rate that GVHMR's readers assume."""


def write(
    motion: Motion,
    path: Path,
    *,
    body: BodyModel | None = None,
    fps: float | None = None,
    layout: str = "smplx",
    camera: bool = True,
    report: WriteReport | None = None,
) -> Path:
    """Write one `.npz` per person: `path` for one, `name_<id>.npz` next to it for several. See the module.

    fps: frame rate; by default 30 or the next multiple of it. layout: "smplx", "smplh" or "smpl". camera: include the
    filming camera. Returns the first file. Raises UsageError if nobody in the motion has a pose, OutputError.
    """
    report = WriteReport() if report is None else report
    people = posed_people(motion)
    if not people:
        raise UsageError("this motion has no poses; run the fit before writing an AMASS file")
    if layout not in WIDTHS:
        raise UsageError(f"unknown `layout` {layout!r}; use one of {', '.join(WIDTHS)}")
    motion = without_pauses(motion, report)
    check_rate(motion, fps)
    if fps is not None and (fps < USUAL_RATE or fps != round(fps)):
        report.notes.add(f"Blender's SMPL-X add-on wants a whole rate of at least {USUAL_RATE}, found {fps:.6g}")
    people = [motion.person(person.id) for person in people]
    paths = [path] if len(people) == 1 else [person_path(path, person) for person in people]
    for person, target in zip(people, paths, strict=True):
        arrays = amass_arrays(motion, person, body, fps=fps, layout=layout)
        if camera:
            arrays |= camera_arrays(motion, person, body, report, rate=float(arrays["mocap_frame_rate"]), layout=layout)
        _note_changes(motion, person, arrays, report)
        note_body(motion, person, body, layout, report)
        write_arrays(arrays, target)
        report.paths.append(target)
    return paths[0]


def posed_people(motion: Motion) -> list[Person]:
    """The people with frames and a pose in the world or in the camera's frame."""
    return [p for p in motion if len(p) and (p.pose is not None or p.pose_world is not None)]


def check_rate(motion: Motion, fps: float | None) -> None:
    """Raise UsageError for an implausible frame rate."""
    if fps is not None and not is_rate(fps):
        raise UsageError(f"the frame rate must be {RATE_RANGE}, found {fps:g}; leave it out to take the usual one")
    if fps is not None and fps * np.ptp(motion.times) > MOST_FRAMES:
        raise UsageError(f"{fps:g} frames a second would make more than {MOST_FRAMES} frames; choose a lower rate")


def usual_rate(motion: Motion) -> int:
    """30, or the multiple of it that loses no frame of the clip: 23.976, 29.97 to 30; 50, 59.94 to 60.

    For a time lapse of days, the clip's own.
    """
    rate = USUAL_RATE * max(1, math.ceil(motion.fps / USUAL_RATE - 0.02))
    return rate if rate * np.ptp(motion.times) <= MOST_FRAMES else max(1, round(motion.fps))


def _note_changes(motion: Motion, person: Person, arrays: Mapping[str, np.ndarray], report: WriteReport) -> None:
    """Note the changes and omissions of an AMASS file of this person."""
    times, rate = motion.times[person.frames], float(arrays["mocap_frame_rate"])
    if person.pose_world is None:
        report.notes.add("in the camera's frame, rotated to z-up (upright if the camera was level)")
    if not is_on_grid(times, constant_rate_times(times, rate)):
        report.notes.add(f"person {person.id} was resampled to {rate:g} frames a second, gaps interpolated")
    if times[0] > motion.times[0]:
        report.notes.add(f"person {person.id} starts {times[0] - motion.times[0]:.3f} s after the clip")
    pose = person.pose if person.pose_world is None else person.pose_world
    if pose is not None and pose[:, BODY_POSE:].any() and arrays["poses"].shape[1] != WIDTHS["smpl"]:
        name = NAMES[str(arrays["surface_model_type"])]
        report.notes.add(f"the rotations of SMPL's hand joints are left out: {name} has none")


def note_body(motion: Motion, person: Person, body: BodyModel | None, layout: str, report: WriteReport) -> None:
    """Note that a file has no shape, and the scale of the trajectory for the body that readers pose instead."""
    if keeps_shape(motion, layout):
        return
    own = family(motion)
    if person.betas is not None and person.betas.any():
        whose = "free" if own is None else NAMES[own]
        report.notes.add(f"the shape is left out: it belongs to the {whose} body, not to {NAMES[layout]}")
    ratio = AVERAGE_LEGS[layout].depth / own_legs(motion, person, body).depth
    report.notes.add(
        f"person {person.id}'s trajectory is scaled by {ratio:.3f} to match the legs of {NAMES[layout]}'s average body,"
        " so that its soles are where the person's are"
    )


def keeps_shape(motion: Motion, layout: str) -> bool:
    """Whether the betas of a motion belong to the layout's own body."""
    return family(motion) == layout


def person_path(path: Path, person: Person) -> Path:
    """`name_<id>.npz` in the folder of `path`."""
    return path.with_name(f"{path.stem}_{person.id}{path.suffix}")


def write_arrays(arrays: Mapping[str, Any], path: Path) -> None:
    """Write an `.npz` of plain arrays, atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **dict(arrays))


def amass_arrays(
    motion: Motion, person: Person, body: BodyModel | None = None, *, fps: float | None = None, layout: str = "smplx"
) -> dict[str, np.ndarray]:
    """The arrays of an AMASS file for one person with a pose. See the module for layout and axes.

    Keys: poses (N,165|156|72); root_orient (N,3), pose_body (N,63): its parts, and unless it is SMPL pose_hand (N,90);
    SMPL-X also pose_jaw (N,3), pose_eye (N,6); trans (N,3) metres; betas (16,), SMPL (10,); gender "neutral";
    mocap_framerate and mocap_frame_rate, the same number; mocap_time_length seconds; surface_model_type, the layout.
    """
    pose, pelvis = _upright(motion, person, body, layout)
    times = motion.times[person.frames]
    rate = usual_rate(motion) if fps is None else fps
    grid = constant_rate_times(times, rate)
    kept = WIDTHS["smpl"] if layout == "smpl" else BODY_POSE
    pose = turned_root(pose, ZUP_FROM_YUP)[:, :kept]
    trans = pelvis @ ZUP_FROM_YUP.T - REST_PELVIS[layout]
    if not is_on_grid(times, grid):
        first = first_rows(person, motion)
        moments = held_at_cuts(grid, times, first)
        pose = resample_axis_angle_cubic(pose, times, moments, first)
        trans = resample_cubic(trans, times, moments, first)
    poses = np.zeros((len(grid), WIDTHS[layout]))
    poses[:, :kept] = pose
    betas = np.zeros(NUM_BETAS if layout == "smpl" else 16)
    if person.betas is not None and keeps_shape(motion, layout):
        betas[:NUM_BETAS] = np.median(person.betas, axis=0)
    parts = {"root_orient": poses[:, :3], "pose_body": poses[:, 3:BODY_POSE]}
    if layout == "smplx":
        parts |= {"pose_jaw": poses[:, 66:69], "pose_eye": poses[:, 69:75], "pose_hand": poses[:, 75:]}
    elif layout == "smplh":
        parts |= {"pose_hand": poses[:, BODY_POSE:]}
    return {
        "poses": poses,
        **parts,
        "trans": trans,
        "betas": betas,
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(float(rate)),
        "mocap_frame_rate": np.array(float(rate)),
        "mocap_time_length": np.array(len(grid) / rate),
        "surface_model_type": np.array(layout),
    }


def camera_arrays(
    motion: Motion, person: Person, body: BodyModel | None, report: WriteReport, *, rate: float, layout: str
) -> dict[str, np.ndarray]:
    """The camera's arrays of a person's AMASS file at `rate` frames a second; none if the camera is unknown."""
    in_world = person.pose_world is not None
    track = camera_track(motion, "world" if in_world else "camera", report)
    if track is None:
        return {}
    grid = constant_rate_times(motion.times[person.frames], rate)
    track = track.at(grid)
    if in_world and not keeps_shape(motion, layout):
        _, pelvis = _in_frame(motion, person, body)
        about = pelvis[0] * [1, 0, 1]
        ratio = AVERAGE_LEGS[layout].depth / own_legs(motion, person, body).depth
        track = replace(track, place=about + ratio * (track.place - about))
    rotation, translation = track.world_to_camera
    count = len(grid)
    return {
        "cam_R": np.array(np.broadcast_to(rotation @ ZUP_FROM_YUP.T, (count, 3, 3))),
        "cam_t": np.array(np.broadcast_to(translation, (count, 3))),
        "K": np.array(track.intrinsics),
        "size": np.array([track.width, track.height]),
        "fps": np.array(float(rate)),
    }


def _upright(motion: Motion, person: Person, body: BodyModel | None, layout: str) -> tuple[np.ndarray, np.ndarray]:
    """Pose (F,72) and the pelvis (F,3) of the reader's body, y up: in the world if known, else in the camera's
    frame."""
    pose, pelvis = _in_frame(motion, person, body)
    if keeps_shape(motion, layout):
        return pose, pelvis
    own = own_legs(motion, person, body)
    about = None if person.pose_world is not None else np.zeros(3)
    return pose, carried_over(pose, pelvis, own, AVERAGE_LEGS[layout], about=about)


def _in_frame(motion: Motion, person: Person, body: BodyModel | None) -> tuple[np.ndarray, np.ndarray]:
    """Pose (F,72) and pelvis (F,3) of the person's own body, y up."""
    in_world = person.pose_world is not None
    pose = person.pose_world if in_world else person.pose
    if pose is None:
        raise UsageError(f"person {person.id} has no pose; run the fit before writing an AMASS file")
    transl, joints = (person.transl_world, person.joints_world) if in_world else (person.transl, person.joints)
    pose = np.array(pose)
    if joints is not None:
        pelvis = joints[:, 0]
    elif transl is not None:
        pelvis = transl + rest_pelvis(motion, person, body)
    else:
        pelvis = np.zeros((len(pose), 3))
    if not in_world:
        pose = turned_root(pose, YUP_FROM_CAMERA)
        pelvis = pelvis @ YUP_FROM_CAMERA
    return pose, pelvis
