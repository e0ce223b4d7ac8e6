"""The lifters by name. A new one is one module with a function that opens it, and one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from kinema.registry import Registry, resolve


class LiftingNetwork(Protocol):
    """An opened network. joints_in, joints_out: numbers of 2D and 3D joints. reach: frames before and after a frame
    that its joints depend on, at the network's own rate."""

    @property
    def joints_in(self) -> int: ...

    @property
    def joints_out(self) -> int: ...

    @property
    def reach(self) -> tuple[int, int]: ...

    def lift(self, clip: np.ndarray, stride: int, frames: range | None = None) -> np.ndarray:
        """(F, J_in, 2) screen coordinates -> (F, J_out, 3) float32: every frame, or `frames` of step 1, of any clip.

        stride: frames of the clip to one frame of those that the network was trained on. At the ends of the clip, its
        first and last frames are repeated.
        """
        ...


@dataclass(frozen=True)
class Lifter:
    """One way to lift keypoints.

    open: function (tensors by name, file's name, causal, threads) -> LiftingNetwork, or "module:function". rate: frames
    per second of the motion that it was trained on.
    """

    name: str
    summary: str
    rate: float
    open: str | Callable[..., LiftingNetwork]

    def opened(self, path: Path, *, causal: bool = False, threads: int = 1) -> LiftingNetwork:
        """The network of a checkpoint. Raises InputError: no such file, another network's, broken weights."""
        from kinema.storage.checkpoints import load_checkpoint

        code: Callable[..., LiftingNetwork] = resolve(self.open) if isinstance(self.open, str) else self.open
        return code(load_checkpoint(path), path.name, causal=causal, threads=threads)


LIFTERS: Registry[Lifter] = Registry(
    "lifter",
    group="kinema.lifters",
    rows=(
        Lifter(
            "videopose3d",
            "VideoPose3D (CVPR 2019): convolutions over time, up to 243 frames",
            rate=50.0,
            open="kinema.models.videopose3d.lifter:open_lifter",
        ),
        Lifter(
            "pstmo",
            "P-STMO (ECCV 2022): a transformer over a window of 9 to 351 frames",
            rate=25.0,
            open="kinema.models.pstmo.lifter:open_lifter",
        ),
    ),
)
"""Every lifter."""
