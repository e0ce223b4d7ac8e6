"""BVH: a skeleton and its motion as text, read by Blender, Maya, MotionBuilder, Unreal and every retargeting tool.

- One file per person (`name_<id>.bvh` if there are several). y up, as usual for BVH.
- The rest pose is SMPL's T-pose with the person's own bone lengths, facing +z, left = +x; the root's offset is zero,
because readers disagree on whether to add it to the root's position, so the position *is* the pelvis.
- SMPL's 24 joints under their names, or those of another system (`naming`); end sites at the ends of the head, the
  toes and the fingers.
- The rotation channels of every joint in one order, by default Z X Y (R = Rz Rx Ry), degrees, continuous in time; the
  root has three position channels before them.
- Units: metres, or centimetres for tools that expect them. BVH does not store its unit.
- One frame time for the whole file, with enough digits for an hour to be exact; other frame times are interpolated.

The filming camera, if known, is in `name_camera.json` next to the files, because BVH has no cameras, in the layout of
`kinema run --camera`, and in the axes and the unit of the BVHs. `R` (T,3,3) and `t` (T,3): X_camera = R @ X + t with
OpenCV's axes (x right, y down, z forward), one row if it stands still; `K` (3,3) pixels, centres at integers; `size`
width and height; `distortion`; `times` (T,) seconds of the clip; `fps`; `starts`: each BVH's first frame in those
seconds; `unit`.

Frames are processed and written in chunks, so memory does not grow with the file.

Any file whose joints have known names can be read (see `joint_names` and `retargeting`): motion capture becomes the
free body's pose, shape and translation in the y-up world.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from kinema.body import load_body
from kinema.errors import InputError, UsageError
from kinema.formats.angles import ORDERS, euler_angles
from kinema.formats.bvh_parsing import BvhFile, parse_bvh
from kinema.formats.camera_track import NAME, CameraTrack, camera_track
from kinema.formats.foreign import motion_from
from kinema.formats.report import Notes, WriteReport
from kinema.formats.retargeting import retarget
from kinema.formats.skeletal import SkeletonTrack, constant_rate, person_paths, skeleton_tracks
from kinema.formats.timeline import without_pauses
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import SMPL24
from kinema.storage.atomic import atomic_path
from kinema.storage.text import json_text

if TYPE_CHECKING:
    from kinema.body import BodyModel

UNITS = {"m": 1.0, "cm": 100.0}
"""Units that a file may be written in, per metre."""

_DIGITS = 9
"""Decimals of the camera's numbers."""

READ_UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254}
"""Metres per unit that a file may be read in."""


def write(
    motion: Motion,
    path: Path,
    *,
    body: BodyModel | None = None,
    units: str | None = None,
    fps: float | None = None,
    rotation_order: str = "ZXY",
    names: str | None = None,
    camera: bool = True,
    report: WriteReport | None = None,
) -> Path:
    """Write one file per person and return the first. See the module.

    units: "m" (default) or "cm". fps: frame rate, default the clip's own. rotation_order: one of `ORDERS`. names: of
    the joints, a key of `naming.NAMINGS`, default SMPL's. camera: also write the filming camera's file.
    Raises UsageError, OutputError.
    """
    report = WriteReport() if report is None else report
    if units not in (None, *UNITS):
        raise UsageError(f"BVH files are written in {' or '.join(UNITS)}, not in {units!r}")
    if rotation_order not in ORDERS:
        raise UsageError(f"unknown rotation order {rotation_order!r}; use one of {', '.join(ORDERS)}")
    motion = without_pauses(motion, report)
    tracks = skeleton_tracks(motion, body, report, names)
    paths = person_paths(path, tracks)
    starts = {}
    for track, target in zip(tracks, paths, strict=True):
        even = constant_rate(track, report, fps)
        if even.times[0] > motion.times[0]:
            report.notes.add(f"{target.name} starts {even.times[0] - motion.times[0]:.3f} s after the clip")
        with atomic_path(target) as temporary, temporary.open("w", encoding="ascii", newline="\n") as file:
            _write(file, even, UNITS[units or "m"], rotation_order)
        report.paths.append(target)
        starts[target.name] = float(even.times[0])
    filmed = camera_track(motion, tracks[0].frame, report, distorted=True) if camera else None
    if filmed is not None:
        report.paths.append(
            write_camera_json(filmed, motion, path.with_name(f"{path.stem}_{NAME}.json"), units, starts)
        )
    return paths[0]


def write_camera_json(
    camera: CameraTrack, motion: Motion, path: Path, units: str | None, starts: Mapping[str, float]
) -> Path:
    """Write the camera as JSON. See the module."""
    rotation, translation = camera.world_to_camera
    content = {
        "R": rotation.round(_DIGITS).tolist(),
        "t": (translation * UNITS[units or "m"]).round(_DIGITS).tolist(),
        "K": camera.intrinsics.tolist(),
        "size": [camera.width, camera.height],
        "distortion": None if camera.distortion is None else camera.distortion.tolist(),
        "times": camera.times.tolist(),
        "fps": motion.fps,
        "up": [0, 1, 0],
        "kind": "full" if camera.moves else "static",
        "metric": units in (None, "m"),
        "unit": units or "m",
        "starts": dict(starts),
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json_text(content, indent=None) + "\n", encoding="utf-8")
    return path


