"""Settings of the training of published lifters. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kinema.errors import UsageError
from kinema.models.pstmo.sizes import HEADS, PUBLISHED_STRIDES
from kinema.options import require, setting

NETWORKS = ("videopose3d", "pstmo-masked", "pstmo", "pstmo-refine")
PUBLISHED = "default: as published for the network"


def widths_of(text: str) -> tuple[int, ...]:
    """Filter widths from text such as "3,3,3". Raises UsageError."""
    parts = text.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise UsageError(f"filter widths are numbers, as in 3,3,3, found {text!r}")
    return tuple(int(part) for part in parts)


@dataclass(frozen=True)
class LifterTraining:
    """What is trained, and how.

    network: "videopose3d", "pstmo-masked" (P-STMO's first stage, which needs 2D only), "pstmo", or "pstmo-refine" (its
    last stage, which has its lifter's windows). widths, causal, dense: VideoPose3D's filters; channels: its width,
    P-STMO's width of a token. frames: of P-STMO's window, frame_stride apart; layers: of its temporal encoder. batch:
    predicted frames per step; stride: frames that one sample predicts (VideoPose3D). learning_rate, decay (factor per
    epoch), dropout, epochs: as published. flip: train on mirrored clips as well. downsample: only every n-th frame of
    the data. subset: share of each clip that is used. hidden_frames: share; hidden_joints: number per frame. warmup:
    epochs before the unlabelled clips count; linear, bones: settings of their loss. save_every: seconds.
    """

    network: str = setting("videopose3d", "what is trained", choices=NETWORKS)
    widths: str = setting("3,3,3,3,3", "widths of VideoPose3D's filters", metavar="W,W")
    causal: bool = setting(False, "VideoPose3D sees only past frames")
    dense: bool = setting(False, "VideoPose3D with dense instead of dilated filters")
    frames: int = setting(
        243, "frames of P-STMO's window: 9, 27, 81, 243 or 351 (default: 243; 81 for 3DHP)", public="window_size",
        metavar="N",
    )  # fmt: skip
    layers: int = setting(3, "layers of P-STMO's temporal encoder: 3 for P-STMO-S, 4 for P-STMO", metavar="N")
    channels: int = setting(1024, f"width of the network ({PUBLISHED})", metavar="N")
    frame_stride: int = setting(
        1, "frames of the data per frame of P-STMO's window (default: 2, for Human3.6M's 50 frames per"
        " second; 1 for 3DHP)",
        metavar="N",
    )  # fmt: skip
    stride: int = setting(1, "frames that a sample of VideoPose3D predicts", metavar="N")
    downsample: int = setting(1, "use every N-th frame of the data", metavar="N")
    subset: float = setting(1.0, "share of each clip to train on", metavar="X")
    flip: bool = setting(True, "do not train on mirrored clips", off=True)
    epochs: int = setting(60, f"passes through the data ({PUBLISHED})", metavar="N")
    batch: int = setting(1024, f"predicted frames per step ({PUBLISHED})", metavar="N")
    learning_rate: float = setting(1e-3, f"Adam's, in the first epoch ({PUBLISHED})", metavar="X")
    decay: float = setting(0.95, f"factor on the learning rate after each epoch ({PUBLISHED})", metavar="X")
    dropout: float = setting(0.25, f"share of activations dropped in training ({PUBLISHED})", metavar="X")
    hidden_frames: float = setting(0.8, f"share of the frames that the first stage hides ({PUBLISHED})", metavar="X")
    hidden_joints: int = setting(2, f"joints of each frame that the first stage hides ({PUBLISHED})", metavar="N")
    warmup: int = setting(1, "epochs before the unlabelled clips count", metavar="N")
    linear: bool = setting(False, "unlabelled clips: project without lens distortion")
    bones: bool = setting(True, "unlabelled clips: leave out the bone-length term", off=True)
    seed: int = setting(1234, "of everything random", metavar="N")
    save_every: float = setting(300.0, "seconds between saved states, to resume from", metavar="S", neutral=True)

    def __post_init__(self) -> None:
        require(self.network in NETWORKS, "network", f"be one of {', '.join(NETWORKS)}", repr(self.network))
        for name in ("layers", "channels", "frame_stride", "stride", "downsample", "epochs", "batch"):
            require(getattr(self, name) >= 1, name, "be at least 1", getattr(self, name))
        for name in ("warmup", "hidden_joints", "save_every"):
            require(getattr(self, name) >= 0, name, "not be negative", getattr(self, name))
        require(self.learning_rate > 0, "learning_rate", "be positive", self.learning_rate)
        for name in ("decay", "subset"):
            require(0 < getattr(self, name) <= 1, name, "lie in (0, 1]", getattr(self, name))
        for name in ("dropout", "hidden_frames"):
            require(0 <= getattr(self, name) < 1, name, "lie in [0, 1)", getattr(self, name))
        if self.network == "videopose3d":
            odd = bool(self.filter_widths) and all(width % 2 for width in self.filter_widths)
            require(odd, "widths", "be odd numbers", self.widths)
        else:
            known = ", ".join(map(str, PUBLISHED_STRIDES))
            require(self.frames in PUBLISHED_STRIDES, "window_size", f"be one of {known}", self.frames)
            require(self.channels % (2 * HEADS) == 0, "channels", f"be a multiple of {2 * HEADS}", self.channels)

    @property
    def filter_widths(self) -> tuple[int, ...]:
        """VideoPose3D's, as numbers."""
        return widths_of(self.widths)

    @classmethod
    def published(cls, network: str, *, of_3dhp: bool = False, **changes: Any) -> LifterTraining:
        """The settings that the authors recommend for a network, with changes.

        of_3dhp: for MPI-INF-3DHP instead of Human3.6M.
        """
        row: dict[str, Any] = {"network": network}
        if network != "videopose3d":
            row |= {"channels": 256, "frame_stride": 2, "epochs": 79, "batch": 160, "decay": 0.97, "dropout": 0.1}
            larger = (changes.get("layers") or cls.layers) > cls.layers  # P-STMO, not P-STMO-S
            row |= {"learning_rate": 1e-4 if network == "pstmo-masked" else 1e-3 if larger else 7e-4}
            row |= {"hidden_frames": 0.6, "hidden_joints": 3} if larger else {}
        if of_3dhp and network != "videopose3d":
            row |= {"frames": 81, "frame_stride": 1, "hidden_frames": 0.7, "hidden_joints": 2}
        return cls(**row | {name: value for name, value in changes.items() if value is not None})
