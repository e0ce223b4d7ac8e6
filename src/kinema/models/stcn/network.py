"""STCN's tensors: encoders of keys and values, the decoder, with the published names.

Cheng et al. 2021, section 3. A key depends on the image alone, a value on the image and one object's mask. The
attention where both are joined is that of Woo et al., "CBAM: convolutional block attention module", ECCV 2018.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from kinema.models.published_tensors import load_published
from kinema.models.residual_trunk import EXPANSION, Bottleneck
from kinema.models.stcn.facts import KEY, VALUE


def _conv(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2)


def _enlarged(x: Tensor, factor: int) -> Tensor:
    return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


class KeyEncoder(nn.Module):
    """Normalised images (B,3,H,W) -> ResNet-50's features at 1/16 (1024), 1/8 (512) and 1/4 (256 channels)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False), nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.res2, self.layer2, self.layer3 = (
            self._stage(64, 64, 3, 1),
            self._stage(256, 128, 4),
            self._stage(512, 256, 6),
        )

    @staticmethod
    def _stage(inputs: int, middle: int, blocks: int, stride: int = 2) -> nn.Sequential:
        first = Bottleneck(inputs, middle, nn.BatchNorm2d, stride=stride)
        others = (Bottleneck(middle * EXPANSION, middle, nn.BatchNorm2d) for _ in range(blocks - 1))
        return nn.Sequential(first, *others)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.maxpool(functional.relu(self.bn1(self.conv1(images))))
        f4 = self.res2(x)
        f8 = self.layer2(f4)
        return self.layer3(f8), f8, f4


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, which have biases here, with a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = _conv(outputs, outputs), nn.BatchNorm2d(outputs)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResidualBlock(nn.Module):
    """ReLU and 3x3 convolution twice, with a shortcut, through a 3x3 convolution where the widths differ."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.downsample: nn.Conv2d | None = None if inputs == outputs else _conv(inputs, outputs)
        self.conv1, self.conv2 = _conv(inputs, outputs), _conv(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2(functional.relu(self.conv1(functional.relu(x))))
        return y + (x if self.downsample is None else self.downsample(x))


class ChannelGate(nn.Module):
    """Features (B,C,h,w) weighted by channel, from their mean and maximum over the image."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = channels // 16
        self.mlp = nn.Sequential(nn.Flatten(), nn.Linear(channels, narrow), nn.ReLU(), nn.Linear(narrow, channels))

    def forward(self, x: Tensor) -> Tensor:
        weight: Tensor = self.mlp(x.mean(dim=(2, 3))) + self.mlp(x.amax(dim=(2, 3)))
        return x * weight.sigmoid()[:, :, None, None]


class SpatialConv(nn.Module):
    """The convolution of the spatial gate: (B,2,h,w) -> (B,1,h,w)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = _conv(2, 1, 7)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.conv(x)
        return result


class SpatialGate(nn.Module):
    """Features (B,C,h,w) weighted by place, from their maximum and mean over the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.spatial = SpatialConv()

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.cat([x.amax(dim=1, keepdim=True), x.mean(dim=1, keepdim=True)], dim=1)
        weight: Tensor = self.spatial(pooled)
        return x * weight.sigmoid()


class Attention(nn.Module):
    """CBAM: channels, then places."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ChannelGate, self.SpatialGate = ChannelGate(channels), SpatialGate()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.SpatialGate(self.ChannelGate(x))
        return result


class Fuser(nn.Module):
    """Features of an object (B,256,h,w) and of the image (B,1024,h,w) -> values (B,512,h,w)."""

    def __init__(self) -> None:
        super().__init__()
        self.block1, self.block2 = ResidualBlock(256 + 1024, VALUE), ResidualBlock(VALUE, VALUE)
        self.attention = Attention(VALUE)

    def forward(self, of_object: Tensor, of_image: Tensor) -> Tensor:
        x = self.block1(torch.cat([of_object, of_image], dim=1))
        result: Tensor = self.block2(x + self.attention(x))
        return result


class ValueEncoder(nn.Module):
    """Images, one object's mask and that of the others (B,5,H,W), and features (B,1024,H/16,W/16) -> values."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(5, 64, 7, 2), nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        for number, (inputs, outputs) in enumerate(((64, 64), (64, 128), (128, 256)), start=1):
            stage = nn.Sequential(BasicBlock(inputs, outputs, min(number, 2)), BasicBlock(outputs, outputs, 1))
            setattr(self, f"layer{number}", stage)
        self.fuser = Fuser()

    def forward(self, given: Tensor, f16: Tensor) -> Tensor:
        x = self.maxpool(functional.relu(self.bn1(self.conv1(given))))
        for number in (1, 2, 3):
            x = getattr(self, f"layer{number}")(x)
        result: Tensor = self.fuser(x, f16)
        return result


