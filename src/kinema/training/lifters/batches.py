"""Windows of the training clips as tensors: all frames lie on the training device, and batches are gathered there."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kinema.training.lifters.clips import Samples, TrainingClips, frames_of

_MIRRORED_LENS = (2, 7)
"""The principal point's x and the second tangential coefficient change sign when mirrored."""


class Batches:
    """Gathers samples of clips. Mirrored samples have x negated, and left and right exchanged."""

    def __init__(self, clips: TrainingClips, samples: Samples, device: str) -> None:
        self.clips, self.samples, self.device = clips, samples, device
        self._keypoints = torch.from_numpy(clips.keypoints).to(device)
        self._joints = None if clips.joints is None else torch.from_numpy(clips.joints).to(device)
        self._lenses = torch.from_numpy(clips.lenses).to(device)
        self._keypoint_mirror = torch.from_numpy(clips.keypoint_mirror).to(device)
        self._joint_mirror = torch.from_numpy(clips.joint_mirror).to(device)

    def __len__(self) -> int:
        return len(self.samples)

    def keypoints(self, rows: np.ndarray, places: np.ndarray) -> Tensor:
        """(R, P, K, 2) of the frames at `places` (P,) about each sample."""
        return self._gathered(self._keypoints, rows, places, self._keypoint_mirror)

    def joints(self, rows: np.ndarray, places: np.ndarray) -> Tensor:
        """(R, P, J, 3): the root in row 0, the others relative to it."""
        assert self._joints is not None, "these clips have no motion capture"
        return self._gathered(self._joints, rows, places, self._joint_mirror)

    def lenses(self, rows: np.ndarray) -> Tensor:
        """(R, 9)."""
        signs = torch.ones(9, device=self.device)
        signs[list(_MIRRORED_LENS)] = -1
        lenses = self._lenses[torch.from_numpy(self.samples.clip[rows]).to(self.device)]
        return torch.where(self._mirrored(rows)[:, None], lenses * signs, lenses)

    def _mirrored(self, rows: np.ndarray) -> Tensor:
        return torch.from_numpy(self.samples.mirrored[rows]).to(self.device)

    def _gathered(self, values: Tensor, rows: np.ndarray, places: np.ndarray, mirror: Tensor) -> Tensor:
        frames = torch.from_numpy(frames_of(self.samples, rows, places, self.clips)).to(self.device)
        windows = values[frames]
        return torch.where(self._mirrored(rows)[:, None, None, None], mirrored(windows, mirror), windows)


def mirrored(points: Tensor, mirror: Tensor) -> Tensor:
    """Points (..., J, C) of the mirror image: x negated, joints exchanged."""
    out = points[..., mirror, :].clone()
    out[..., 0] *= -1
    return out
