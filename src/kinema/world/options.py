"""Settings of the world stage."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kinema.options import require, setting
from kinema.temporal.gaps import FIT_GAP


@dataclass(frozen=True)
class WorldOptions:
    """How a motion is placed in the world.

    camera: "auto" (the camera-motion detector's result; static where it did not run), "static" or "moving". clean:
    lock the feet in contact and keep them out of the ground; without it the motion is only transformed. max_gap:
    seconds; a track interrupted for longer is processed in pieces. scale: metres of one unit of a moving camera's path;
    None: from the people's own size and their feet.
    """

    camera: str = "auto"
    clean: bool = True
    max_gap: float = FIT_GAP
    scale: float | None = setting(
        None,
        "metres of one unit of a moving camera's path (default: from the people's own size)",
        public=True,
        metavar="METRES",
        group="camera",
    )

    def __post_init__(self) -> None:
        known = ("auto", "static", "moving")
        require(self.camera in known, "camera", f"be one of {', '.join(known)}", repr(self.camera))
        require(self.max_gap > 0, "max_gap", "be positive", self.max_gap)
        require(
            self.scale is None or (math.isfinite(self.scale) and self.scale > 0), "scale", "be positive", self.scale
        )
