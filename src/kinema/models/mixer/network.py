"""Kinema's own refiner: it mixes frames and joints in turn, and returns the input plus a correction.

SmoothNet sees one coordinate at a time and cannot detect that a forearm is too short; SynSP sees everything and takes
hours to learn the identity. This is an MLP-Mixer (Tolstikhin et al., "MLP-Mixer", NeurIPS 2021) on a window of frames
with a shortcut: its output, initially zero, is added to the input, and one linear filter over time, shared by all
coordinates and initialised as the identity, smooths the sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class MixerSizes:
    """coordinates: numbers per frame; window: frames; width: channels of a frame; blocks: of the mixer."""

    coordinates: int
    window: int = 32
    width: int = 128
    blocks: int = 4


class MixerBlock(nn.Module):
    """Two layers over the frames, then two over the channels, each with a pre-norm and a skip connection."""

    def __init__(self, sizes: MixerSizes, dropout: float) -> None:
        super().__init__()
        self.norm_time, self.norm_width = nn.LayerNorm(sizes.width), nn.LayerNorm(sizes.width)
        self.time = _two_layers(sizes.window, dropout)
        self.channels = _two_layers(sizes.width, dropout)

    def forward(self, x: Tensor) -> Tensor:  # (N, W, width)
        x = x + self.time(self.norm_time(x).transpose(1, 2)).transpose(1, 2)
        result: Tensor = x + self.channels(self.norm_width(x))
        return result


def _two_layers(width: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * width, width))


class MixerRefiner(nn.Module):
    """Windows (N, W, C) of estimates -> the same, refined."""

    def __init__(self, sizes: MixerSizes, dropout: float = 0.0) -> None:
        super().__init__()
        self.sizes = sizes
        self.filter = nn.Linear(sizes.window, sizes.window, bias=False)
        self.embed = nn.Linear(sizes.coordinates, sizes.width)
        self.place = nn.Parameter(torch.zeros(sizes.window, sizes.width))
        self.blocks = nn.ModuleList(MixerBlock(sizes, dropout) for _ in range(sizes.blocks))
        self.norm = nn.LayerNorm(sizes.width)
        self.correction = nn.Linear(sizes.width, sizes.coordinates)
        with torch.no_grad():
            self.filter.weight.copy_(torch.eye(sizes.window))
            self.correction.weight.zero_()
            self.correction.bias.zero_()

    def forward(self, windows: Tensor) -> Tensor:
        x = self.embed(windows) + self.place
        for block in self.blocks:
            x = block(x)
        corrected = windows + self.correction(self.norm(x))
        result: Tensor = self.filter(corrected.transpose(1, 2)).transpose(1, 2)
        return result
