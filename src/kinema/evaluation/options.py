"""Settings of the evaluations against ground truth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from kinema.errors import UsageError
from kinema.options import require, setting
from kinema.skeleton import DEFINITIONS

ALIGNMENTS = ("mid_hip", "none")
SOURCES = ("body", "keypoints3d")
FRAMES = ("camera", "world")


def parse_offset(text: str) -> float | str:
    """Seconds, or "auto". Raises UsageError."""
    if text.strip().lower() == "auto":
        return "auto"
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise UsageError(f"give a number of seconds or auto, not {text!r}")
    return seconds


@dataclass(frozen=True)
class TruthOptions:
    """How a ground truth file is read; see `kinema.evaluation.truth.load_truth`."""

    calibration: Path | None = setting(
        None, "calibration of the cameras of a .trc or .c3d, in Pose2Sim's format", metavar="TOML"
    )
    camera: str | None = setting(None, "name, in the calibration, of the camera that filmed the clip", metavar="NAME")
    axes: str | None = setting(
        None, "axes of the .trc or .c3d that make up the calibration's world (default: ZXY, Pose2Sim's, of a .trc; XYZ"
        " of a .c3d)", metavar="AXES",
    )  # fmt: skip
    up: str | None = setting(
        None, "vertical axis of the .trc or .c3d (default: y of a .trc; of a .c3d what it says, else as bodies stand)",
        metavar="AXIS",
    )  # fmt: skip
    offset: float | str | None = setting(
        None, "seconds added to the truth's times, or auto: found by how the joints speed up and slow down (default:"
        " markers and joint angles start with the clip)", metavar="SECONDS", parse=parse_offset,
    )  # fmt: skip


@dataclass(frozen=True)
class MotionOptions:
    """How a motion is compared with the truth; see `kinema.evaluation.motion.evaluate_motion`."""

    align: str = setting("mid_hip", "what is aligned before errors are measured", choices=ALIGNMENTS)
    frame: str | None = setting(None, "frame to compare in (default: the camera's if known)", choices=FRAMES)
    person: int | None = setting(None, "the track to evaluate (default: the best match)", metavar="ID")
    definition: str = setting(
        "smpl", "definition of the fitted body's joints: choose the one of the ground truth",
        choices=tuple(DEFINITIONS),
    )  # fmt: skip

    def __post_init__(self) -> None:
        require(self.align in ALIGNMENTS, "align", f"be one of {', '.join(ALIGNMENTS)}", repr(self.align))


@dataclass(frozen=True)
class OcclusionOptions:
    """patch: side of the occluding square, stride: its step, both in pixels of the input; batch: inputs at a time."""

    patch: int = setting(40, "side of the patch", metavar="PIXELS")
    stride: int = setting(40, "step of the patch (default: its side)", metavar="PIXELS")
    batch: int = 16

    def __post_init__(self) -> None:
        for name in ("patch", "stride", "batch"):
            require(getattr(self, name) >= 1, name, "be at least 1", getattr(self, name))
