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
        self.reach = half + shift, half - shift

    def lift(self, clip: np.ndarray, stride: int = 1, frames: range | None = None) -> np.ndarray:
        """(F, J_in, 2) -> (F, J_out, 3): each set of frames `stride` apart is a clip of its own."""
        frames = range(len(clip)) if frames is None else frames
        out = np.empty((len(frames), self.joints_out, 3), dtype=np.float32)
        for phase in range(min(stride, len(frames))):
            first, offset = divmod(frames[phase], stride)
            out[phase::stride] = self._lifted(clip[offset::stride], first, len(out[phase::stride]))
        return out

    def _lifted(self, clip: np.ndarray, first: int, count: int) -> np.ndarray:
        """`count` frames of a clip, from the frame `first` on."""
        start, stop = first - self.reach[0], first + count + self.reach[1]
        part = clip[max(0, start) : stop]
        return self._network(np.pad(part, ((max(0, -start), max(0, stop - len(clip))), (0, 0), (0, 0)), mode="edge"))


def open_lifter(tensors: Mapping[str, np.ndarray], name: str, *, causal: bool = False, threads: int = 1) -> ClipLifter:
    """The lifter of a checkpoint. threads: set by the caller for all of NumPy. Raises InputError."""
    return ClipLifter(NumpyVideoPose3D(tensors, causal=causal, name=name))
