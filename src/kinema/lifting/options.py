"""Settings of lifting, and of the files of keypoints that are lifted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kinema.errors import UsageError
from kinema.lifting.inputs import INPUT_SETS
from kinema.options import require, setting
from kinema.skeleton import JOINT_SETS

OWN = "own"
"""Name of Kinema's own lifter, which needs no checkpoint (`kinema.models.pose_lifter`)."""


@dataclass(frozen=True)
class LiftOptions:
    """How keypoints are lifted.

    method: a name in `kinema.lifting.LIFTERS`; None, or "own": Kinema's own, which is part of the fit. checkpoint: the
    network's file. input_set: the joints that it was trained on, which no file says; by default its name decides
    (`kinema.lifting.inputs.input_set_of`). flip: lift the mirrored clip, too, and average. causal: for a VideoPose3D
    that was trained so. max_gap: seconds; a longer gap ends a piece. threads: of the network.
    """

    method: str | None = setting(
        None, "what lifts the 2D keypoints to 3D: own (default), videopose3d or pstmo", public="lifter",
        metavar="NAME", group="lifting",
    )  # fmt: skip
    checkpoint: Path | None = setting(
        None,
        "the lifter's checkpoint, as its authors published it",
        public="lifter_checkpoint",
        metavar="FILE",
        group="lifting",
    )
    input_set: str | None = setting(
        None, "joint set of the lifter's input (default: from the file's name)", public="lifter_joints",
        choices=tuple(INPUT_SETS), group="lifting",
    )  # fmt: skip
    flip: bool = True
    causal: bool = setting(False, "the lifter is a causal VideoPose3D", public="lifter_causal", group="lifting")
    max_gap: float = 0.4
    threads: int = 2

    def __post_init__(self) -> None:
        if self.method == OWN:
            object.__setattr__(self, "method", None)
        if self.checkpoint is not None:
            object.__setattr__(self, "checkpoint", Path(self.checkpoint))
        known = self.input_set is None or self.input_set in INPUT_SETS
        require(known, "input_set", f"be one of {', '.join(INPUT_SETS)}", self.input_set)
        if self.method is None and self.checkpoint is not None:
            raise UsageError("a lifter's checkpoint needs its name; set `lifter` to videopose3d or pstmo")


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of the text "1920x1080". Raises UsageError."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise UsageError(f"a size in pixels, as in 1920x1080, is expected, found {text!r}")
    return int(width), int(height)


@dataclass(frozen=True)
class KeypointFileOptions:
    """How a file of keypoints is read. size: width and height of the images, pixels."""

    fps: float | None = setting(None, "frame rate, if the file has none (default: 30)", public=True, metavar="N")
    size: tuple[int, int] | None = setting(
        None, "width and height of the video in pixels, if the file has none, as in 1920x1080", public=True,
        metavar="WxH", parse=parse_size,
    )  # fmt: skip
    layout: str | None = setting(
        None,
        "joint set of the keypoints (default: from their number)",
        public="joints",
        choices=tuple(JOINT_SETS),
    )
    tracker: str | None = setting(
        None, "source of ids: kinema, poseflow or lighttrack (default: the file's own, else kinema)", public=True,
        metavar="NAME",
    )  # fmt: skip
    tracker_checkpoint: Path | None = setting(
        None, "the network of --tracker lighttrack, as its authors published it", public=True, metavar="FILE"
    )
