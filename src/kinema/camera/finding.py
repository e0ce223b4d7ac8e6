"""From a tracked clip of a moving camera to the camera's path: from a file, or by one of the methods."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from kinema.camera.matching import Clip, path_for, with_lens
from kinema.camera.methods import METHODS
from kinema.camera.options import CameraOptions
from kinema.errors import InputError
from kinema.formats.camera_files import files_of, read_camera_path
from kinema.formats.camera_poses import CameraPoses
from kinema.geometry.camera import DEFAULT_FOV, Camera, camera_from_fov, with_fov
from kinema.geometry.camera_path import path_data
from kinema.motion import Motion
from kinema.stage import Context, given
from kinema.temporal.rate import frame_rate
from kinema.video import VideoReader
from kinema.video.frames import TimeRange

LEAST_DRIFT = 0.1
"""Degrees from which the drift is told."""


def find_camera_path(motion: Motion, context: Context, options: CameraOptions) -> Motion:
    """The motion with the path of its camera in `data` (`kinema.geometry.camera_path.path_data`).

    `options.file` gives the path if there is one, and the lens, unless `options.fov` does
    (`kinema.camera.matching`). Otherwise `options.method` finds it. `options.distortion` is the lens's, of cameras that
    stand still, too. The context's video is the one the motion was
    tracked in, with the same time range. Raises InputError for a file whose poses or images are not the clip's.
    """
    camera = motion.camera
    if options.fov is not None:
        camera = with_fov(camera, motion.width, motion.height, options.fov)
    camera = camera or camera_from_fov(motion.width, motion.height, DEFAULT_FOV)
    if options.distortion is not None:
        camera = camera.replace(distortion=np.array(options.distortion))
        stands = motion.data.get("camera_motion", {}).get("moving", False) is False
        if options.file is None and stands and not options.always:
            return motion.replace(camera=camera)
    if options.file is not None:
        return _of_file(motion, context, options.file, camera)
    return METHODS.find(options.method).found(motion.replace(camera=camera), context, options)


def _of_file(motion: Motion, context: Context, file: Path, camera: Camera) -> Motion:
    """The motion with the path of a file, and with its lens unless another is certain."""
    poses = read_camera_path(file)
    file = files_of(file)[0]  # of a folder that was given, the file in it
    context.notes.extend(poses.notes)
    video = given(context.video)
    path = path_for(_clip(video, motion.times), poses, file, context.notes)
    path, camera = with_lens(path, poses, camera, file, context.notes)
    context.facts["file"] = file.name
    return motion.replace(camera=camera, data={**motion.data, **path_data(path)})


def require_of_video(file: Path, video: VideoReader) -> None:
    """Raise the InputError that `find_camera_path` would raise for a path that is not this video's, before anybody is
    tracked.

    The header tells how many frames there are likely to be, and when. A path that fits those needs no more. For any
    other the frames are decoded, which tells for certain and takes a small part of the time that tracking does.
    """
    poses = read_camera_path(file)
    file = files_of(file)[0]
    start, count = video.time_range.start or 0.0, video.num_frames_estimate
    likely = start / video.slow_motion + np.arange(count) / video.fps if count else None
    if likely is None or not _fits(video, likely, poses, file):
        reread = dataclasses.replace(video, warnings=[])
        path_for(_clip(video, np.array([frame.time for frame in reread])), poses, file, [])
    with_lens(poses.path, poses, camera_from_fov(video.width, video.height, DEFAULT_FOV), file, [])


def _fits(video: VideoReader, times: np.ndarray, poses: CameraPoses, file: Path) -> bool:
    try:
        path_for(_clip(video, times), poses, file, [])
    except InputError:
        return False
    return True


def _clip(video: VideoReader, times: np.ndarray) -> Clip:
    """The video with frames at these times (F,)."""
    return Clip(times, frame_rate(times), video.slow_motion, whole=video.time_range == TimeRange())


def summary(facts: dict[str, Any]) -> str:
    """One line for each shot, of the stage's record."""
    lines = []
    for number, shot in enumerate(facts.get("shots", []), start=1):
        words = {
            "static": "stands still",
            "rotation": "turns in one place",
            "full": "travels",
            "unknown": "is not seen",
        }
        line = f"shot {number}: the camera {words[shot['kind']]}; found in {shot['found']:.0%} of the frames"
        if shot.get("reprojection_error") is not None:
            line += f", background off by {shot['reprojection_error']:.2f} px"
        line += ", with zoom" if shot.get("zoom") else ""
        if bend := shot.get("bend"):
            line += f", the image's corners bent {'outwards' if bend > 0 else 'inwards'} by {abs(bend):.1%}"
        if pieces := shot.get("pieces"):
            line += f"; {len(pieces)} pieces of {', '.join(str(piece['frames']) for piece in pieces)} frames"
        drift = max((each.get("drift_degrees", 0.0) for each in pieces or [shot]), default=0.0)
        if drift >= LEAST_DRIFT:
            line += f"; may have drifted by {drift:.1f} degrees" + (" in a piece" if pieces else "")
        lines.append(line)
    if lines and not facts.get("used", True):
        lines.append("this path is not used: the camera is taken to stand still")
    return "\n".join(lines)
