"""P-STMO on whole clips: one window for each frame, the clip's poses encoded once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kinema.errors import UsageError
from kinema.models.pstmo.onnx_run import WINDOWS, OnnxPSTMO

PIECE = 4096
"""Frames whose windows are computed from one set of encoded poses."""


class ClipLifter:
    """Lifts every frame of a clip; see `kinema.lifting.registry.LiftingNetwork`."""

    def __init__(self, network: OnnxPSTMO) -> None:
        self._network = network
        self.joints_in, self.joints_out = network.sizes.joints_in, network.sizes.joints_out
        half = network.sizes.frames // 2
        self.reach = half, network.sizes.frames - half - 1

    def lift(self, clip: np.ndarray, stride: int = 1, frames: range | None = None) -> np.ndarray:
        """(F, J_in, 2) -> (F, J_out, 3): windows of every stride-th frame about each frame."""
        frames = range(len(clip)) if frames is None else frames
        out = np.empty((len(frames), self.joints_out, 3), dtype=np.float32)
        near = window_places(self._network.sizes.frames, stride)
        for first in range(0, len(frames), PIECE):
            middles = np.asarray(frames[first : first + PIECE])
            low, high = max(0, middles[0] + near[0]), min(len(clip), middles[-1] + near[-1] + 1)
            tokens = self._network.tokens(clip[low:high])
            for start in range(0, len(middles), WINDOWS):
                some = middles[start : start + WINDOWS]
                places = np.clip(some[:, None] + near, 0, len(clip) - 1) - low
                out[first + start : first + start + len(some)] = self._network.middles(tokens[places])
        return out


def window_places(frames: int, stride: int) -> np.ndarray:
    """(frames,) places in a clip of a window's frames, relative to its middle."""
    return stride * (np.arange(frames) - frames // 2)


def open_lifter(tensors: Mapping[str, np.ndarray], name: str, *, causal: bool = False, threads: int = 1) -> ClipLifter:
    """The lifter of a checkpoint. Raises InputError, and UsageError for `causal`, which it cannot be."""
    if causal:
        raise UsageError("P-STMO sees the future of a frame; leave out `lifter_causal`")
    return ClipLifter(OnnxPSTMO(tensors, name=name, threads=threads))
