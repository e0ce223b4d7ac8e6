"""ViTPose++ with COCO's 17 keypoints in four sizes, as easy_ViTPose's maintainer has converted it."""

from __future__ import annotations

from kinema.weights.entry import Entry, Licence, TrainingData
from kinema.weights.places import Download

VITPOSE = Licence(
    key="vitpose",
    name="Apache-2.0 (code, converted weights); training data unclear",
    url="https://github.com/ViTAE-Transformer/ViTPose/blob/main/LICENSE",
    summary="published under Apache-2.0; some of the images that it was trained on are for academic use",
    unclear=True,
)
SIX_SETS = TrainingData(
    "COCO and five others",
    "COCO, AI Challenger, MPII, COCO-WholeBody, AP-10K and APT-36K, several of which are for non-commercial research",
)

_BASE = "https://huggingface.co/JunkyByte/easy_ViTPose/resolve/main/onnx/coco"
_WHAT = "17 body keypoints, 256x192"


def _converted(size: str, *, about: int, sha256: str | None = None, bytes_: int | None = None) -> Entry:
    name = f"vitpose-{size}"
    return Entry(
        name=name, group=name, file=f"{name}.onnx", what=_WHAT, licence=VITPOSE, data=SIX_SETS, sha256=sha256,
        size=bytes_, about=about, place=Download(f"{_BASE}/{name}-coco.onnx", sha256, bytes_),
    )  # fmt: skip


ENTRIES = (
    _converted("s", about=97_000_000),
    _converted(
        "b", about=360_000_000, sha256="26e215fd6e27305824f13db0a0d0b597c3c4adf030dd66cbadf2228256f4af25",
        bytes_=360_123_609,
    ),
    _converted("l", about=1_234_000_000),
    Entry(
        name="vitpose-h", group="vitpose-h", file="vitpose-h.onnx", what=_WHAT, licence=VITPOSE, data=SIX_SETS,
        instructions="its weights are larger than one ONNX file of 32-bit numbers can hold: convert the authors'"
        " checkpoint vitpose-h to 16 bits (easy_ViTPose's export.py, then onnxconverter-common) and add the file",
    ),
)  # fmt: skip
