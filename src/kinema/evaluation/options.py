"""Settings of the evaluations against ground truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kinema.options import require, setting

ALIGNMENTS = ("mid_hip", "none")
SOURCES = ("body", "keypoints3d")
FRAMES = ("camera", "world")
IMAGE_ESTIMATORS = ("pare", "blazepose")
"""Estimators that the occlusion analysis supports, see `kinema.evaluation.image_estimators`."""


@dataclass(frozen=True)
class TruthOptions:
    """How a ground truth file is read; see `kinema.evaluation.truth.load_truth`."""

    calibration: Path | None = setting(None, "cameras of a .trc, as Pose2Sim writes them", metavar="TOML")
    camera: str | None = setting(None, "camera of the calibration that filmed the clip", metavar="NAME")
    axes: str = setting(
        "ZXY", "axes of the TRC that make up the calibration's world (default: ZXY, Pose2Sim's)", metavar="AXES"
    )
    offset: float | None = setting(
        None, "offset added to the truth's times (default: a TRC starts with the clip)", metavar="SECONDS"
    )


@dataclass(frozen=True)
class MotionOptions:
    """How a motion is compared with the truth; see `kinema.evaluation.motion.evaluate_motion`."""

    align: str = setting("mid_hip", "what is aligned before errors are measured", choices=ALIGNMENTS)
    frame: str | None = setting(None, "frame to compare in (default: the camera's if known)", choices=FRAMES)
    person: int | None = setting(None, "the track to evaluate (default: the best match)", metavar="ID")

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
