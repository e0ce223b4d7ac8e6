"""The crop model of NLF: a backbone, a head of features, and the field that says how a point reads them.

Names of the parameters are those of the published state dicts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from kinema.errors import InputError, UsageError
from kinema.models.nlf.facts import (
    BOX_SIZE,
    EIGENFUNCTIONS,
    FEATURES,
    FIELD_WIDTHS,
    HEAD,
    IGNORED,
    LEAST_UNCERTAINTY,
    MAPS,
    SHIFTED_STAGE,
    SIZES,
    STRIDE,
    Size,
    StageSize,
)
from kinema.models.published_tensors import load_published

_NORM_EPSILON = 1e-3
_FIELD_SCALE = 0.1
_POINTS = 256


def _convolution(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution that keeps the size, its batch norm, a SiLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs, eps=_NORM_EPSILON), nn.SiLU(inplace=True))


def _projection(inputs: int, outputs: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs, eps=_NORM_EPSILON))


class SqueezeExcitation(nn.Module):
    """Scales the channels of (B,C,h,w) by what their means say. Hu et al., CVPR 2018."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean((2, 3), keepdim=True)
        scaled: Tensor = x * self.fc2(functional.silu(self.fc1(means))).sigmoid()
        return scaled


class Block(nn.Module):
    """An inverted bottleneck, fused or with a depthwise convolution, and the way around it where sizes allow.

    shifted: whether the picture is moved by a pixel to the top left before the spatial convolution.
    """

    def __init__(self, inputs: int, stage: StageSize, stride: int, *, shifted: bool = False) -> None:
        super().__init__()
        inside = inputs * stage.expand
        if not stage.fused:
            layers: list[nn.Module] = [
                _convolution(inputs, inside),
                _convolution(inside, inside, 3, stride, groups=inside),
                SqueezeExcitation(inside, max(1, inputs // 4)),
                _projection(inside, stage.width),
            ]
        elif stage.expand == 1:
            layers = [_convolution(inputs, stage.width, 3, stride)]
        else:
            layers = [_convolution(inputs, inside, 3, stride), _projection(inside, stage.width)]
        if shifted:
            spatial = layers[1]
            assert isinstance(spatial, nn.Sequential)
            assert isinstance(spatial[0], nn.Conv2d)
            spatial[0].padding = (0, 0)
        self.block = nn.Sequential(*layers)
        self.shifted = shifted
        self.around = stride == 1 and inputs == stage.width

    def forward(self, x: Tensor) -> Tensor:
        if self.shifted:
            expand, *rest = self.block
            out = functional.pad(expand(x), (0, 2, 0, 2))
            for layer in rest:
                out = layer(out)
            return out
        out = self.block(x)
        return out + x if self.around else out  # type: ignore[no-any-return]


class Centred(nn.Module):
    """Colours in [0,1] to [-1,1]."""

    def forward(self, x: Tensor) -> Tensor:
        return (x - 0.5) / 0.5


def _backbone(size: Size) -> nn.Sequential:
    layers: list[nn.Module] = [_convolution(3, size.stem, 3, 2)]
    width = size.stem
    for number, stage in enumerate(size.stages, 1):
        blocks: list[nn.Module] = []
        for row in range(stage.blocks):
            first = row == 0
            blocks.append(Block(width, stage, stage.stride if first else 1, shifted=first and number == SHIFTED_STAGE))
            width = stage.width
        layers.append(nn.Sequential(*blocks))
    layers.append(_convolution(width, FEATURES))
    return nn.Sequential(Centred(), nn.Sequential(*layers))


@dataclass(frozen=True, eq=False)
class BodyVolume:
    """What the weight field knows of the canonical body's volume; not part of the state dicts.

    low, high (3,): the box of its nodes, metres. scales (1024,): one over the square root of the Laplacian's
    eigenvalues, without the first, which is 0.
    """

    low: Tensor
    high: Tensor
    scales: Tensor

    @classmethod
    def of(cls, low: Tensor, high: Tensor, eigenvalues: Tensor) -> BodyVolume:
        """eigenvalues (E,): from the first one on, at least 1025."""
        return cls(low.float(), high.float(), eigenvalues[1 : EIGENFUNCTIONS + 1].float().rsqrt())


class _Fourier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, FIELD_WIDTHS[0], bias=False)


class Eigenfunctions(nn.Module):
    """Points (N,3) of the canonical body, metres -> approximations (N,1024) of its Laplacian eigenfunctions."""

    def __init__(self) -> None:
        super().__init__()
        self.learnable_fourier = _Fourier()
        fourier, hidden, _ = FIELD_WIDTHS
        self.mlp = nn.Sequential(nn.Linear(2 * fourier, hidden), nn.GELU(), nn.Linear(hidden, EIGENFUNCTIONS))

    def forward(self, points: Tensor, volume: BodyVolume) -> Tensor:
        placed = (points - (volume.low + volume.high) / 2) / (volume.high - volume.low)
        phase = self.learnable_fourier.linear(placed)
        waves = torch.cat([phase.sin(), phase.cos()], dim=-1) * (2 * FIELD_WIDTHS[0]) ** -0.5
        result: Tensor = self.mlp(waves)
        return result


class WeightField(nn.Module):
    """Points (N,3) -> the weights with which each reads the head's features: (N,513,10), the last row the biases."""

    def __init__(self) -> None:
        super().__init__()
        self.gps_net = Eigenfunctions()
        hidden = FIELD_WIDTHS[2]
        self.pred_mlp = nn.Sequential(
            nn.Linear(EIGENFUNCTIONS, hidden), nn.GELU(), nn.Linear(hidden, (HEAD + 1) * MAPS)
        )

    def features(self, points: Tensor, volume: BodyVolume) -> Tensor:
        """The scaled eigenfunctions (N,1024).

        The order of these products is the original's: weights that are then rounded to halves come out alike.
        """
        values: Tensor = self.gps_net(points, volume) * volume.scales * _FIELD_SCALE
        return values

    def forward(self, points: Tensor, volume: BodyVolume) -> Tensor:
        result: Tensor = self.pred_mlp(self.features(points, volume))
        return result.reshape(len(points), HEAD + 1, MAPS)


class _Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = _convolution(FEATURES, HEAD)
        self.weight_field = WeightField()


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


class CropModel(nn.Module):
    """Crops (B,3,R,R) RGB in [0,1] -> features (B,512,R/32,R/32), of which `localize` reads points.

    volume: given by `from_tensors`; a model without it cannot make weights of points.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.size = SIZES[name]
        self.backbone = _backbone(self.size)
        self.heatmap_head = _Head()
        self.volume: BodyVolume | None = None

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, Tensor], volume: BodyVolume | None = None, *, source: str = "weights"
    ) -> CropModel:
        """With the weights of a state dict, for inference. Raises InputError if they are another network's."""
        tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
        tensors = {key: value.float() if value.dtype.is_floating_point else value
                   for key, value in tensors.items() if key not in IGNORED}  # fmt: skip
        stem = tensors.get("backbone.1.0.0.weight")
        names = [name for name, size in SIZES.items() if stem is not None and len(stem) == size.stem]
        if not names:
            raise InputError(
                f"{source} is not an NLF checkpoint: 'backbone.1.0.0.weight' "
                f"{'is missing' if stem is None else f'has shape {tuple(stem.shape)}'}; give nlf_l_crop or nlf_s_crop"
            )
        model = load_published(cls(names[0]), tensors, f"NLF-{names[0].upper()}", source)
        model.volume = volume
        return model

    def forward(self, crops: Tensor) -> Tensor:
        features: Tensor = self.heatmap_head.layer(self.backbone(crops))
        return features

    def weights_of(self, points: Tensor) -> PointWeights:
        """The weights of points (N,3) of the canonical body, metres."""
        if self.volume is None:
            raise UsageError("the box and the eigenvalues of the canonical body are missing; build the model with them")
        mirrored = points * points.new_tensor([-1.0, 1.0, 1.0])
        parts: list[Tensor] = []
        for each in (points, mirrored):
            table = self.heatmap_head.weight_field(each, self.volume).transpose(1, 2)
            parts += [table[..., :HEAD].contiguous(), table[..., HEAD].contiguous()]
        return PointWeights(*parts)


@dataclass(frozen=True, eq=False)
class Localized:
    """Points of B crops: pixels (B,N,2) of the crop; metric (B,N,3) metres, relative to an unknown root; uncertainty
    (B,N) metres, before its final factor."""

    pixels: Tensor
    metric: Tensor
    uncertainty: Tensor


def localize(features: Tensor, weights: PointWeights, side: int, flipped: Tensor | None = None) -> Localized:
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
        _read(crop, *_chosen(weights, flag), grid, space)
        for crop, flag in zip(features.flatten(2).float(), flags, strict=True)
    ]
    image, metric, uncertainty = (torch.stack(parts) for parts in zip(*rows, strict=True))
    return Localized(
        _to_pixels(image[..., :2], side),
        torch.cat([_to_pixels(metric, side) * (BOX_SIZE / side), image[..., 2:] * BOX_SIZE], dim=-1),
        uncertainty[..., 0],
    )


