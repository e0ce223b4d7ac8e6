"""RTMDet's two detectors of people, as OpenMMLab exports them."""

from __future__ import annotations

from kinema.weights.openmmlab import OBJECTS365, openmmlab

_HOLDS = ("dets", "labels")

ENTRIES = (
    openmmlab(
        "rtmdet-nano", "finds people, 320x320", "rtmdet_nano_8xb32-100e_coco-obj365-person-05d8511e", OBJECTS365,
        holds=_HOLDS, sha256="8297e829ccc5590c8e2d32d5a211f322a0585fb7467eec85eb12c9525b0b95d6",
    ),
    openmmlab(
        "rtmdet-m", "finds people, 640x640", "rtmdet_m_8xb32-100e_coco-obj365-person-235e8209", OBJECTS365,
        holds=_HOLDS, about=99,
    ),
)  # fmt: skip
