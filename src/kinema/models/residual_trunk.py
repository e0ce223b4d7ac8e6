"""The residual trunk (ResNet-50, ResNet-101) of segmentation networks, with the published names of parameters.

He et al., "Deep residual learning for image recognition", CVPR 2016, with the stride in the 3x3 convolution. Imported
by the modules that define networks, which are themselves imported when one is opened.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""Blocks of the four stages, by the number of layers."""

EXPANSION = 4
Norm = Callable[[int], nn.Module]


class FrozenBatchNorm(nn.Module):
    """A batch norm of fixed statistics, channels (B,C,H,W). eps: added to the variance; 0 in published detectors."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float = 0.0) -> None:
        super().__init__()
        self.eps = eps
        for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            self.register_buffer(name, torch.full((channels,), value))

    def forward(self, x: Tensor) -> Tensor:
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        return x * scale[:, None, None] + shift[:, None, None]


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions with a shortcut. clamped: convolutions that a ReLU follows, for packing."""

    clamped = ("conv1", "conv2")

    def __init__(self, inputs: int, middle: int, norm: Norm, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        outputs = middle * EXPANSION
        self.conv1, self.bn1 = nn.Conv2d(inputs, middle, 1, bias=False), norm(middle)
        self.conv2 = nn.Conv2d(middle, middle, 3, stride, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = norm(middle)
        self.conv3, self.bn3 = nn.Conv2d(middle, outputs, 1, bias=False), norm(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        result: Tensor = self.relu(y + (x if self.downsample is None else self.downsample(x)))
        return result


class ResidualTrunk(nn.Module):
    """Images (B,3,H,W) -> the outputs of the four stages, 256, 512, 1024 and 2048 channels.

    dilated: the last two stages keep the resolution of the second (1/8) and see as far by dilated convolutions; in each
    of them the first block still has the dilation of the stage before.
    """

    clamped = ("conv1",)

    def __init__(self, layers: int, norm: Norm, *, dilated: bool = False) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False), norm(64)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, padding=1)
        inputs, dilation = 64, 1
        for number, blocks in enumerate(DEPTHS[layers], start=1):
            middle, stride, before = 64 * 2 ** (number - 1), 1 if number == 1 else 2, dilation
            if dilated and number > 2:
                stride, dilation = 1, dilation * 2
            stage = [Bottleneck(inputs, middle, norm, stride=stride, dilation=before)]
            inputs = middle * EXPANSION
            stage += [Bottleneck(inputs, middle, norm, dilation=dilation) for _ in range(blocks - 1)]
            setattr(self, f"layer{number}", nn.Sequential(*stage))

    def forward(self, images: Tensor) -> list[Tensor]:
        x: Tensor = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        outputs = []
        for number in range(1, 5):
            x = getattr(self, f"layer{number}")(x)
            outputs.append(x)
        return outputs
