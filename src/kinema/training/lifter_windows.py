"""Rendered windows as samples for the pose lifter's training and validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kinema.models.pose_lifter.network import PoseLifter, PoseLifterConfig
from kinema.skeleton import LIMBS12, SMPL24
from kinema.training.lifter_data import (
    Batch,
    BodyTables,
    Chance,
    Samples,
    foot_contacts,
    make_batch,
    roll_some,
    worsened,
)
from kinema.training.pose_lifter import gram_schmidt
from kinema.training.rendered import LIFTER_FILM
from kinema.training.windows import load_windows, measured_errors, mirrored_too


class RenderedWindows:
    """Stored windows; every frame of them is a sample. The truth stands beside what the networks answered."""

    def __init__(self, windows: dict[str, np.ndarray], body: BodyTables, config: PoseLifterConfig) -> None:
        self._raw = windows
        self.data = {name: torch.tensor(value, dtype=torch.float32) for name, value in windows.items()}
        self.body, self.config = body, config

    @classmethod
    def load(cls, folder: Path, split: str, body: BodyTables, config: PoseLifterConfig) -> RenderedWindows:
        """The windows of one split ("train" or "held_out") that `render_windows` wrote to `folder`, and their
        mirror images.
        """
        return cls(mirrored_too(load_windows(folder, split, LIFTER_FILM)), body, config)

    def __len__(self) -> int:
        return len(self.data["root"])

    def errors(self) -> dict[str, Tensor]:
        """The keypoint errors of all windows, for `observe`."""
        measured = vars(measured_errors(self._raw))
        return {name: torch.tensor(value, dtype=torch.float32) for name, value in measured.items()}

    @torch.no_grad()
    def samples(self) -> tuple[Samples, tuple[Tensor, Tensor, Tensor]]:
        """Every frame of all windows as a sample, beyond the ends the end frames standing still, and what was seen:
        rays (N,W,33,2), confidence (N,W,33), landmarks (N,W,33,3). The samples' points are left empty.
        """
        data, taps = self.data, self.config.taps
        length = data["root"].shape[1]
        window = torch.arange(len(self)).repeat_interleave(length)
        rows = torch.arange(length).repeat(len(self))[:, None] + torch.arange(taps) - taps // 2
        rows = rows.clamp(0, length - 1)
        betas, up = data["betas"][window], data["up"][window]
        every = data["betas"][:, None].expand(-1, length, -1).reshape(-1, 10)
        _, joints = self.body.joints(data["rotation"].reshape(-1, 24, 3, 3), every)
        placed = joints.reshape(len(self), length, 24, 3) + data["root"][:, :, None]
        contacts = foot_contacts(placed[window[:, None], rows], up, self.config.spacing / 30.0)
        local = data["rotation"].reshape(-1, 24, 3, 3)
        seen = tuple(data[n][window[:, None], rows] for n in ("rays", "confidence", "landmarks"))
        return Samples(betas[:, :0], local, joints, betas, up, contacts), (seen[0], seen[1], seen[2])


class RenderedSamples:
    """Draws batches of rendered samples, their evidence a little worse each time than it was."""

    def __init__(self, windows: RenderedWindows, chance: Chance) -> None:
        self.truth, self.seen = windows.samples()
        self.chance, self.spacing = chance, windows.config.spacing

    @torch.no_grad()
    def draw(self, count: int) -> Batch:
        """`count` samples, any frame of any window."""
        which = self.chance.integers(len(self.truth.betas), count)
        truth = Samples(*(getattr(self.truth, n)[which] for n in Samples.__annotations__))
        rays, confidence, landmarks = (s[which].clone() for s in self.seen)
        # One metre at the person on the image plane, by the length of the torso.
        torso = (rays[:, :, [11, 12]].mean(2) - rays[:, :, [23, 24]].mean(2)).norm(dim=-1)
        metre = (torso / 0.5).clamp(min=0.05)[..., None, None]
        frames = rays.shape[1]
        rays = rays + 0.008 * metre * self.chance.smooth(count, frames, self.spacing, 3.0, 33, 2)
        landmarks = landmarks + 0.02 * self.chance.normal(count, 1, 33, 3)
        seen = worsened(rays, confidence, landmarks, metre, self.chance, self.spacing)
        return make_batch(*roll_some(truth, *seen, self.chance))


class Validator:
    """Scores a lifter on held-out windows."""

    def __init__(self, windows: RenderedWindows, body: BodyTables) -> None:
        truth, seen = windows.samples()
        some = slice(None, len(truth.betas) // 2, 3)  # without the mirror images
        truth = Samples(*(getattr(truth, n)[some] for n in Samples.__annotations__))
        self.batch = make_batch(truth, *(s[some] for s in seen))
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
