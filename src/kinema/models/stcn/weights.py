"""STCN's checkpoint, which the user downloads from its authors."""

from __future__ import annotations

from kinema.weights.entry import Entry, Licence, TrainingData

ENTRIES = (
    Entry(
        name="stcn",
        group="stcn",
        file="stcn.pth",
        what="STCN: masks propagated through a video",
        licence=Licence(
            key="stcn",
            name="MIT (code); training data unclear",
            url="https://github.com/hkchengrex/STCN/blob/main/LICENSE",
            summary="published with MIT code; the videos that it was trained on are for non-commercial research",
            unclear=True,
        ),
        data=TrainingData(
            "DAVIS and YouTube-VOS",
            "DAVIS 2017 and YouTube-VOS are for non-commercial research, as are ImageNet and the images of single"
            " objects with which training began",
        ),
        instructions="download stcn.pth of the authors' release (https://github.com/hkchengrex/STCN)",
        holds=(
            "key_encoder.res2.0.conv1.weight",
            "value_encoder.fuser.block1.conv1.weight",
            "key_proj.key_proj.weight",
        ),
    ),
)
