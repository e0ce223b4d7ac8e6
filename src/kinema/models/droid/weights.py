"""DROID-SLAM's checkpoint, which the user downloads from its authors."""

from __future__ import annotations

from kinema.models.droid.facts import NAME, TENSORS
from kinema.weights.entry import Entry, Licence, TrainingData

BSD = Licence(
    key="droid",
    name="BSD-3-Clause",
    url="https://github.com/princeton-vl/DROID-SLAM/blob/main/LICENSE",
    summary="free for any use, commercial use included",
)

DATA = TrainingData("TartanAir", "flights through rendered scenes, which keep the terms of their authors")

ENTRIES = (
    Entry(
        name=NAME,
        group=NAME,
        file="droid.pth",
        what="how the background moves, for the path of a camera (--camera-method droid)",
        licence=BSD,
        data=DATA,
        instructions="download droid.pth as the README of DROID-SLAM says (https://github.com/princeton-vl/DROID-SLAM)",
        holds=TENSORS,
    ),
)
