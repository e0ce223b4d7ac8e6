"""The stage `camera`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kinema.camera.methods import METHODS
from kinema.camera.options import CameraOptions
from kinema.motion import Motion
from kinema.stage import Stage

if TYPE_CHECKING:
    from kinema.video import VideoReader


def _files(options: CameraOptions) -> Mapping[str, str]:
    """sha256 of the path's file, or of those of the method. Raises InputError if one is not what it should be."""
    if options.file is None:
        return METHODS.find(options.method).files(options)
    from kinema.formats.camera_files import files_of, read_camera_path
    from kinema.weights.cache import hashed

    read_camera_path(options.file)  # what is wrong with it is said before people are tracked
    return {file.name: hashed(file) for file in files_of(options.file)}


def _check(video: VideoReader, options: CameraOptions) -> None:
    if options.file is not None:
        from kinema.camera.finding import require_of_video

        require_of_video(options.file, video)


def _networks(options: CameraOptions) -> Sequence[str]:
    return () if options.file is not None else METHODS.find(options.method).networks(options)


def _needed(motion: Motion, options: CameraOptions) -> bool:
    """Whether the path or the lens is given, or the tracker saw the camera move, or could not tell whether it does."""
    moves = motion.data.get("camera_motion", {}).get("moving", False) is not False
    given = options.file is not None or options.distortion is not None
    return given or (METHODS.find(options.method).find is not None and moves)


find_camera = Stage(
    name="camera",
    title="finding the camera's path",
    options=CameraOptions,
    run="kinema.camera.finding:find_camera_path",
    fills=("camera",),
    networks=_networks,
    files=_files,
    check=_check,
    video=True,
    slow=True,
    needed=_needed,
)
"""Read the video again for the path of its camera; a run does so only if the camera may move."""
