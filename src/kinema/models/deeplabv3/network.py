"""DeepLabV3-ResNet101 with torchvision's names of the parameters, auxiliary head included.

Chen et al., "Rethinking atrous convolution for semantic image segmentation", 2017: a dilated trunk, pooling at several
dilations ("atrous spatial pyramid pooling") together with the image's mean, and a classifier of every pixel.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from kinema.models.deeplabv3.facts import CLASSES
from kinema.models.published_tensors import load_published
from kinema.models.residual_trunk import ResidualTrunk

_DILATIONS = (12, 24, 36)
_WIDTH = 256


def _block(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> list[nn.Module]:
    """A convolution that keeps the size, its batch norm, a ReLU."""
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def _pooling(inputs: int) -> nn.Sequential:
    """The mean over the image, through a 1x1 convolution."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), *_block(inputs, _WIDTH, 1))


class PyramidPooling(nn.Module):
    """Features (B,C,h,w) -> (B,256,h,w): pixels, three dilated neighbourhoods and the image's mean, joined."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [
                nn.Sequential(*_block(inputs, _WIDTH, 1)),
                *(nn.Sequential(*_block(inputs, _WIDTH, 3, dilation)) for dilation in _DILATIONS),
                _pooling(inputs),
            ]
        )
        self.project = nn.Sequential(*_block(len(self.convs) * _WIDTH, _WIDTH, 1), nn.Dropout(0.5))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.project(torch.cat([conv(x).expand(-1, -1, *x.shape[2:]) for conv in self.convs], dim=1))
        return result


class DeepLabV3(nn.Module):
    """Normalised images (B,3,H,W) -> logits of the classes (B,21,H,W); `both` gives the auxiliary head's as well."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ResidualTrunk(101, nn.BatchNorm2d, dilated=True)
        self.classifier = nn.Sequential(
            PyramidPooling(2048), *_block(_WIDTH, _WIDTH, 3), nn.Conv2d(_WIDTH, len(CLASSES), 1)
        )
        self.aux_classifier = nn.Sequential(
            *_block(1024, _WIDTH, 3), nn.Dropout(0.1), nn.Conv2d(_WIDTH, len(CLASSES), 1)
        )

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], *, source: str = "weights") -> DeepLabV3:
        """The network of a state dict, for inference. Raises InputError if the weights are another network's."""
        return load_published(cls(), tensors, "DeepLabV3-ResNet101", source)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.backbone(images)[-1])
        return _enlarged(logits, images)

    def both(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The logits (B,21,H,W) of the classifier, and of the auxiliary head, which exists for training."""
        features = self.backbone(images)
        return _enlarged(self.classifier(features[3]), images), _enlarged(self.aux_classifier(features[2]), images)


def _enlarged(logits: Tensor, images: Tensor) -> Tensor:
    return functional.interpolate(logits, size=images.shape[2:], mode="bilinear", align_corners=False)
