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
    EIGENFUNCTIONS,
    FEATURES,
    FIELD_WIDTHS,
    HEAD,
    IGNORED,
    MAPS,
    SHIFTED_STAGE,
    SIZES,
    Size,
    StageSize,
)
from kinema.models.nlf.point_network import PointCodes, PointWeights
from kinema.models.published_tensors import load_published

_NORM_EPSILON = 1e-3
_FIELD_SCALE = 0.1


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

    shifted: whether the image is moved by a pixel to the top left before the spatial convolution.
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

    def codes(self, points: Tensor, volume: BodyVolume) -> Tensor:
        """What the last layer is given (N,384)."""
        values: Tensor = self.pred_mlp[:-1](self.features(points, volume))
        return values


class _Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = _convolution(FEATURES, HEAD)
        self.weight_field = WeightField()


class CropModel(nn.Module):
    """Crops (B,3,R,R) RGB in [0,1] -> features (B,512,R/32,R/32), from which `point_network.localize` reads points.

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
        """The network of a state dict, for inference. Raises InputError if the weights are another network's."""
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
        parts: list[Tensor] = []
        for each in _both_sides(points):
            table = self.heatmap_head.weight_field(each, self._known_volume()).transpose(1, 2)
            parts += [table[..., :HEAD].contiguous(), table[..., HEAD].contiguous()]
        return PointWeights(*parts)

    def codes_of(self, points: Tensor) -> PointCodes:
        """The weights before the field's last layer, which take less memory and time to read with."""
        field = self.heatmap_head.weight_field
        last = field.pred_mlp[-1]
        assert isinstance(last, nn.Linear)
        layer = torch.cat([last.weight, last.bias[:, None]], dim=1)
        table = layer.reshape(HEAD + 1, MAPS, -1).permute(2, 1, 0).flatten(0, 1).contiguous()
        straight, mirrored = (field.codes(each, self._known_volume()) for each in _both_sides(points))
        return PointCodes(straight, mirrored, table)

    def _known_volume(self) -> BodyVolume:
        if self.volume is None:
            raise UsageError("the box and the eigenvalues of the canonical body are missing; build the model with them")
        return self.volume


def _both_sides(points: Tensor) -> tuple[Tensor, Tensor]:
    """Points (N,3), and the same mirrored left and right."""
    return points, points * points.new_tensor([-1.0, 1.0, 1.0])
