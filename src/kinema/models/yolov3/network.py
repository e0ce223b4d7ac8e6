"""YOLOv3 and YOLOv3-SPP as torch modules, with the parameter names of the published PyTorch readers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from kinema.models.published_tensors import load_published
from kinema.models.yolov3.architecture import ANCHORS, ATTRIBUTES, LAYERS, TITLES, Layer, inputs, places

_SLOPE = 0.1
"""Slope of the leaky ReLU below 0."""


class MaxFilter(nn.Module):
    """The maximum over a square around each pixel; outside the map lie zeros, as in the published readers."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def forward(self, x: Tensor) -> Tensor:
        return functional.max_pool2d(functional.pad(x, (self._size // 2,) * 4), self._size, stride=1)


class Boxes(nn.Module):
    """A head's map (B, A * 85, g, g) -> boxes (B, g * g * A, 85) in pixels of the input.

    Rows: centre x, centre y, width, height, objectness, classes; cell by cell (row-major), then anchor by anchor.
    """

    def __init__(self, anchors: tuple[int, ...]) -> None:
        super().__init__()
        self._anchors = [ANCHORS[row] for row in anchors]

    def forward(self, x: Tensor, stride: float) -> Tensor:
        count, _, rows, columns = x.shape
        x = x.reshape(count, len(self._anchors), ATTRIBUTES, rows, columns).permute(0, 3, 4, 1, 2).float()
        row = torch.arange(rows, device=x.device, dtype=x.dtype)[:, None, None]
        column = torch.arange(columns, device=x.device, dtype=x.dtype)[None, :, None]
        anchors = torch.tensor(self._anchors, device=x.device, dtype=x.dtype)
        centre_x = (x[..., 0].sigmoid() + column) * stride
        centre_y = (x[..., 1].sigmoid() + row) * stride
        sides = x[..., 2:4].exp() * anchors
        boxes = torch.cat([centre_x[..., None], centre_y[..., None], sides, x[..., 4:].sigmoid()], dim=-1)
        return boxes.flatten(1, 3)


class YoloV3(nn.Module):
    """Images (B,3,H,W) RGB in [0,1], H and W multiples of 32 -> boxes (B,N,85) of all heads, the coarsest first."""

    def __init__(self, network: str = "yolov3") -> None:
        super().__init__()
        self.name, self._layers = network, LAYERS[network]
        read = inputs(self._layers)
        self.module_list = nn.ModuleList(_module(i, layer, read[i]) for i, layer in enumerate(self._layers))
        self._kept = {place for i, layer in enumerate(self._layers) for place in places(i, layer)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], network: str = "yolov3", *, source: str = "weights") -> YoloV3:
        """The network of a state dict, for inference. Raises InputError if the weights are another network's."""
        return load_published(cls(network), tensors, TITLES[network], source)

    def forward(self, images: Tensor) -> Tensor:
        width = images.shape[3]
        kept: dict[int, Tensor] = {}
        found = []
        x = images
        for number, (layer, module) in enumerate(zip(self._layers, self.module_list, strict=True)):
            if layer.kind == "shortcut":
                x = x + kept[places(number, layer)[0]]
            elif layer.kind == "route":
                x = torch.cat([kept[place] for place in places(number, layer)], dim=1)
            elif layer.kind == "yolo":
                found.append(module(x, width / x.shape[3]))
            else:
                x = module(x)
            if number in self._kept:
                kept[number] = x
        return torch.cat(found, dim=1)


def _module(number: int, layer: Layer, channels: int) -> nn.Module:
    """A layer's module; routes and shortcuts have none of their own."""
    if layer.kind == "maxpool":
        return MaxFilter(layer.size)
    if layer.kind == "upsample":
        return nn.Upsample(scale_factor=layer.stride, mode="nearest")
    if layer.kind == "yolo":
        return Boxes(layer.anchors)
    if layer.kind != "conv":
        return nn.Identity()
    parts: dict[str, Any] = {
        f"conv_{number}": nn.Conv2d(
            channels, layer.filters, layer.size, layer.stride, padding=layer.size // 2, bias=not layer.norm
        )
    }
    if layer.norm:
        parts[f"batch_norm_{number}"] = nn.BatchNorm2d(layer.filters)
        parts[f"leaky_{number}"] = nn.LeakyReLU(_SLOPE, inplace=True)
    sequence = nn.Sequential()
    for name, part in parts.items():
        sequence.add_module(name, part)
    return sequence
