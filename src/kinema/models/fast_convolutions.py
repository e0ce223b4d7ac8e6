"""Accelerating a trained convolutional network without changing what it computes.

The outputs differ from the original network's by rounding only (1e-5 of PARE's). The result is for inference: it cannot
be trained or saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(module: nn.Module) -> nn.Module:
    """Fold every batch norm into the preceding convolution, in place; returns the module.

    A norm `bn1` or `batch_norm_1` belongs to its sibling `conv1` or `conv_1`, a norm at index k of a sequence to the
    convolution at k - 1.
    """
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d):
            before = (
                str(int(name) - 1) if name.isdecimal() else name.replace("batch_norm", "conv").replace("bn", "conv")
            )
            setattr(module, before, fuse_conv_bn_eval(getattr(module, before), child))
            setattr(module, name, nn.Identity())
        else:
            fold_batch_norms(child)
    return module


class PackedConvolution(nn.Module):
    """A convolution with weights in oneDNN's memory layout, so that calls do not reorder them.

    activation: "none", "relu", "leaky_relu" or "swish" (SiLU), applied to the result in the same pass over memory;
    slope: of the leaky ReLU below 0. size: shape (B,C,H,W) of the input for which the layout is chosen; others are
    computed, too.
    """

    def __init__(
        self,
        convolution: nn.Conv2d,
        activation: str = "none",
        slope: float = 0.0,
        size: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        c = convolution
        self._arguments: tuple[Any, ...] = (list(c.padding), list(c.stride), list(c.dilation), c.groups)
        weight = c.weight.detach().to_mkldnn()
        chosen_for = () if size is None else (list(size),)
        self._weight = torch._C._nn.mkldnn_reorder_conv2d_weight(weight, *self._arguments, *chosen_for)
        self._bias = None if c.bias is None else c.bias.detach()
        self._activation = (activation, [slope] if activation == "leaky_relu" else [])

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self._weight, self._bias, *self._arguments, *self._activation, ""
        )
        return result

    @property
    def adds(self) -> bool:
        """Whether `added_to` can be called: nothing follows the convolution."""
        return self._activation[0] == "none"

    def added_to(self, sum_: Tensor, x: Tensor) -> Tensor:
        """`sum_` with the result added, in place and in the same pass over memory; returns it."""
        result: Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(
            sum_, x, self._weight, self._bias, *self._arguments, "add", 1.0, None, [], None
        )
        return result


def can_pack() -> bool:
    """Whether this build of torch has oneDNN with the operators that `pack_convolutions` needs."""
    return (
        torch.backends.mkldnn.is_available()
        and hasattr(torch._C._nn, "mkldnn_reorder_conv2d_weight")
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise_")
    )


def input_sizes(module: nn.Module, images: Tensor) -> dict[nn.Module, tuple[int, ...]]:
    """The shape of what every convolution is given when the module is called with `images`."""
    sizes: dict[nn.Module, tuple[int, ...]] = {}
    convolutions = [each for each in module.modules() if isinstance(each, nn.Conv2d)]
    hooks = [
        each.register_forward_pre_hook(lambda which, given: sizes.__setitem__(which, tuple(given[0].shape)))
        for each in convolutions
    ]
    with torch.inference_mode():
        module(images)
    for hook in hooks:
        hook.remove()
    return sizes


def pack_convolutions(
    module: nn.Module, *, keep: tuple[str, ...] = (), sizes: Mapping[nn.Module, tuple[int, ...]] | None = None
) -> nn.Module:
    """Replace the convolutions with packed ones, in place, for the CPU; returns the module.

    Batch norms must have been folded. keep: names of convolutions whose weights are read elsewhere. sizes: their
    `input_sizes`; without them the layout is one for small maps, which costs 5 to 15 % with the larger ones of pose
    networks and detectors (benchmarks/torch_keypoints.py).
    """
    sizes = sizes or {}
    for name, child in list(module.named_children()):
        if not isinstance(child, nn.Conv2d):
            pack_convolutions(child, keep=keep, sizes=sizes)
        elif name not in keep:
            after, then = _next(module, name)
            size = sizes.get(child)
            if isinstance(then, nn.LeakyReLU):
                setattr(module, name, PackedConvolution(child, "leaky_relu", then.negative_slope, size))
                setattr(module, after, nn.Identity())
            elif isinstance(then, nn.SiLU):
                setattr(module, name, PackedConvolution(child, "swish", size=size))
                setattr(module, after, nn.Identity())
            else:
                clamped = isinstance(then, nn.ReLU) or name in getattr(module, "clamped", ())
                setattr(module, name, PackedConvolution(child, "relu" if clamped else "none", size=size))
    return module


def _next(parent: nn.Module, name: str) -> tuple[str, nn.Module | None]:
    """What follows a convolution in a sequence, identities aside, and its name.

    A ReLU may stay, since applying it twice does no harm. Other modules name the convolutions that one follows in
    `clamped`.
    """
    if isinstance(parent, nn.Sequential):
        children = list(parent.named_children())
        start = [place for place, _ in children].index(name) + 1
        for place, child in children[start:]:
            if not isinstance(child, nn.Identity):
                return place, child
    return "", None
