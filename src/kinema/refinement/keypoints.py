"""Kinema's own refiner: the keypoint networks' 3D landmarks, made steady and brought nearer to the truth.

A SynSP network (Wang et al., CVPR 2024; `kinema.nets.synsp`) that Kinema trained on what the default networks answer on
rendered people (docs/refinement.md), exported to ONNX. It sees all landmarks over half a second, so that it takes away
what the networks get wrong in the same way each time (too little depth, sides exchanged), which no filter can.
"""

from __future__ import annotations

from functools import cached_property
from importlib.resources import as_file, files

import numpy as np

from kinema.refinement.filtering import uninterrupted
from kinema.refinement.network import TrainedRefiner, load_refiner
from kinema.refinement.sequences import EvenTimes, filled
from kinema.refinement.windows import slide

NETWORK_FILE = "keypoint_refiner.onnx"
WINDOW = 16
"""Frames that it sees at once, at its 30 frames a second."""

STEP = 4
"""Frames between windows: the result differs from that of every window by less than a tenth of what it changes."""

MAX_GAP = 0.2
"""Seconds: a track interrupted for longer is refined in pieces."""


class KeypointRefiner:
    """The shipped network, loaded when it is first asked."""

    @cached_property
    def _network(self) -> TrainedRefiner:
        with as_file(files("kinema.refinement").joinpath(NETWORK_FILE)) as path:
            return load_refiner(path)

    @property
    def sha256(self) -> str:
        """Of the network's file, for provenance."""
        return self._network.sha256

    def __call__(
        self, landmarks: np.ndarray, times: np.ndarray, frames: np.ndarray | None = None, *, step: int = STEP
    ) -> np.ndarray:
        """Landmarks (F,33,3) of one person, metres from the middle of the hips, camera axes -> the same, refined.

        times (F,) seconds; frames (F,): their indices in the clip, where some are missing. Landmarks that are NaN are
        taken from the frames around them.
        """
        network = self._network
        refined = np.empty(landmarks.shape)
        frames = np.arange(len(times)) if frames is None else frames
        for piece in uninterrupted(times, frames, MAX_GAP):
            flat = landmarks[piece].reshape(-1, landmarks[0].size)
            flat = filled(flat, times[piece], "keypoints3d", frames[piece], "interpolate")
            even = EvenTimes.of(times[piece], network.rate)
            smooth = slide(even.there(flat), WINDOW, network.run, step=step)
            refined[piece] = even.back(np.asarray(smooth, dtype=np.float64)).reshape(-1, *landmarks.shape[1:])
        return refined
