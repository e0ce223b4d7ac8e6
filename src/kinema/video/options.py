"""Settings for reading a source: its true rate, slow motion, rotation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kinema.options import require, setting

FPS_RANGE = (0.01, 10_000.0)
SLOW_MOTION_RANGE = (0.001, 1000.0)
ROTATIONS = (0, 90, 180, 270)


@dataclass(frozen=True)
class VideoOptions:
    """Facts about a recording that its file does not state, or states wrongly.

    fps: true frames per second of a video, in place of its own times, or of images. slow_motion: how many times slower
    than life it plays; less than 1 for a time lapse, 1 if a file is wrongly tagged as slow motion. rotate: degrees
    clockwise, after the file's own rotation. Raises UsageError for implausible values.
    """

    fps: float | None = setting(
        None,
        "frames per second of the recording (default: the file's own times; 30 for images without times)",
        public=True,
        metavar="N",
        group="camera",
    )
    slow_motion: float | None = setting(
        None,
        "how many times slower than life the video plays (default: from the file, else 1)",
        public=True,
        metavar="N",
        group="camera",
    )
    rotate: int = setting(
        0, "rotate the video clockwise by 90, 180 or 270 degrees", public=True, metavar="DEGREES", group="camera"
    )

    def __post_init__(self) -> None:
        for name, (least, most) in (("fps", FPS_RANGE), ("slow_motion", SLOW_MOTION_RANGE)):
            value = getattr(self, name)
            if value is not None:
                require(
                    math.isfinite(value) and least <= value <= most, name, f"be between {least:g} and {most:g}", value
                )
        require(
            self.fps is None or self.slow_motion is None,
            "fps",
            "be given without `slow_motion`: each of them says the true rate",
            self.fps,
        )
        require(self.rotate in ROTATIONS, "rotate", "be 0, 90, 180 or 270", self.rotate)