def open_bvh(path: Path) -> dict[str, BvhFile]:
    """The parsed file, under the key `bvh`. Raises InputError."""
    return {"bvh": parse_bvh(path)}


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether the opened file is a BVH."""
    return isinstance(content.get("bvh"), BvhFile)


def read(content: Mapping[Any, Any], path: Path, *, fps: float | None = None, units: str | None = None) -> Motion:
    """The person of a BVH file, on the free body, in the y-up world.

    fps: the frame rate of a file whose frame time is missing or invalid. units: the file's, one of `READ_UNITS`; by
    default inferred from the length of the legs. Raises InputError, UsageError.
    """
    if units not in (None, *READ_UNITS):
        raise UsageError(f"`units` of a BVH that is read may be {', '.join(READ_UNITS)}, not {units!r}")
    body, notes = load_body(), Notes()
    file = content["bvh"]
    for note in file.notes:
        notes.add(note)
    if file.frame_time is None and fps is None:
        why = next((f" ({note}; it may be the rate)" for note in file.notes if "frame time" in note), "")
        raise InputError(f"{path} has no frame time in seconds{why}; give its frame rate with `fps`")
    own = None if file.frame_time is None else 1 / file.frame_time
    retargeted = retarget(file, body, str(path), notes, unit=None if units is None else READ_UNITS[units])
    person = Person(
        id=1,
        frames=np.arange(len(file)),
        pose_world=retargeted.pose,
        betas=np.repeat(retargeted.betas[None], len(file), axis=0),
        transl_world=retargeted.transl,
        joints_world=body.joints(retargeted.pose, retargeted.betas, retargeted.transl),
    )
    return motion_from("bvh", [person], path, notes, fps=fps, own_fps=own, body_model=body.name)


def end_sites(track: SkeletonTrack) -> dict[int, np.ndarray]:
    """Offset (3,) in metres from each leaf joint to the end of the skin, along the direction of its bone."""
    shape = track.body.shaped(track.betas)
    leaves = sorted(set(range(len(SMPL24))) - {int(p) for p in track.body.parents})
    ends = {}
    for leaf in leaves:
        bone = track.offsets[leaf]
        direction = bone / max(float(np.linalg.norm(bone)), 1e-9)
        skin = shape[track.body.weights[:, leaf] > 0.5]
        reach = float(np.max((skin - track.rest[leaf]) @ direction)) if len(skin) else 0.0
        ends[leaf] = direction * max(reach, 0.02)
    return ends


def _write(file: TextIO, track: SkeletonTrack, scale: float, order: str) -> None:
    rotation_channels = " ".join(f"{axis}rotation" for axis in order)
    ends = end_sites(track)
    children: Mapping[int, list[int]] = {
        joint: [int(child) for child in np.flatnonzero(track.body.parents == joint)] for joint in range(len(SMPL24))
    }
    sequence: list[int] = []

    def joint_lines(joint: int, depth: int) -> None:
        sequence.append(joint)
        pad, inner = "\t" * depth, "\t" * (depth + 1)
        positions = "" if depth else "Xposition Yposition Zposition "
        file.write(f"{pad}{'JOINT' if depth else 'ROOT'} {track.joint_names[joint]}\n{pad}{{\n")
        file.write(f"{inner}OFFSET {_numbers(track.offsets[joint] * scale)}\n")
        file.write(f"{inner}CHANNELS {3 if depth else 6} {positions}{rotation_channels}\n")
        for child in children[joint]:
            joint_lines(child, depth + 1)
        if joint in ends:
            file.write(f"{inner}End Site\n{inner}{{\n{inner}\tOFFSET {_numbers(ends[joint] * scale)}\n{inner}}}\n")
        file.write(f"{pad}}}\n")

    file.write("HIERARCHY\n")
    joint_lines(0, 0)
    step = track.times[-1] - track.times[0]
    frame_time = step / (len(track) - 1) if len(track) > 1 else 1 / track.rate
    file.write(f"MOTION\nFrames: {len(track)}\nFrame Time: {frame_time:.12g}\n")
    row = " ".join(["%.6f"] * (3 + 3 * len(sequence))) + "\n"
    previous: np.ndarray | None = None
    for rows in track.chunks():
        angles = euler_angles(track.pose[rows], order, previous)
        previous = angles[-1]
        values = np.hstack([track.pelvis[rows] * scale, angles[:, sequence].reshape(len(angles), -1)])
        file.writelines(row % tuple(line) for line in values.tolist())


def _numbers(values: Any) -> str:
    return " ".join(f"{value:.6f}" for value in values)
