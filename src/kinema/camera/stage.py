"""The stage `camera`."""

from collections.abc import Mapping

from kinema.camera.options import CameraOptions
from kinema.motion import Motion
from kinema.stage import Stage


def _files(options: CameraOptions) -> Mapping[str, str]:
    """sha256 of the path's file. Raises InputError if it is none."""
    if options.file is None:
        return {}
    from kinema.formats.camera_files import read_camera_path
    from kinema.weights.cache import hashed

    read_camera_path(options.file)  # what is wrong with it is said before people are tracked
    return {options.file.name: hashed(options.file)}


def _needed(motion: Motion, options: CameraOptions) -> bool:
    """Whether the path is given, or the tracker saw the camera move."""
    moves = motion.data.get("camera_motion", {}).get("moving") is True
    return options.file is not None or (options.method != "none" and moves)


find_camera = Stage(
    name="camera",
    title="finding the camera's path",
    options=CameraOptions,
    run="kinema.camera.finding:find_camera_path",
    fills=("camera",),
    files=_files,
    video=True,
    slow=True,
    needed=_needed,
)
"""Read the video again for the path of its camera; a run does so only if the camera moves."""