def _chosen(weights: PointWeights, flipped: bool) -> tuple[Tensor, Tensor]:
    pair = (weights.weight_flipped, weights.bias_flipped) if flipped else (weights.weight, weights.bias)
    return pair[0].float(), pair[1].float()


def _read(crop: Tensor, weight: Tensor, bias: Tensor, grid: Tensor, space: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Shares of the way (N,3) along x, y and the slices, metric shares (N,2), uncertainties (N,1), of features
    (512,hw).

    grid (hw,2), space (slices*hw,3): the shares of the cells. Some points at a time, so that their maps stay in the
    cache.
    """
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    for some_weight, some_bias in zip(weight.split(_POINTS), bias.split(_POINTS), strict=True):
        maps = torch.addmm(some_bias.reshape(-1, 1), some_weight.flatten(0, 1), crop).unflatten(0, some_bias.shape)
        volume = maps[:, 2:].flatten(1).softmax(dim=1)
        plane = volume.unflatten(1, (MAPS - 2, -1)).sum(dim=1)
        uncertainty = functional.softplus((maps[:, 0] * plane).sum(dim=1, keepdim=True)) + LEAST_UNCERTAINTY
        parts.append((volume @ space, maps[:, 1].softmax(dim=1) @ grid, uncertainty))
    image, metric, uncertainty = (torch.cat(each) for each in zip(*parts, strict=True))
    return image, metric, uncertainty


def _to_pixels(shares: Tensor, side: int) -> Tensor:
    """From 0…1 between the centres of the first and the last cell to pixels of the crop."""
    return shares * (side - STRIDE if side % STRIDE == 0 else side - side % STRIDE) + STRIDE / 2
