"""Mask R-CNN's tensors: trunk, feature pyramid, proposal head, box head, mask head, with torchvision's names.

What is done with their outputs (proposals, regions, suppression, masks) is in `torch_run`, `regions` and `boxes`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional

from kinema.models.maskrcnn.facts import ANCHORS, BOX_CELLS, CLASSES
from kinema.models.published_tensors import load_published
from kinema.models.residual_trunk import FrozenBatchNorm, ResidualTrunk

_WIDTH = 256
_HIDDEN = 1024
_OLD_NAMES = (
    (re.compile(r"^(backbone\.fpn\.(?:inner|layer)_blocks\.\d)\.(weight|bias)$"), r"\1.0.\2"),
    (re.compile(r"^(rpn\.head\.conv)\.(weight|bias)$"), r"\1.0.0.\2"),
)
_OLD_MASK_HEAD = re.compile(r"^roi_heads\.mask_head\.mask_fcn(\d)\.(weight|bias)$")


def renamed(key: str) -> str:
    """The present name of a tensor in the file of 2019, whose layers of the pyramid and heads had other names."""
    for pattern, name in _OLD_NAMES:
        key = pattern.sub(name, key)
    return _OLD_MASK_HEAD.sub(lambda hit: f"roi_heads.mask_head.{int(hit[1]) - 1}.0.{hit[2]}", key)


class Pyramid(nn.Module):
    """The stages' outputs -> five maps of 256 channels, at 1/4, 1/8, 1/16, 1/32 and 1/64 of the image."""

    def __init__(self) -> None:
        super().__init__()
        widths = (256, 512, 1024, 2048)
        self.inner_blocks = nn.ModuleList(nn.Sequential(nn.Conv2d(width, _WIDTH, 1)) for width in widths)
        self.layer_blocks = nn.ModuleList(nn.Sequential(nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1)) for _ in widths)

    def forward(self, stages: list[Tensor]) -> list[Tensor]:
        above = self.inner_blocks[-1](stages[-1])
        maps = [self.layer_blocks[-1](above)]
        for number in range(len(stages) - 2, -1, -1):
            side = self.inner_blocks[number](stages[number])
            above = side + functional.interpolate(above, size=side.shape[2:], mode="nearest")
            maps.insert(0, self.layer_blocks[number](above))
        return [*maps, functional.max_pool2d(maps[-1], kernel_size=1, stride=2)]


class Backbone(nn.Module):
    """Normalised images (B,3,H,W), sides multiples of 32 -> the pyramid's five maps."""

    def __init__(self) -> None:
        super().__init__()
        self.body = ResidualTrunk(50, FrozenBatchNorm)
        self.fpn = Pyramid()

    def forward(self, images: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.fpn(self.body(images))
        return maps


class ProposalHead(nn.Module):
    """A map (B,256,h,w) -> objectness (B,3,h,w) and offsets (B,12,h,w) of the three anchors at every cell."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Sequential(nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1), nn.ReLU(inplace=True)))
        self.cls_logits = nn.Conv2d(_WIDTH, ANCHORS, 1)
        self.bbox_pred = nn.Conv2d(_WIDTH, 4 * ANCHORS, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        shared = self.conv(x)
        return self.cls_logits(shared), self.bbox_pred(shared)


class BoxHead(nn.Module):
    """Features of regions (N,256,7,7) -> (N,1024)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc6 = nn.Linear(_WIDTH * BOX_CELLS**2, _HIDDEN)
        self.fc7 = nn.Linear(_HIDDEN, _HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.fc7(functional.relu(self.fc6(x.flatten(1)))))


class BoxPredictor(nn.Module):
    """(N,1024) -> logits of the classes (N,91) and each class's offsets (N,364)."""

    def __init__(self) -> None:
        super().__init__()
        self.cls_score, self.bbox_pred = nn.Linear(_HIDDEN, CLASSES), nn.Linear(_HIDDEN, 4 * CLASSES)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_score(x), self.bbox_pred(x)


class MaskPredictor(nn.Module):
    """(N,256,14,14) -> logits of each class's mask (N,91,28,28)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv5_mask = nn.ConvTranspose2d(_WIDTH, _WIDTH, 2, 2)
        self.mask_fcn_logits = nn.Conv2d(_WIDTH, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.mask_fcn_logits(functional.relu(self.conv5_mask(x)))
        return logits


class RegionHeads(nn.Module):
    """The heads that look at each region by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.box_head, self.box_predictor = BoxHead(), BoxPredictor()
        self.mask_head = nn.Sequential(
            *(nn.Sequential(nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1), nn.ReLU(inplace=True)) for _ in range(4))
        )
        self.mask_predictor = MaskPredictor()


class Proposals(nn.Module):
    """The proposal network: its head alone has tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.head = ProposalHead()


class MaskRCNN(nn.Module):
    """The tensors of Mask R-CNN ResNet-50 FPN (COCO_V1)."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.rpn, self.roi_heads = Backbone(), Proposals(), RegionHeads()

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], *, source: str = "weights") -> MaskRCNN:
        """The network of a state dict, for inference. Raises InputError if the weights are another network's."""
        tensors = {renamed(key.removeprefix("module.")): value for key, value in tensors.items()}
        return load_published(cls(), tensors, "Mask R-CNN ResNet50-FPN", source)
