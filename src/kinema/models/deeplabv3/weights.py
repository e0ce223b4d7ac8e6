"""DeepLabV3's checkpoint, which the user downloads from torchvision's authors."""

from __future__ import annotations

from kinema.models.torchvision_licence import TORCHVISION
from kinema.weights.entry import COCO_AND_IMAGENET, Entry

ENTRIES = (
    Entry(
        name="deeplabv3",
        group="deeplabv3",
        file="deeplabv3_resnet101_coco.pth",
        what="DeepLabV3-ResNet101: which pixels are people",
        licence=TORCHVISION,
        data=COCO_AND_IMAGENET,
        instructions=(
            "download the weights COCO_WITH_VOC_LABELS_V1 of torchvision's deeplabv3_resnet101"
            " (https://docs.pytorch.org/vision/stable/models.html)"
        ),
        holds=("backbone.conv1.weight", "classifier.0.convs.4.1.weight", "classifier.4.weight"),
    ),
)
