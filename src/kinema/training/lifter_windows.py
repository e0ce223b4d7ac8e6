"""Rendered windows as batches for the pose lifter's training and validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kinema.nets.pose_lifter import PoseLifter
from kinema.skeleton import BLAZEPOSE33, LIMBS12, SMPL24
from kinema.training.lifter_data import Batch, BodyTables, make_batch
from kinema.training.pose_lifter import gram_schmidt
from kinema.training.rendered import load_windows, measured_errors


class RenderedWindows:
    """Stored windows on the device; draws random stretches, mirrored half of the time."""

    def __init__(self, windows: dict[str, np.ndarray], body: BodyTables, *, device: str, seed: int) -> None:
        self._raw = windows
        self.data = {name: torch.tensor(value, dtype=torch.float32, device=device) for name, value in windows.items()}
        self.body, self.device = body, device
        self.rng = torch.Generator(device=device).manual_seed(seed)

    @classmethod
    def load(cls, folder: Path, split: str, body: BodyTables, *, device: str, seed: int) -> RenderedWindows:
        """The windows of one split ("train" or "held_out") that `render_windows` wrote to `folder`."""
        return cls(load_windows(folder, split), body, device=device, seed=seed)

    def __len__(self) -> int:
        return len(self.data["root"])

    def error_bank(self) -> dict[str, Tensor]:
        """The keypoint errors of all windows, for the simulator."""
        measured = measured_errors(self._raw)
        return {name: torch.tensor(value, dtype=torch.float32, device=self.device) for name, value in measured}

    def draw(self, batch: int, frames: int) -> Batch:
        """A batch of random stretches of `frames` frames."""
        which = torch.randint(len(self), (batch,), generator=self.rng, device=self.device)
        room = self.data["root"].shape[1] - frames + 1
        first = torch.randint(room, (batch,), generator=self.rng, device=self.device)
        rows = first[:, None] + torch.arange(frames, device=self.device)
        flip = torch.rand(batch, generator=self.rng, device=self.device) < 0.5
        lens = torch.exp(0.12 * torch.randn(batch, generator=self.rng, device=self.device))
        return self.stretch(which, rows, flip, lens)

    def stretch(self, which: Tensor, rows: Tensor, flip: Tensor, lens: Tensor) -> Batch:
        """Windows `which` (B,) at `rows` (B,T), mirrored where `flip` (B,), seen through lenses `lens` (B,)."""
        take = {n: v[which[:, None], rows] if v.ndim > 2 else v[which] for n, v in self.data.items()}
        sign = torch.tensor([-1.0, 1.0, 1.0], device=self.device)
        points = torch.tensor(BLAZEPOSE33.mirror, device=self.device)
        order = torch.tensor(SMPL24.mirror, device=self.device)
        flipped = {
            "rays": take["rays"][:, :, points] * sign[:2],
            "confidence": take["confidence"][:, :, points],
            "landmarks": take["landmarks"][:, :, points] * sign,
            "rotation": take["rotation"][:, :, order] * (sign[:, None] * sign),
            "root": take["root"] * sign,
            "up": take["up"] * sign,
        }
        for name, value in flipped.items():
            take[name] = torch.where(flip.reshape(-1, *(1,) * (value.ndim - 1)), value, take[name])
        _, joints, _ = self.body.forward(take["rotation"], take["root"], take["betas"])
        seen = take["rays"] * lens[:, None, None, None], take["confidence"], take["landmarks"]
        return make_batch(take["rotation"], joints, take["betas"], take["up"], seen)


class Validator:
    """Scores a lifter on held-out windows: all of them, unmirrored, true lens."""

    def __init__(self, windows: RenderedWindows, body: BodyTables) -> None:
        count, device = len(windows), windows.device
        which = torch.arange(count, device=device)
        rows = torch.arange(windows.data["root"].shape[1], device=device).expand(count, -1)
        self.batch = windows.stretch(which, rows, which < 0, torch.ones(count, device=device))
        self.body = body

    @torch.no_grad()
    def __call__(self, net: PoseLifter) -> dict[str, float]:
        """MPJPE of the 12 limb joints (mid-hip aligned, mm) of the lifter, mean angle (degrees), vertical (degrees)."""
        six, sigma, betas, up, _ = net(self.batch.features)
        rotation = gram_schmidt(six)
        zero = torch.zeros_like(self.batch.joints[:, :, 0])
        _, joints, _ = self.body.forward(rotation, zero, betas.mean(1))
        limbs = torch.tensor(SMPL24.indices(LIMBS12), device=joints.device)
        error = _centred(joints[:, :, limbs]) - _centred(self.batch.joints[:, :, limbs])
        chord = (rotation - self.batch.rotation).square().sum((-1, -2)) / 2
        cosine = (torch.nn.functional.normalize(up, dim=-1) * self.batch.up).sum(-1).clamp(-1, 1)
        calibration = (chord.sqrt() / sigma)[:, :, :22].square().mean().sqrt() / 3**0.5
        return {
            "held_mpjpe": float(error.norm(dim=-1).mean() * 1e3),
            "held_angle": float(chord.sqrt()[:, :, :22].mean() * 57.3),
            "held_up": float(torch.rad2deg(torch.arccos(cosine)).mean()),
            "held_calibration": float(calibration),
        }


def _centred(limbs: Tensor) -> Tensor:
    """(...,12,3) relative to the mid-hip."""
    return limbs - 0.5 * (limbs[..., 6:7, :] + limbs[..., 7:8, :])
