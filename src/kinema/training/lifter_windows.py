"""Rendered windows as samples for the pose lifter's training and validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kinema.nets.pose_lifter import PoseLifter, PoseLifterConfig
from kinema.skeleton import LIMBS12, SMPL24
from kinema.training.lifter_data import Batch, BodyTables, Samples, foot_contacts, make_batch
from kinema.training.pose_lifter import gram_schmidt
from kinema.training.rendered import load_windows, measured_errors


class RenderedWindows:
    """Stored windows; every frame of them is a sample. The truth stands beside what the networks answered."""

    def __init__(self, windows: dict[str, np.ndarray], body: BodyTables, config: PoseLifterConfig) -> None:
        self._raw = windows
        self.data = {name: torch.tensor(value, dtype=torch.float32) for name, value in windows.items()}
        self.body, self.config = body, config

    @classmethod
    def load(cls, folder: Path, split: str, body: BodyTables, config: PoseLifterConfig) -> RenderedWindows:
        """The windows of one split ("train" or "held_out") that `render_windows` wrote to `folder`."""
        return cls(load_windows(folder, split), body, config)

    def __len__(self) -> int:
        return len(self.data["root"])

    def errors(self) -> dict[str, Tensor]:
        """The keypoint errors of all windows, for `observe`."""
        return {name: torch.tensor(value, dtype=torch.float32) for name, value in measured_errors(self._raw)}

    @torch.no_grad()
    def batch(self, window: Tensor, centre: Tensor) -> Batch:
        """Samples around frame `centre` (N,) of windows `window` (N,); beyond the ends the end frames stand still."""
        data = self.data
        ahead = self.config.spacing * (torch.arange(self.config.taps) - self.config.taps // 2)
        rows = (centre[:, None] + ahead).clamp(0, data["root"].shape[1] - 1)
        betas, up = data["betas"][window], data["up"][window]
        spread = betas[:, None].expand(-1, self.config.taps, -1).reshape(-1, 10)
        local = data["rotation"][window[:, None], rows]
        _, joints = self.body.joints(local.reshape(-1, 24, 3, 3), spread)
        joints = joints.reshape(*rows.shape, 24, 3)
        placed = joints + data["root"][window[:, None], rows][:, :, None]
        contacts = foot_contacts(placed, up, self.config.spacing / 30.0)
        middle = self.config.taps // 2
        samples = Samples(placed, local[:, middle], joints[:, middle], betas, up, contacts)
        seen = (data[n][window[:, None], rows] for n in ("rays", "confidence", "landmarks"))
        return make_batch(samples, *seen)

    def all(self, every: int) -> Batch:
        """Every `every`-th frame of all windows."""
        frames = torch.arange(0, self.data["root"].shape[1], every)
        window = torch.arange(len(self)).repeat_interleave(len(frames))
        return self.batch(window, frames.repeat(len(self)))


class RenderedSamples:
    """Draws batches of rendered samples."""

    def __init__(self, windows: RenderedWindows, seed: int) -> None:
        self.samples = windows.all(every=1)
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self, count: int) -> Batch:
        """`count` samples, any frame of any window."""
        rows = torch.randint(len(self.samples.betas), (count,), generator=self.generator)
        return Batch(*(getattr(self.samples, n)[rows] for n in Batch.__annotations__))


class Validator:
    """Scores a lifter on held-out windows."""

    def __init__(self, windows: RenderedWindows, body: BodyTables) -> None:
        self.batch = windows.all(every=8)
        self.body = body
        self.limbs = torch.tensor(SMPL24.indices(LIMBS12))

    @torch.no_grad()
    def __call__(self, net: PoseLifter) -> dict[str, float]:
        """MPJPE of the 12 limb joints (mid-hip aligned, mm), mean angle and vertical (degrees), and how the errors
        compare with the sigmas that the network states (1 is honest).
        """
        six, sigma, betas, up, _ = (o[:, 0] for o in net.at_centre(self.batch.features))
        rotation = gram_schmidt(six)
        _, joints = self.body.joints(rotation, betas)
        error = _centred(joints[:, self.limbs]) - _centred(self.batch.joints[:, self.limbs])
        chord = (rotation - self.batch.rotation).square().sum((-1, -2)) / 2
        cosine = (torch.nn.functional.normalize(up, dim=-1) * self.batch.up).sum(-1).clamp(-1, 1)
        return {
            "held_mpjpe": float(error.norm(dim=-1).mean() * 1e3),
            "held_angle": float(chord.sqrt()[:, :22].mean() * 57.3),
            "held_up": float(torch.rad2deg(torch.arccos(cosine)).mean()),
            "held_honesty": float((chord / sigma.square() / 3)[:, :22].mean().sqrt()),
        }


def _centred(limbs: Tensor) -> Tensor:
    """(...,12,3) relative to the mid-hip."""
    return limbs - 0.5 * (limbs[..., 6:7, :] + limbs[..., 7:8, :])
