"""FastPose: ResNet-101 with squeeze-and-excitation, upsampled by dense upsampling convolutions (DUC).

Fang et al. 2017; He et al. 2016; Hu et al., "Squeeze-and-excitation networks", CVPR 2018; Wang et al., "Understanding
convolution for semantic segmentation", WACV 2018 (DUC: convolutions whose channels become pixels). Parameters have the
names of the published checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from kinema.models.published_tensors import load_published

_STAGES = ((64, 3), (128, 4), (256, 23), (512, 3))
"""Inner width and number of the blocks of each stage; a block's output is four times as wide."""

_EXPANSION = 4
MAPS = 33
"""COCO's 17 joints, then the 16 of MPII."""


class Excitation(nn.Module):
    """Scales channels by factors that depend on their means over the image."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(channels, channels), nn.ReLU(inplace=True), nn.Linear(channels, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        factors: Tensor = self.fc(x.mean(dim=(2, 3)))
        return x * factors[:, :, None, None]


class Block(nn.Module):
    """1x1, 3x3, 1x1 convolutions with a shortcut. first: of a stage, with a projection and excitation."""

    clamped = ("conv1", "conv2")

    def __init__(self, inputs: int, middle: int, stride: int, *, first: bool) -> None:
        super().__init__()
        outputs = middle * _EXPANSION
        self.conv1, self.bn1 = nn.Conv2d(inputs, middle, 1, bias=False), nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, middle, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(middle)
        self.conv3, self.bn3 = nn.Conv2d(middle, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        if first:
            self.se: Excitation | None = Excitation(outputs)
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample: nn.Sequential | None = nn.Sequential(projection, nn.BatchNorm2d(outputs))
        else:
            self.se = self.downsample = None

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        if self.se is not None:
            y = self.se(y)
        result: Tensor = self.relu(y + (x if self.downsample is None else self.downsample(x)))
        return result


class Backbone(nn.Module):
    """Images (B,3,H,W) -> features (B,2048,H/32,W/32)."""

    clamped = ("conv1",)

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, padding=1)
        inputs = 64
        for number, (middle, blocks) in enumerate(_STAGES, start=1):
            stage = [Block(inputs, middle, 1 if number == 1 else 2, first=True)]
            inputs = middle * _EXPANSION
            stage += [Block(inputs, middle, 1, first=False) for _ in range(blocks - 1)]
            setattr(self, f"layer{number}", nn.Sequential(*stage))

    def forward(self, images: Tensor) -> Tensor:
        x: Tensor = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for number in range(1, len(_STAGES) + 1):
            x = getattr(self, f"layer{number}")(x)
        return x


class DenseUpsampling(nn.Module):
    """A convolution whose channels become the pixels of a map of twice the resolution."""

    clamped = ("conv",)

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(inputs, 4 * outputs, 3, padding=1, bias=False), nn.BatchNorm2d(4 * outputs)
        self.relu, self.shuffle = nn.ReLU(inplace=True), nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.shuffle(self.relu(self.bn(self.conv(x))))
        return result


class FastPose(nn.Module):
    """Images (B,3,H,W) -> heatmaps (B,33,H/4,W/4), of which the first 17 are COCO's joints."""

    def __init__(self) -> None:
        super().__init__()
        self.preact = Backbone()
        self.shuffle = nn.PixelShuffle(2)
        self.duc1, self.duc2 = DenseUpsampling(512, 256), DenseUpsampling(256, 128)
        self.conv_out = nn.Conv2d(128, MAPS, 3, padding=1)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], *, source: str = "weights") -> FastPose:
        """The network of a state dict, for inference. Raises InputError if the weights are another network's."""
        return load_published(cls(), tensors, "FastPose", source)

    def forward(self, images: Tensor) -> Tensor:
        heatmaps: Tensor = self.conv_out(self.duc2(self.duc1(self.shuffle(self.preact(images)))))
        return heatmaps
