"""Kinema's own pose lifter: landmarks over time in, SMPL joint rotations with their uncertainty out.

A residual temporal convolutional network. It answers frames of any number; what it cannot see beyond
the clip's ends it takes from the end frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kinema.lifting.features import NUM_FEATURES

NUM_JOINTS = 24


@dataclass(frozen=True)
class PoseLifterConfig:
    """Width of the hidden layers and the dilation of each residual block (two convolutions of 3 frames)."""

    width: int = 384
    dilations: tuple[int, ...] = (1, 2, 4, 6)
    dropout: float = 0.1

    @property
    def receptive_field(self) -> int:
        """Frames that one answer depends on."""
        return 1 + 2 * sum(d + 1 for d in self.dilations)


class FrameNorm(nn.LayerNorm):
    """Layer norm over the channels of each frame of (N, C, T): no frame's answer hangs on far frames."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class ResidualBlock(nn.Module):
    """Two temporal convolutions, the first dilated, around a skip."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = FrameNorm(width)
        self.wide = nn.Conv1d(width, width, 3, dilation=dilation)
        self.near = nn.Conv1d(width, width, 3)
        self.dropout = nn.Dropout(dropout)
        self.reach = dilation

    def forward(self, x: Tensor) -> Tensor:  # (N, C, T) -> (N, C, T)
        y = nn.functional.pad(self.norm(x), (self.reach, self.reach), mode="replicate")
        y = nn.functional.gelu(self.wide(y))
        y = self.near(nn.functional.pad(y, (1, 1), mode="replicate"))
        return x + self.dropout(y)


class PoseLifter(nn.Module):
    """Features (N, T, NUM_FEATURES) -> rotations and what goes with them.

    rotations (N, T, 24, 6): first two columns of each matrix, row-major (3,2), root in the turned camera;
    sigma (N, T, 24) radians: standard deviation of each rotation's error; betas (N, T, 10); up (N, T, 3):
    the vertical in the turned camera, not normalised; contacts (N, T, 4): logits, CONTACT_POINTS.
    """

    def __init__(self, config: PoseLifterConfig | None = None) -> None:
        super().__init__()
        config = config or PoseLifterConfig()
        self.config = config
        self.embed = nn.Sequential(
            nn.Conv1d(NUM_FEATURES, config.width, 1), nn.GELU(), nn.Conv1d(config.width, config.width, 1)
        )
        self.blocks = nn.ModuleList(ResidualBlock(config.width, d, config.dropout) for d in config.dilations)
        self.head = nn.Sequential(FrameNorm(config.width), nn.Conv1d(config.width, config.width, 1), nn.GELU())
        self.out = nn.Conv1d(config.width, NUM_JOINTS * 7 + 10 + 3 + 4, 1)
        # Start from the rest pose of somebody who faces the camera upright (camera axes: y down).
        with torch.no_grad():
            self.out.weight.mul_(0.1)
            rest = torch.tensor([1.0, 0, 0, 1, 0, 0]).repeat(NUM_JOINTS)
            rest[:6] = torch.tensor([1.0, 0, 0, -1, 0, 0])
            self.out.bias[: NUM_JOINTS * 6] = rest

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        x = self.embed(features.transpose(1, 2))
        for block in self.blocks:
            x = block(x)
        y = self.out(self.head(x)).transpose(1, 2)
        num = NUM_JOINTS
        rotations = y[..., : num * 6].reshape(y.shape[0], y.shape[1], num, 6)
        sigma = 0.02 + nn.functional.softplus(y[..., num * 6 : num * 7] - 1.5)
        return rotations, sigma, y[..., num * 7 : num * 7 + 10], y[..., -7:-4], y[..., -4:]
