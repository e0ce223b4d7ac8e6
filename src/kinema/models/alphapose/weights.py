"""FastPose's checkpoint, which the user downloads from AlphaPose's authors."""

from __future__ import annotations

from kinema.weights.entry import Entry, Licence, TrainingData

ALPHAPOSE = Licence(
    key="alphapose",
    name="AlphaPose licence (Shanghai Jiao Tong University)",
    url="https://github.com/MVIG-SJTU/AlphaPose/blob/master/LICENSE",
    summary="non-commercial research only",
    research_only=True,
)

DATA = TrainingData(
    "COCO, MPII, ImageNet",
    "COCO, whose images keep the terms of their owners, and MPII and ImageNet, which are for non-commercial research",
)

ENTRIES = (
    Entry(
        name="alphapose",
        group="alphapose",
        file="duc_se.pth",
        what="AlphaPose FastPose (DUC, SE-ResNet-101): 17 body keypoints",
        licence=ALPHAPOSE,
        data=DATA,
        instructions=(
            "download duc_se.pth as the README of AlphaPose's branch `pytorch` says"
            " (https://github.com/MVIG-SJTU/AlphaPose/tree/pytorch)"
        ),
        holds=("preact.conv1.weight", "preact.layer4.0.se.fc.0.weight", "duc2.conv.weight", "conv_out.weight"),
    ),
)
