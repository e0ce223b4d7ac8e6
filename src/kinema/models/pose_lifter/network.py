"""Kinema's own pose lifter: landmarks over time in, SMPL joint rotations with their uncertainty out.

Each frame is embedded separately; some frames around it, dense near by and sparse far away, are mixed into one output,
with what is known of the vertical. That is one dilated convolution and a few pointwise layers: cheap enough to train on
a laptop's CPU and to run in a fraction of a millisecond per frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kinema.models.pose_lifter.features import NUM_FEATURES, NUM_VERTICAL, TAPS

NUM_JOINTS = 24
NUM_OUT = NUM_JOINTS * 7 + 10 + 3 + 4


@dataclass(frozen=True)
class PoseLifterConfig:
    """features: inputs of a frame; embed: channels of one frame; width: of the mixed layers; blocks: residual blocks
    of two layers; taps: the frames that one output sees, relative to it, ascending and as many before as after;
    dropout: of the hidden layers, in training.
    """

    features: int = NUM_FEATURES
    embed: int = 128
    width: int = 512
    blocks: int = 2
    taps: tuple[int, ...] = TAPS
    dropout: float = 0.15

    @property
    def reach(self) -> int:
        """Frames on either side that an output depends on."""
        return self.taps[-1]


class PointwiseBlock(nn.Module):
    """Two layers on each frame with a skip connection, normalised over the channels."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:  # (..., width)
        result: Tensor = x + self.second(self.dropout(nn.functional.gelu(self.first(self.norm(x)))))
        return result


class PoseLifter(nn.Module):
    """Features (N, T, features) -> rotations, sigma, betas, up, contacts. The last NUM_VERTICAL features are what is
    known of the vertical (`kinema.models.pose_lifter.vertical`).

    rotations (N, T, 24, 6): first two columns of each matrix, row-major (3,2), root in the rotated camera; sigma (N, T,
    24) radians: standard deviation of each component of the rotation's error; betas (N, T, 10); up (N, T, 3): the
    vertical in the rotated camera, not normalised; contacts (N, T, 4): logits of CONTACT_POINTS. The clip is padded
    with its end frames.
    """

    def __init__(self, config: PoseLifterConfig | None = None) -> None:
        super().__init__()
        config = config or PoseLifterConfig()
        self.config = config
        self.embed = nn.Sequential(
            nn.Linear(config.features - NUM_VERTICAL, config.embed), nn.GELU(), nn.Linear(config.embed, config.embed)
        )
        self.mix = nn.Linear(config.embed * len(config.taps) + NUM_VERTICAL, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(PointwiseBlock(config.width, config.dropout) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, NUM_OUT)
        # Start from the rest pose of an upright person facing the camera (camera axes: y down).
        rest = torch.zeros(NUM_OUT)
        rest[: NUM_JOINTS * 6] = torch.tensor([1.0, 0, 0, 1, 0, 0]).repeat(NUM_JOINTS)
        rest[:6] = torch.tensor([1.0, 0, 0, -1, 0, 0])
        with torch.no_grad():
            self.out.weight.mul_(0.1)
            self.out.bias.copy_(rest)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        reach, length = self.config.reach, features.shape[1]
        x = self.embed(features[..., :-NUM_VERTICAL])
        x = torch.cat([x[:, :1].expand(-1, reach, -1), x, x[:, -1:].expand(-1, reach, -1)], 1)
        taps = [x[:, reach + tap : reach + tap + length] for tap in self.config.taps]
        return self._output(torch.cat([*taps, features[..., -NUM_VERTICAL:]], -1))

    def at_centre(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The output for the middle of the frames at the taps alone: (N, taps, D) -> (N, 1, ...)."""
        x = self.embed(features[..., :-NUM_VERTICAL]).reshape(len(features), 1, -1)
        middle = features.shape[1] // 2
        return self._output(torch.cat([x, features[:, middle : middle + 1, -NUM_VERTICAL:]], -1))

    def _output(self, mixed: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        x = self.dropout(self.mix(mixed))
        for block in self.blocks:
            x = block(x)
        y = self.out(self.norm(x))
        num = NUM_JOINTS
        rotations = y[..., : num * 6].reshape(y.shape[0], y.shape[1], num, 6)
        sigma = 0.02 + nn.functional.softplus(y[..., num * 6 : num * 7] - 1.5)
        return rotations, sigma, y[..., num * 7 : num * 7 + 10], y[..., -7:-4], y[..., -4:]
