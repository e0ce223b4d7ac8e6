"""Settings of the comparisons with the truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kinema.options import require, setting

ALIGNMENTS = ("mid_hip", "none")
SOURCES = ("body", "keypoints3d")
FRAMES = ("camera", "world")
IMAGE_ESTIMATORS = ("pare", "blazepose")
"""What the occlusion analysis can look at, see `kinema.evaluation.image_estimators`."""


@dataclass(frozen=True)
class TruthOptions:
    """How a file of ground truth is read; see `kinema.evaluation.truth.load_truth`."""

    calibration: Path | None = setting(None, "cameras of a .trc, as Pose2Sim writes them", metavar="TOML")
    camera: str | None = setting(None, "the camera in the calibration that filmed the clip", metavar="NAME")
    axes: str = setting(
        "ZXY", "how the calibration's world is made of the TRC's axes (default: ZXY, Pose2Sim's)", metavar="AXES"
    )
    offset: float | None = setting(
        None, "added to the truth's times (default: a TRC starts with the clip)", metavar="SECONDS"
    )


@dataclass(frozen=True)
class MotionOptions:
    """How a motion is compared with the truth; see `kinema.evaluation.motion.evaluate_motion`."""

    align: str = setting("mid_hip", "what is laid onto each other before distances are taken", choices=ALIGNMENTS)
    frame: str | None = setting(None, "where to compare (default: the camera's if known)", choices=FRAMES)
    person: int | None = setting(None, "the track to judge (default: the one that fits best)", metavar="ID")

    def __post_init__(self) -> None:
        require(self.align in ALIGNMENTS, "align", f"be one of {', '.join(ALIGNMENTS)}", repr(self.align))


@dataclass(frozen=True)
class OcclusionOptions:
    """patch: side of the covered square, stride: how far it moves, pixels of the input; batch: inputs at a time."""

    patch: int = setting(40, "side of the patch", metavar="PIXELS")
    stride: int = setting(40, "how far the patch moves (default: its side)", metavar="PIXELS")
    batch: int = 16

    def __post_init__(self) -> None:
        for name in ("patch", "stride", "batch"):
            require(getattr(self, name) >= 1, name, "be at least 1", getattr(self, name))
