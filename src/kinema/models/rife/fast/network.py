"""RIFE in the form in which it runs fast on a CPU: the same images within rounding.

What a residual convolution adds to is part of its kernel: its strength scales the weights, and its input is one more
at the middle of each channel's own. Convolutions have packed weights, and those of the blocks their activation inside.
`benchmarks/frame_doubling.py` measures it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kinema.models.rife.network import RIFE, SLOPE, Block, Residual
from kinema.models.torch_inference import prepared
from kinema.models.winograd_convolution import WinogradConvolution, fits

_LEAST = 96
"""Channels from which Winograd's convolution is faster here."""


def fast_network(net: RIFE, device: str, pair: Tensor, threads: int) -> nn.Module:
    """The network for inference on "cpu" or "cuda", changed in place: it takes two images (2,3,H,W), when and scale.

    pair: padded images of the size for which it is to be fast. threads: of torch on the CPU, for the whole process.
    """
    both = _Pair(net)
    if device != "cpu":
        return both
    for block in net.children():
        if isinstance(block, Block):
            for number, each in enumerate(block.convblock):
                assert isinstance(each, Residual)
                block.convblock[number] = _merged(each)
    return prepared(both, tuple(pair.shape), threads=threads)


class _Pair(nn.Module):
    """The network, given both images (2,3,H,W) at once."""

    def __init__(self, net: RIFE) -> None:
        super().__init__()
        self.net = net

    def forward(self, pair: Tensor, when: float = 0.5, scale: float = 1.0) -> Tensor:
        result: Tensor = self.net(pair[:1], pair[1:], when, scale)
        return result


def _merged(residual: Residual) -> nn.Sequential:
    """A residual convolution as one convolution and its activation."""
    plain = residual.conv
    made = nn.Conv2d(plain.in_channels, plain.out_channels, 3, 1, 1)
    strength = residual.beta.detach().flatten()
    assert plain.bias is not None
    weight = plain.weight.detach() * strength[:, None, None, None]
    own = torch.arange(len(strength))
    weight[own, own, 1, 1] += 1
    made.weight, made.bias = nn.Parameter(weight), nn.Parameter(plain.bias.detach() * strength)
    activation = nn.LeakyReLU(SLOPE, inplace=True)
    if fits(made, _LEAST):
        return nn.Sequential(WinogradConvolution(made, activation))
    return nn.Sequential(made, activation).requires_grad_(requires_grad=False)
