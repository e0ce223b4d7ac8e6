"""3x3 convolutions of many channels on the CPU with a quarter of the multiplications.

Lavin and Gray, "Fast algorithms for convolutional neural networks" (CVPR 2016), section 4.2, F(4x4, 3x3): patches of
6x6 pixels are transformed, multiplied, and transformed back to 4x4 pixels of the result. Rounding errors are a few
times those of the plain sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Rows = Sequence[Sequence[float]]

_FROM_PATCH: Rows = [
    [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
]  # fmt: skip
_FROM_KERNEL: Rows = [
    [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
    [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
]  # fmt: skip
_TO_RESULT: Rows = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]

STEP, PATCH = 4, 6

LEAST = 128
"""Channels on both sides from which it is faster than a plain convolution: 1.3 times with 128, 1.7 with 256."""

AT_ONCE = 64
"""Patches that are transformed together."""


def _twice(rows: Rows) -> Tensor:
    """A transform along both axes of a patch, row-major."""
    one = torch.tensor(rows, dtype=torch.float64)
    return torch.kron(one, one)


class WinogradConvolution(nn.Module):
    """What a 3x3 convolution of stride 1 that keeps the size computes, and what follows it.

    activation: of every value for itself, or none. pointwise: a 1x1 convolution after it, or none. Some
    rows of patches of one image are computed at a time, all of this while they are in the processor's cache: the
    many channels between two convolutions are never in memory as a whole.
    """

    def __init__(
        self, convolution: nn.Conv2d, activation: nn.Module | None = None, pointwise: nn.Conv2d | None = None
    ) -> None:
        super().__init__()
        weight = convolution.weight.detach().double()
        kernel = _twice(_FROM_KERNEL) @ weight.permute(2, 3, 1, 0).reshape(9, -1)
        self._kernel = kernel.view(PATCH * PATCH, weight.shape[1], weight.shape[0]).float().contiguous()
        self._bias = _bias(convolution)
        self._from_patch, self._to_result = _twice(_FROM_PATCH).float(), _twice(_TO_RESULT).float()
        self._activation = activation
        self._mixed = None if pointwise is None else pointwise.weight.detach().flatten(1).t().contiguous()
        self._mixed_bias = None if pointwise is None else _bias(pointwise)
        self._outputs = (convolution if pointwise is None else pointwise).out_channels

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,H,W), channels-last in memory, as is the result."""
        count, channels, height, width = x.shape
        high, wide = -(-height // STEP), -(-width // STEP)
        out = x.new_empty(count, STEP * high, STEP * wide, self._outputs)
        rows = max(1, AT_ONCE // wide)
        for image, whole in zip(x.permute(0, 2, 3, 1), out, strict=True):
            for top in range(0, high, rows):
                some = min(rows, high - top)
                first, last = STEP * top - 1, STEP * (top + some) + 1
                beyond = 0, 0, 1, STEP * wide - width + 1, max(-first, 0), max(last - height, 0)
                part = F.pad(image[max(first, 0) : last], beyond)
                patches = part.unfold(0, PATCH, STEP).unfold(1, PATCH, STEP)
                flat = patches.permute(3, 4, 0, 1, 2).reshape(PATCH * PATCH, -1)
                product = torch.bmm((self._from_patch @ flat).view(PATCH * PATCH, -1, channels), self._kernel)
                result = self._followed((self._to_result @ product.flatten(1)).view(-1, self._kernel.shape[2]))
                place = whole[STEP * top : STEP * (top + some)].view(some, STEP, wide, STEP, -1)
                place.copy_(result.view(STEP, STEP, some, wide, -1).permute(2, 0, 3, 1, 4))
        return out[:, :height, :width].permute(0, 3, 1, 2)

    def _followed(self, pixels: Tensor) -> Tensor:
        """The convolution's results (N,C), which are overwritten, after everything that follows it."""
        if self._bias is not None:
            pixels += self._bias
        if self._activation is not None:
            pixels = self._activation(pixels)
        if self._mixed is None:
            return pixels
        return pixels @ self._mixed if self._mixed_bias is None else torch.addmm(self._mixed_bias, pixels, self._mixed)


def _bias(convolution: nn.Conv2d) -> Tensor | None:
    return None if convolution.bias is None else convolution.bias.detach()


def replace_convolutions(module: nn.Module, *, least: int = LEAST) -> nn.Module:
    """Replace the convolutions that are faster so, in place, for the CPU; returns the module.

    least: channels on both sides that such a convolution has.
    """
    for name, child in list(module.named_children()):
        if fits(child, least):
            setattr(module, name, WinogradConvolution(child))
        else:
            replace_convolutions(child, least=least)
    return module


def fits(convolution: nn.Module, least: int = LEAST) -> TypeGuard[nn.Conv2d]:
    """Whether a module is a convolution that `WinogradConvolution` computes faster."""
    return (
        isinstance(convolution, nn.Conv2d)
        and convolution.kernel_size == (3, 3)
        and convolution.stride == convolution.dilation == convolution.padding == (1, 1)
        and convolution.groups == 1
        and min(convolution.in_channels, convolution.out_channels) >= least
    )
