"""Mask R-CNN's checkpoint, which the user downloads from torchvision's authors."""

from __future__ import annotations

from kinema.models.torchvision_licence import TORCHVISION
from kinema.weights.entry import COCO_AND_IMAGENET, Entry

ENTRIES = (
    Entry(
        name="maskrcnn",
        group="maskrcnn",
        file="maskrcnn_resnet50_fpn_coco.pth",
        what="Mask R-CNN ResNet50-FPN: people, each with a mask",
        licence=TORCHVISION,
        data=COCO_AND_IMAGENET,
        instructions=(
            "download the weights COCO_V1 of torchvision's maskrcnn_resnet50_fpn"
            " (https://docs.pytorch.org/vision/stable/models.html)"
        ),
        holds=(
            "backbone.body.conv1.weight",
            "roi_heads.box_head.fc6.weight",
            "roi_heads.mask_predictor.conv5_mask.weight",
        ),
    ),
)
