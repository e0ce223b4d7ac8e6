"""The stage `camera`."""

from kinema.camera.options import CameraOptions
from kinema.stage import Stage

find_camera = Stage(
    name="camera",
    title="finding the camera's path",
    options=CameraOptions,
    run="kinema.camera.finding:find_camera_path",
    fills=("camera",),
    video=True,
    slow=True,
)
"""Read the video again, if its camera moves, for the path of the camera."""
