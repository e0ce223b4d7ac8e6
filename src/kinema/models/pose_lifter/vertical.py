"""The vertical, where it is known, as an input of the pose lifters.

A single view of a person hardly distinguishes the camera's tilt from the person's lean. Vanishing lines, a calibration
or a camera path often tell the tilt well; then the lean follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from kinema.errors import UsageError
from kinema.temporal.resampling import resample_linear

HALF_TRUST = 3.0
"""Degrees: a vertical with this standard deviation is trusted by one half, a perfect one by 1."""

VAGUE = 10.0
"""Degrees: a less certain vertical is not used, because the lifter's own guess is better."""


@dataclass(frozen=True, eq=False)
class Vertical:
    """The direction that points up, in the camera's axes (x right, y down, z forward), and how sure it is.

    direction: (3,), or (F,3) for each frame of a person where the camera moves, of any length above 0; sigma: degrees,
    the standard deviation about either horizontal axis, 0 if it is exact. Raises UsageError for other values.
    """

    direction: np.ndarray
    sigma: float

    def __post_init__(self) -> None:
        direction = np.asarray(self.direction, dtype=np.float64)
        if direction.ndim not in (1, 2) or direction.shape[-1] != 3 or not np.isfinite(direction).all():
            raise UsageError(f"a vertical is (3,) or (F,3) finite numbers, found the shape {direction.shape}")
        length = np.linalg.norm(direction, axis=-1, keepdims=True)
        if not length.all():
            raise UsageError("a vertical of length 0 has no direction")
        if not self.sigma >= 0:
            raise UsageError(f"the uncertainty of a vertical is at least 0 degrees, found {self.sigma}")
        object.__setattr__(self, "direction", direction / length)

    def inputs(self, times: np.ndarray, grid: np.ndarray) -> np.ndarray:
        """(G,4) direction times trust, and trust, at times `grid` (G,) of a person whose frames are at `times` (F,).

        Raises UsageError if it is for another number of frames.
        """
        if self.direction.ndim == 2 and len(self.direction) != len(times):
            raise UsageError(f"there are {len(self.direction)} verticals for {len(times)} frames of a person")
        direction = np.broadcast_to(self.direction, (len(times), 3))
        at = resample_linear(direction, times, grid)
        at = at / np.maximum(np.linalg.norm(at, axis=-1, keepdims=True), 1e-9)
        share = np.full((len(grid), 1), trust(self.sigma) if self.sigma <= VAGUE else 0.0)
        return np.concatenate([share * at, share], -1)


def trust(sigma: Any) -> Any:
    """Weight of a vertical with a standard deviation of `sigma` degrees: from 1 (exact) towards 0."""
    return HALF_TRUST / (HALF_TRUST + sigma)


def with_vertical(features: Any, turn: Any, vertical: Any, xp: ModuleType) -> Any:
    """Features (..., D) with the vertical's inputs behind them, which are turned into the rotated camera.

    turn (..., 3, 3): camera from rotated camera; vertical (..., 4): as in `Vertical.inputs`, 0 where it is not known.
    """
    turned = (turn * vertical[..., :3, None]).sum(-2)
    return xp.concatenate([features, turned, vertical[..., 3:]], -1)
