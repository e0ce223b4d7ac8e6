"""From a tracked clip of a moving camera to the camera's path: from a file, or by one of the methods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kinema.camera.methods import METHODS
from kinema.camera.options import CameraOptions
from kinema.errors import InputError
from kinema.formats.camera_files import read_camera_path
from kinema.geometry.camera import CERTAIN, DEFAULT_FOV, Camera, camera_from_fov
from kinema.geometry.camera_path import path_data
from kinema.motion import Motion
from kinema.stage import Context


def find_camera_path(motion: Motion, context: Context, options: CameraOptions) -> Motion:
    """The motion with the path of its camera in `data` (`kinema.geometry.camera_path.path_data`).

    `options.file` gives the path if there is one; it must have a pose for each frame. Otherwise `options.method` finds
    it: the context's video is the one the motion was tracked in, with the same time range.
    """
    camera = motion.camera
    if options.fov is not None:
        camera = camera_from_fov(motion.width, motion.height, options.fov, "fov option", uncertainty=0.0)
    if options.file is not None:
        return _of_file(motion, context, options.file, camera)
    camera = camera or camera_from_fov(motion.width, motion.height, DEFAULT_FOV)
    return METHODS.find(options.method).found(motion.replace(camera=camera), context, options)


def _of_file(motion: Motion, context: Context, file: Path, camera: Camera | None) -> Motion:
    """The motion with the path of a file, and with its lens if it has one."""
    path = read_camera_path(file)
    if len(path) != motion.num_frames:
        raise InputError(f"{file} has {len(path)} poses, but the clip has {motion.num_frames} frames; they must agree")
    camera = camera or camera_from_fov(motion.width, motion.height, DEFAULT_FOV)
    lens = path.intrinsics if path.intrinsics.ndim == 2 else np.median(path.intrinsics, axis=0)
    if lens[0, 0] > 1 and camera.focal_source not in CERTAIN:
        camera = camera.replace(intrinsics=lens, focal_source="file", fov_uncertainty=0.0)
    context.facts["file"] = file.name
    return motion.replace(camera=camera, data={**motion.data, **path_data(path)})


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
        lines.append(line + (", with zoom" if shot.get("zoom") else ""))
    return "\n".join(lines)
