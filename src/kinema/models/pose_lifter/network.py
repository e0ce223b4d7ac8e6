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
from kinema.models.pose_lifter.vertical import HALF_TRUST

NUM_JOINTS = 24
NUM_SHARES = 2
"""Outputs that say how far to turn from the inferred vertical to the known one: the root, and the vertical itself."""

NUM_OUT = NUM_JOINTS * 7 + 10 + 3 + 4 + NUM_SHARES

VERTICAL_SCALE = 4.0
"""Factor on the vertical's inputs: tenths of them matter."""

OWN_SIGMA = 6.0
"""Degrees: standard deviation of the vertical that the network infers from the person alone, about either axis."""


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

    Where the vertical is known, the inferred one is turned towards it, and the root turns with it by a share that the
    network chooses: somebody who seems to lean in a camera that seems to be tilted mostly stands in a level one.
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
        return self._output(torch.cat(taps, -1), features[..., -NUM_VERTICAL:])

    def at_centre(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The output for the middle of the frames at the taps alone: (N, taps, D) -> (N, 1, ...)."""
        x = self.embed(features[..., :-NUM_VERTICAL]).reshape(len(features), 1, -1)
        middle = features.shape[1] // 2
        return self._output(x, features[:, middle : middle + 1, -NUM_VERTICAL:])

    def _output(self, taps: Tensor, vertical: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        x = self.dropout(self.mix(torch.cat([taps, VERTICAL_SCALE * vertical], -1)))
        for block in self.blocks:
            x = block(x)
        y = self.out(self.norm(x))
        num = NUM_JOINTS
        rotations = y[..., : num * 6].reshape(y.shape[0], y.shape[1], num, 6)
        sigma = 0.02 + nn.functional.softplus(y[..., num * 6 : num * 7] - 1.5)
        betas, up, contacts, choice = y[..., num * 7 :].split((10, 3, 4, NUM_SHARES), -1)
        share = gain(vertical[..., 3:]) * torch.sigmoid(choice)
        inferred = nn.functional.normalize(up, dim=-1)
        # Of length 1 if the vertical is known; otherwise 0, and nothing turns.
        known = nn.functional.normalize(vertical[..., :3], dim=-1)
        root = torch.stack(
            [turned_between(rotations[..., 0, i::2], inferred, known, share[..., :1]) for i in range(2)], -1
        )
        rotations = torch.cat([root.flatten(-2)[..., None, :], rotations[..., 1:, :]], -2)
        return rotations, sigma, betas, turned_between(up, inferred, known, share[..., 1:]), contacts


def gain(trust: Tensor) -> Tensor:
    """How far to go from the inferred vertical towards a known one with this trust (0: not known), by the variances of
    the two."""
    sigma = HALF_TRUST / trust.clamp(min=1e-6) - HALF_TRUST
    return OWN_SIGMA**2 / (OWN_SIGMA**2 + sigma**2) * (trust > 0)


def turned_between(vector: Tensor, start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """Vectors (..., 3), turned a share (..., 1) of the way from directions `start` to `end`, by Rodrigues' formula."""
    goal = nn.functional.normalize(start + share * (end - start), dim=-1)
    axis, cosine = cross(start, goal), (start * goal).sum(-1, keepdim=True)
    sideways = cross(axis, vector)
    return vector + sideways + cross(axis, sideways) / (1 + cosine).clamp(min=0.1)


def cross(a: Tensor, b: Tensor) -> Tensor:
    """The cross product of vectors (..., 3), made of operations that ONNX has."""
    (ax, ay, az), (bx, by, bz) = a.unbind(-1), b.unbind(-1)
    return torch.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], -1)
