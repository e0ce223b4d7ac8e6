"""Settings of the world stage."""

from __future__ import annotations

from dataclasses import dataclass

from kinema.options import require
from kinema.temporal.gaps import FIT_GAP


@dataclass(frozen=True)
class WorldOptions:
    """How a motion is placed in the world.

    camera: "auto" (the camera-motion detector's result; static where it did not run), "static" or "moving". clean:
    lock the feet in contact and keep them out of the ground; without it the motion is only transformed. max_gap:
    seconds; a track interrupted for longer is processed in pieces.
    """

    camera: str = "auto"
    clean: bool = True
    max_gap: float = FIT_GAP

    def __post_init__(self) -> None:
        known = ("auto", "static", "moving")
        require(self.camera in known, "camera", f"be one of {', '.join(known)}", repr(self.camera))
        require(self.max_gap > 0, "max_gap", "be positive", self.max_gap)
