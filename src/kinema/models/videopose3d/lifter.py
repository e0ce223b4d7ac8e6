"""VideoPose3D on whole clips: the ends are padded, higher rates are lifted frame set by frame set."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kinema.models.videopose3d.numpy_run import NumpyVideoPose3D


class ClipLifter:
    """Lifts every frame of a clip; see `kinema.lifting.registry.LiftingNetwork`."""

    def __init__(self, network: NumpyVideoPose3D) -> None:
        self._network = network
        sizes = network.sizes
        self.joints_in, self.joints_out = sizes.joints_in, sizes.joints_out
        shift = sum(sizes.shifts(network.causal))
        half = (sizes.receptive_field - 1) // 2
        self._before, self._after = half + shift, half - shift

    def lift(self, clip: np.ndarray, stride: int = 1) -> np.ndarray:
        """(F, J_in, 2) -> (F, J_out, 3): each set of frames `stride` apart is a clip of its own."""
        out = np.empty((len(clip), self.joints_out, 3), dtype=np.float32)
        for first in range(min(stride, len(clip))):
            part = clip[first::stride]
            out[first::stride] = self._network(np.pad(part, ((self._before, self._after), (0, 0), (0, 0)), mode="edge"))
        return out


def open_lifter(tensors: Mapping[str, np.ndarray], name: str, *, causal: bool = False, threads: int = 1) -> ClipLifter:
    """The lifter of a checkpoint. threads: set by the caller for all of NumPy. Raises InputError."""
    return ClipLifter(NumpyVideoPose3D(tensors, causal=causal, name=name))
