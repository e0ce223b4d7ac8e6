"""RIFE 4.18's checkpoint, which the user downloads from its authors."""

from __future__ import annotations

from kinema.models.rife.facts import NAME, TENSORS
from kinema.weights.entry import Entry, Licence, TrainingData

MIT = Licence(
    key="mit",
    name="MIT",
    url="https://github.com/hzwer/Practical-RIFE/blob/main/LICENSE",
    summary="free for any use, commercial use included",
)

DATA = TrainingData(
    "Vimeo-90K and others",
    "clips that keep the terms of their owners: of a later version the authors name Vimeo-90K, Adobe240fps and ATD-12K",
)

ENTRIES = (
    Entry(
        name=NAME,
        group=NAME,
        file="rife_v4.18.pth",
        what="frames between the frames of a video",
        licence=MIT,
        data=DATA,
        instructions=(
            "download version 4.18 as the README of Practical-RIFE says (https://github.com/hzwer/Practical-RIFE) and"
            " add its train_log/flownet.pkl"
        ),
        holds=TENSORS,
    ),
)