class KeyProjection(nn.Module):
    """Features (B,1024,h,w) -> keys (B,64,h,w)."""

    def __init__(self) -> None:
        super().__init__()
        self.key_proj = _conv(1024, KEY)

    def forward(self, f16: Tensor) -> Tensor:
        result: Tensor = self.key_proj(f16)
        return result


class Upsampling(nn.Module):
    """Features (P,C,h,w) at twice the size, joined with those of the image (1,S,2h,2w)."""

    def __init__(self, of_image: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.skip_conv, self.out_conv = _conv(of_image, inputs), ResidualBlock(inputs, outputs)

    def forward(self, x: Tensor, of_image: Tensor) -> Tensor:
        result: Tensor = self.out_conv(self.skip_conv(of_image) + _enlarged(x, 2))
        return result


class Decoder(nn.Module):
    """What each object reads from the memory (P,512,h,w), and the image's features -> logits (P,1,16h,16w)."""

    def __init__(self) -> None:
        super().__init__()
        self.compress = ResidualBlock(2 * VALUE, VALUE)
        self.up_16_8, self.up_8_4 = Upsampling(512, VALUE, 256), Upsampling(256, 256, 256)
        self.pred = _conv(256, 1)

    def forward(self, readout: Tensor, thin: Tensor, f8: Tensor, f4: Tensor) -> Tensor:
        x = self.compress(torch.cat([readout, thin.expand(len(readout), -1, -1, -1)], dim=1))
        x = self.up_8_4(self.up_16_8(x, f8), f4)
        return _enlarged(self.pred(functional.relu(x)), 4)


class STCN(nn.Module):
    """The tensors of STCN. Images (1,3,H,W) are normalised, their sides multiples of 16; masks (P,1,H,W) in [0,1]."""

    def __init__(self) -> None:
        super().__init__()
        self.key_encoder, self.value_encoder = KeyEncoder(), ValueEncoder()
        self.key_proj, self.key_comp = KeyProjection(), _conv(1024, VALUE)
        self.decoder = Decoder()

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], *, source: str = "weights") -> STCN:
        """The network of a state dict, for inference. Raises InputError if the weights are another network's."""
        return load_published(cls(), tensors, "STCN", source)

    def keys(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Keys (B,64,h,w), what the decoder takes (B,512,h,w), and features at 1/16, 1/8 and 1/4 of images."""
        f16, f8, f4 = self.key_encoder(images)
        return self.key_proj(f16), self.key_comp(f16), f16, f8, f4

    def values(self, image: Tensor, f16: Tensor, masks: Tensor) -> Tensor:
        """Values (P,512,h,w) of the objects in an image with its features at 1/16."""
        others = masks.sum(dim=0, keepdim=True) - masks
        given = torch.cat([image.expand(len(masks), -1, -1, -1), masks, others], dim=1)
        result: Tensor = self.value_encoder(given, f16.expand(len(masks), -1, -1, -1))
        return result

    def probabilities(self, readout: Tensor, thin: Tensor, f8: Tensor, f4: Tensor) -> Tensor:
        """(P,1,H,W) that a pixel is of an object, each object by itself."""
        logits: Tensor = self.decoder(readout, thin, f8, f4)
        return logits.sigmoid()
