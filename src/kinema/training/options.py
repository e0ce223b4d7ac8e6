"""Settings of the training of refiners. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kinema.options import require, setting

NETWORKS = ("smoothnet", "synsp", "mixer")
PUBLISHED = "default: as published for the data"


@dataclass(frozen=True)
class RefinerTraining:
    """What is trained, and how.

    network: "smoothnet", "synsp" or "mixer" (`kinema.models.mixer.network`). window: frames. hidden, inner:
    SmoothNet's sizes, layers: SynSP's, blocks: SmoothNet's and the mixer's, width: SynSP's and the mixer's. epochs,
    batch, learning_rate, decay (factor per epoch), position_weight, acceleration_weight: as published.
    centred: subtract each window's mean before the network (SmoothNet only). view_acceleration: with several views,
    SynSP's published loss takes the second difference over views instead of frames; this keeps it. rate: frames per
    second of the data, None if unknown.
    """

    network: str = setting("smoothnet", "what is trained", choices=NETWORKS)
    window: int = setting(
        32, "frames of a window (default: 32 for SmoothNet, 8 for SynSP)", public="window_size", metavar="N"
    )
    hidden: int = setting(512, f"width of SmoothNet's hidden layers ({PUBLISHED})", metavar="N")
    inner: int = setting(128, f"width inside SmoothNet's blocks ({PUBLISHED})", metavar="N")
    blocks: int = setting(5, f"blocks of SmoothNet and the mixer ({PUBLISHED})", metavar="N")
    width: int = setting(128, f"width of SynSP and the mixer ({PUBLISHED})", metavar="N")
    layers: int = 4
    dropout: float = setting(0.25, f"share of activations dropped in training ({PUBLISHED})", metavar="X")
    epochs: int = setting(70, f"passes through the data ({PUBLISHED})", metavar="N")
    batch: int = setting(1024, f"windows per step ({PUBLISHED})", metavar="N")
    learning_rate: float = setting(1e-3, f"Adam's, in the first epoch ({PUBLISHED})", metavar="X")
    decay: float = setting(0.95, f"factor on the learning rate after each epoch ({PUBLISHED})", metavar="X")
    position_weight: float = 1.0
    acceleration_weight: float = setting(0.1, f"of the acceleration in the loss ({PUBLISHED})", metavar="X")
    centred: bool = setting(False, "subtract each window's mean (SmoothNet)")
    view_acceleration: bool = setting(False, "SynSP's published multi-view loss")
    rate: float | None = setting(
        None, "frames per second of the data (default: 30 for Kinema's own, else unknown)",
        public="fps", metavar="N", aliases=("rate",),
    )  # fmt: skip
    seed: int = setting(4321, "of everything random", metavar="N")

    def __post_init__(self) -> None:
        require(self.network in NETWORKS, "network", f"be one of {', '.join(NETWORKS)}", repr(self.network))
        fits = self.window >= 3 and (self.network != "synsp" or self.window <= 100)
        require(fits, "window_size", "be at least 3 (SynSP: at most 100) frames", self.window)
        for name in ("hidden", "inner", "blocks", "width", "layers", "epochs", "batch"):
            require(getattr(self, name) >= 1, name, "be at least 1", getattr(self, name))
        require(self.learning_rate > 0, "learning_rate", "be positive", self.learning_rate)
        require(0 < self.decay <= 1, "decay", "lie in (0, 1]", self.decay)
        require(0 <= self.dropout < 1, "dropout", "lie in [0, 1)", self.dropout)

    @classmethod
    def published(cls, network: str, dataset: str, representation: str, **changes: Any) -> RefinerTraining:
        """The published settings for a network, a data set and a representation, with changes.

        The mixer's are those of the shipped file.
        """
        row: dict[str, Any] = {"network": network}
        if network == "mixer":
            row |= {"blocks": 4, "dropout": 0.1, "batch": 256, "epochs": 12, "decay": 0.75, "acceleration_weight": 3.0}
        elif network == "smoothnet":
            row |= {"window": 32, "batch": 1024 if dataset == "h36m" else 128}
            if dataset == "pw3d":
                row |= {"inner": 16, "blocks": 1, "dropout": 0.5, "learning_rate": 1e-4}
        else:
            row |= {"window": 8, "dropout": 0.2, "batch": 8000, "width": 256 if representation == "smpl" else 128}
            row |= {"acceleration_weight": 0.1 if dataset == "aist" and representation == "3d" else 1.0}
            if dataset == "h36m" and representation == "3d":
                row |= {"decay": 0.8, "epochs": 10, "batch": 64}
            elif dataset == "h36m":
                row |= {"decay": 0.96, "batch": 2000, "acceleration_weight": 0.1}
            elif dataset == "mh36m":
                row |= {"batch": 2000}
        return cls(**row | {name: value for name, value in changes.items() if value is not None})
