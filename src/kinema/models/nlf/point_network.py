"""Reading points of the body from the features of a crop: heatmaps of every point, and where they lie on average."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kinema.models.nlf.facts import BOX_SIZE, LEAST_UNCERTAINTY, MAPS, STRIDE

_POINTS = 256
"""Points whose maps are in memory at once, so that they stay in the cache."""


@dataclass(frozen=True, eq=False)
class PointWeights:
    """How N points read the features: weight (N,10,512), bias (N,10); and for mirrored crops, those of the points
    mirrored left and right."""

    weight: Tensor
    bias: Tensor
    weight_flipped: Tensor
    bias_flipped: Tensor

    def rounded(self) -> PointWeights:
        """Rounded to half precision, as the published program keeps them."""
        return PointWeights(*(each.half().float() for each in vars(self).values()))

    def maps(self, crop: Tensor, *, flipped: bool) -> Iterator[Tensor]:
        """The maps of all points, some (n,10,hw) at a time, of a crop's features (512,hw) float32."""
        weight, bias = (self.weight_flipped, self.bias_flipped) if flipped else (self.weight, self.bias)
        for some_weight, some_bias in zip(weight.split(_POINTS), bias.split(_POINTS), strict=True):
            rows = some_weight.float().flatten(0, 1)
            yield torch.addmm(some_bias.float().reshape(-1, 1), rows, crop).unflatten(0, some_bias.shape)


@dataclass(frozen=True, eq=False)
class PointCodes:
    """The same weights before the field's last layer, which is linear: it reads a crop once, and the points read what
    it found. That takes three quarters of the products, and a fourteenth of the memory.

    code, code_flipped (N,384): what the layer is given for the points, and for the points mirrored left and right.
    table (385*10,513): the layer, for each code and, last, its biases.
    """

    code: Tensor
    code_flipped: Tensor
    table: Tensor

    def maps(self, crop: Tensor, *, flipped: bool) -> Iterator[Tensor]:
        """As those of `PointWeights`."""
        extended = torch.cat([crop, crop.new_ones(1, crop.shape[1])])
        read = (self.table @ extended).view(-1, MAPS * crop.shape[1])
        for some in (self.code_flipped if flipped else self.code).split(_POINTS):
            yield torch.addmm(read[-1], some, read[:-1]).unflatten(1, (MAPS, -1))


@dataclass(frozen=True, eq=False)
class Localized:
    """Points of B crops: pixels (B,N,2) of the crop; metric (B,N,3) metres, relative to an unknown root; uncertainty
    (B,N) metres, before its final factor."""

    pixels: Tensor
    metric: Tensor
    uncertainty: Tensor


def localize(
    features: Tensor, weights: PointWeights | PointCodes, side: int, flipped: Tensor | None = None
) -> Localized:
    """The points whose `weights` are given, from features (B,512,h,w) of crops of `side` pixels.

    flipped (B,) bool: crops that were mirrored. B must not be 0.
    """
    height, width = features.shape[2:]
    x = torch.linspace(0, 1, width, device=features.device).repeat(height)
    y = torch.linspace(0, 1, height, device=features.device).repeat_interleave(width)
    slices = torch.linspace(0, 1, MAPS - 2, device=features.device).repeat_interleave(height * width)
    grid = torch.stack([x, y], dim=1)
    space = torch.cat([grid.repeat(MAPS - 2, 1), slices[:, None]], dim=1)
    flags = [False] * len(features) if flipped is None else flipped.tolist()
    rows = [
        _read(weights.maps(crop, flipped=flag), grid, space)
        for crop, flag in zip(features.flatten(2).float(), flags, strict=True)
    ]
    image, metric, uncertainty = (torch.stack(parts) for parts in zip(*rows, strict=True))
    return Localized(
        _to_pixels(image[..., :2], side),
        torch.cat([_to_pixels(metric, side) * (BOX_SIZE / side), image[..., 2:] * BOX_SIZE], dim=-1),
        uncertainty[..., 0],
    )


def heatmaps(features: Tensor, weights: PointWeights | PointCodes) -> Tensor:
    """Where each point is looked for in the images: (B,N,h,w), probabilities over the cells, summed over depth."""
    height, width = features.shape[2:]
    rows = [
        torch.cat([maps[:, 2:].flatten(1).softmax(dim=1).unflatten(1, (MAPS - 2, height, width)).sum(dim=1)
                   for maps in weights.maps(crop, flipped=False)])
        for crop in features.flatten(2).float()
    ]  # fmt: skip
    return torch.stack(rows)


def _read(pieces: Iterable[Tensor], grid: Tensor, space: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Shares of the way (N,3) along x, y and the slices, metric shares (N,2), uncertainties (N,1), of maps (n,10,hw).

    grid (hw,2), space (slices*hw,3): the shares of the cells.
    """
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    for maps in pieces:
        volume = maps[:, 2:].flatten(1).softmax(dim=1)
        plane = volume.unflatten(1, (MAPS - 2, -1)).sum(dim=1)
        uncertainty = functional.softplus((maps[:, 0] * plane).sum(dim=1, keepdim=True)) + LEAST_UNCERTAINTY
        parts.append((volume @ space, maps[:, 1].softmax(dim=1) @ grid, uncertainty))
    image, metric, uncertainty = (torch.cat(each) for each in zip(*parts, strict=True))
    return image, metric, uncertainty


def _to_pixels(shares: Tensor, side: int) -> Tensor:
    """From 0…1 between the centres of the first and the last cell to pixels of the crop."""
    return shares * (side - STRIDE if side % STRIDE == 0 else side - side % STRIDE) + STRIDE / 2
