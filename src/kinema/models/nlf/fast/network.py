"""The crop model in the form in which it runs fast: the same features within rounding.

On a CPU: batch norms are folded, activations are part of the convolutions, weights are packed, wide 3x3 convolutions
are Winograd's, and what is scaled or added up is so in place. `benchmarks/nlf_speed.py` measures it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from kinema.models.fast_convolutions import fold_batch_norms
from kinema.models.nlf.network import Block, CropModel, SqueezeExcitation
from kinema.models.torch_inference import prepared
from kinema.models.winograd_convolution import replace_convolutions

PIECE = {"cpu": 4, "cuda": 32}
"""Crops per call of the network: on a CPU what fits its cache, on a GPU what keeps it busy."""

_LEAST = 96
"""Channels on both sides from which Winograd's way pays here, where the wide side has four times as many: it takes two
thirds of the time for the 96 channels of the large network, as long for 64, and longer in the small network."""


class _InPlaceExcitation(nn.Module):
    def __init__(self, plain: SqueezeExcitation) -> None:
        super().__init__()
        # As convolutions of pictures of one pixel they take six times as long.
        self.fc1, self.fc2 = _linear(plain.fc1), _linear(plain.fc2)

    def forward(self, x: Tensor) -> Tensor:
        scales = self.fc2(functional.silu(self.fc1(x.mean((2, 3))))).sigmoid_()
        return x.mul_(scales[:, :, None, None])


def _linear(plain: nn.Conv2d) -> nn.Linear:
    """A 1x1 convolution as a layer of vectors."""
    made = nn.Linear(plain.in_channels, plain.out_channels)
    made.weight = nn.Parameter(plain.weight.flatten(1))
    assert plain.bias is not None
    made.bias = nn.Parameter(plain.bias.detach())
    return made


class _InPlaceBlock(nn.Module):
    def __init__(self, plain: Block) -> None:
        super().__init__()
        self.block = plain.block

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.block(x)
        return out.add_(x)


def _in_place(module: nn.Module) -> None:
    for name, child in list(module.named_children()):
        if isinstance(child, SqueezeExcitation):
            setattr(module, name, _InPlaceExcitation(child))
        else:
            _in_place(child)
            if isinstance(child, Block) and child.around:
                setattr(module, name, _InPlaceBlock(child))


def fast_network(model: CropModel, device: str, threads: int) -> Any:
    """The model for inference on "cpu" or "cuda", changed in place: pictures (B,3,R,R) -> features.

    threads: of torch on the CPU, for the whole process.
    """
    if device != "cpu":
        folded: Any = fold_batch_norms(model)
        return folded.to(device=device, memory_format=torch.channels_last)
    fold_batch_norms(model)
    replace_convolutions(model, least=_LEAST)
    _in_place(model)
    return prepared(model, (PIECE["cpu"], 3, model.size.side, model.size.side), threads=threads)
