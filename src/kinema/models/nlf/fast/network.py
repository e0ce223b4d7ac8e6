"""The crop model in the form in which it runs fast: the same features within rounding.

On a CPU: batch norms are folded, activations and sums are part of the convolutions, weights are packed, wide fused
blocks are Winograd's convolutions with what follows them in the cache, and values are scaled in place.
`benchmarks/nlf_speed.py` measures it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from kinema.models.fast_convolutions import PackedConvolution, fold_batch_norms
from kinema.models.nlf.network import Block, CropModel, SqueezeExcitation
from kinema.models.torch_inference import prepared
from kinema.models.winograd_convolution import WinogradConvolution, fits

PIECE = {"cpu": 4, "cuda": 32}
"""Crops per call of the network: on a CPU what fits its cache, on a GPU what keeps it busy."""

_LEAST = 48
"""Channels from which a fused block pays as Winograd's convolution with its projection, both in the cache: it takes 0.8
of the time for 48, 0.6 for 64 and 96; with 24, twice the time."""


class _InPlaceExcitation(nn.Module):
    def __init__(self, plain: SqueezeExcitation) -> None:
        super().__init__()
        # As convolutions of images of one pixel they take six times as long.
        self.fc1, self.fc2 = _linear(plain.fc1), _linear(plain.fc2)

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2)
        scales = self.fc2(functional.silu(self.fc1(pixels.mean(1)), inplace=True)).sigmoid_()
        return x.mul_(scales[:, :, None, None])


def _linear(plain: nn.Conv2d) -> nn.Linear:
    """A 1x1 convolution as a layer of vectors."""
    made = nn.Linear(plain.in_channels, plain.out_channels)
    made.weight = nn.Parameter(plain.weight.flatten(1))
    assert plain.bias is not None
    made.bias = nn.Parameter(plain.bias.detach())
    return made


class _InPlaceBlock(nn.Module):
    """A block with a way around it, whose last convolution adds to what the block was given."""

    def __init__(self, plain: Block) -> None:
        super().__init__()
        self.block = plain.block

    def forward(self, x: Tensor) -> Tensor:
        *layers, last = self.block
        out = x
        for layer in layers:
            out = layer(out)
        adding = last[0] if isinstance(last, nn.Sequential) else last
        if isinstance(adding, PackedConvolution) and adding.adds:
            return adding.added_to(x, out)
        return x.add_(last(out))


def _in_place(module: nn.Module) -> None:
    for name, child in list(module.named_children()):
        if isinstance(child, SqueezeExcitation):
            setattr(module, name, _InPlaceExcitation(child))
        else:
            _in_place(child)
            if isinstance(child, Block) and child.around:
                setattr(module, name, _InPlaceBlock(child))


def _winograd_blocks(model: CropModel) -> None:
    """Replace fused blocks of many channels by Winograd's convolution and what follows it; batch norms are folded."""
    for block in model.modules():
        if isinstance(block, Block) and block.around and len(block.block) == 2:
            widening, narrowing = block.block
            assert isinstance(widening, nn.Sequential)
            assert isinstance(narrowing, nn.Sequential)
            spatial, projection = widening[0], narrowing[0]
            assert isinstance(projection, nn.Conv2d)
            if fits(spatial, _LEAST):
                block.block = nn.Sequential(WinogradConvolution(spatial, nn.SiLU(inplace=True), projection))


def fast_network(model: CropModel, device: str, threads: int) -> Any:
    """The model for inference on "cpu" or "cuda", changed in place: images (B,3,R,R) -> features.

    threads: of torch on the CPU, for the whole process.
    """
    if device != "cpu":
        folded: Any = fold_batch_norms(model)
        return folded.to(device=device, memory_format=torch.channels_last)
    fold_batch_norms(model)
    _winograd_blocks(model)
    _in_place(model)
    return prepared(model, (PIECE["cpu"], 3, model.size.side, model.size.side), threads=threads)
