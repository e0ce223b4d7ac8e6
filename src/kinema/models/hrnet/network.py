"""HRNet's backbone, parallel branches of four resolutions that exchange features, and the pose network on it.

Sun et al. 2019, "Deep high-resolution representation learning for human pose estimation". Parameters have the names of
the published checkpoints, so that their state dicts load without renaming.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from kinema.errors import WeightsError
from kinema.models.hrnet.pose import JOINTS, WIDTHS
from kinema.models.published_tensors import load_published

_STEM = 64
_LAYER1 = 256
_STAGES = ((2, 1), (3, 4), (4, 3))
"""Number of branches and of exchange modules of stages 2, 3 and 4."""


def conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    """A convolution that preserves the size (up to its stride), and its batch norm, which contains the bias."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return conv, nn.BatchNorm2d(outputs)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut. clamped: convolutions that a ReLU follows, for packing."""

    clamped = ("conv1",)

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_bn(channels, channels, 3)
        self.conv2, self.bn2 = conv_bn(channels, channels, 3)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        result: Tensor = self.relu(self.bn2(self.conv2(y)) + x)
        return result


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions with a shortcut, projected if the width changes."""

    clamped = ("conv1", "conv2")

    def __init__(self, inputs: int, middle: int, outputs: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_bn(inputs, middle, 1)
        self.conv2, self.bn2 = conv_bn(middle, middle, 3)
        self.conv3, self.bn3 = conv_bn(middle, outputs, 1)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Sequential(*conv_bn(inputs, outputs, 1)) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        shortcut = x if self.downsample is None else self.downsample(x)
        result: Tensor = self.relu(self.bn3(self.conv3(y)) + shortcut)
        return result


class ExchangeModule(nn.Module):
    """Four basic blocks on every branch, then each branch becomes the sum of all, resampled to its resolution.

    outputs: how many branches go on, those of the highest resolution; None: all.
    """

    def __init__(self, widths: list[int], outputs: int | None = None) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(BasicBlock(w) for _ in range(4))) for w in widths)
        count = range(len(widths))
        self.fuse_layers = nn.ModuleList(nn.ModuleList(_exchange(widths, i, j) for j in count) for i in count[:outputs])
        self.relu = nn.ReLU(inplace=True)

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        branches = [branch(x) for branch, x in zip(self.branches, branches, strict=True)]
        fused = []
        for layers in self.fuse_layers:
            parts = [layer(x) for layer, x in zip(layers, branches, strict=True)]  # type: ignore[call-overload]
            total = parts[0]
            for part in parts[1:]:
                total = total + part
            fused.append(self.relu(total))
        return fused


def _exchange(widths: list[int], to: int, of: int) -> nn.Module:
    """The layers that bring branch `of` to the resolution and width of branch `to`."""
    if of == to:
        return nn.Identity()
    if of > to:
        upsample = nn.Upsample(scale_factor=2 ** (of - to), mode="nearest")
        return nn.Sequential(*conv_bn(widths[of], widths[to], 1), upsample)
    steps = []
    for step in range(to - of):
        last = step == to - of - 1
        layers: list[nn.Module] = list(conv_bn(widths[of], widths[to] if last else widths[of], 3, stride=2))
        steps.append(nn.Sequential(*layers, *(() if last else (nn.ReLU(inplace=True),))))
    return nn.Sequential(*steps)


class HighResolutionTrunk(nn.Module):
    """Image (B,3,H,W) -> four maps of widths w, 2w, 4w, 8w at 1/4, 1/8, 1/16 and 1/32 of its size.

    outputs: how many of them, the largest first; the others are not computed.
    """

    clamped = ("conv1", "conv2")

    def __init__(self, width: int = 32, outputs: int = 4) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_bn(3, _STEM, 3, stride=2)
        self.conv2, self.bn2 = conv_bn(_STEM, _STEM, 3, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = nn.Sequential(
            Bottleneck(_STEM, _STEM, _LAYER1), *(Bottleneck(_LAYER1, _STEM, _LAYER1) for _ in range(3))
        )
        self.widths = [width * 2**i for i in range(4)]
        before = [_LAYER1]
        for number, (branches, modules) in enumerate(_STAGES, start=1):
            widths = self.widths[:branches]
            setattr(self, f"transition{number}", _transition(before, widths))
            given = [None] * (modules - 1) + [outputs if number == len(_STAGES) else None]
            setattr(self, f"stage{number + 1}", nn.ModuleList(ExchangeModule(widths, count) for count in given))
            before = widths

    def forward(self, image: Tensor) -> list[Tensor]:
        x = self.relu(self.bn1(self.conv1(image)))
        x = self.layer1(self.relu(self.bn2(self.conv2(x))))
        branches = [x]
        for number in range(1, len(_STAGES) + 1):
            # A new branch starts from the branch of the lowest resolution.
            transition = getattr(self, f"transition{number}")
            branches = [change(branches[min(i, len(branches) - 1)]) for i, change in enumerate(transition)]
            for module in getattr(self, f"stage{number + 1}"):
                branches = module(branches)
        return branches


class PoseNetwork(HighResolutionTrunk):
    """Images (B,3,H,W) -> heatmaps (B,17,H/4,W/4) of COCO's joints, from the branch of the highest resolution."""

    def __init__(self, width: int = 32) -> None:
        super().__init__(width, outputs=1)
        self.final_layer = nn.Conv2d(width, JOINTS, 1)

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, Tensor], network: str = "hrnet-w32", *, source: str = "weights"
    ) -> PoseNetwork:
        """The network with the weights of a state dict, for inference. network: one of `WIDTHS`.

        Raises WeightsError for the weights of another width, InputError for those of another network.
        """
        last = tensors.get("final_layer.weight", tensors.get("module.final_layer.weight"))
        for name, width in WIDTHS.items():
            if name != network and last is not None and last.shape[1:2] == (width,):
                raise WeightsError(f"{source} is {_title(name)}, not {_title(network)}; choose the keypoints {name}")
        return load_published(cls(WIDTHS[network]), tensors, f"published {_title(network)}", source)

    def forward(self, image: Tensor) -> Tensor:  # type: ignore[override]
        heatmaps: Tensor = self.final_layer(super().forward(image)[0])
        return heatmaps


def _title(network: str) -> str:
    return f"HRNet-W{WIDTHS[network]}"


def _transition(before: list[int], after: list[int]) -> nn.ModuleList:
    """From the branches of one stage to those of the next, which has one more."""
    changes: list[nn.Module] = []
    for i, width in enumerate(after):
        if i < len(before) and before[i] == width:
            changes.append(nn.Identity())
        elif i < len(before):
            changes.append(nn.Sequential(*conv_bn(before[i], width, 3), nn.ReLU(inplace=True)))
        else:
            step = nn.Sequential(*conv_bn(before[-1], width, 3, stride=2), nn.ReLU(inplace=True))
            changes.append(nn.Sequential(step))
    return nn.ModuleList(changes)
