"""Settings of the stage that finds a moving camera's path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kinema.options import require, setting

METHODS = ("classical", "none")


@dataclass(frozen=True)
class CameraOptions:
    """How the path of a moving camera is found.

    method: "classical" (points of the background, bundle adjustment), or "none": a moving camera then has no world.
    file: a path that is known, in place of one that is found (`kinema.formats.camera_files`).
    fov: the field of view that the user gave, degrees, which is then certain; None: the camera's own.
    """

    method: str = setting(
        "classical",
        "how a moving camera's path is found: classical (from points of the background) or none",
        public="camera_method",
        choices=METHODS,
        group="camera",
    )
    file: Path | None = setting(
        None,
        "take the camera's path from a file (.npz of `kinema camera`, or a TUM trajectory) with a line for each frame",
        public="camera",
        metavar="FILE",
        group="camera",
    )
    fov: float | None = None

    def __post_init__(self) -> None:
        require(self.method in METHODS, "camera_method", f"be one of {', '.join(METHODS)}", repr(self.method))
