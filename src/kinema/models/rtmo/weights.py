"""RTMO in three sizes, as OpenMMLab exports it."""

from __future__ import annotations

from kinema.weights.openmmlab import BODY7, openmmlab

_WHAT = "finds people with 17 keypoints, 640x640"
_HOLDS = ("dets", "keypoints")

ENTRIES = (
    openmmlab(
        "rtmo-s", _WHAT, "rtmo-s_8xb32-600e_body7-640x640-dac2bf74_20231211", BODY7, holds=_HOLDS, project="rtmo",
        sha256="d0703d40d19f3921da51ae725402d5fdae4d2478c7442072d3101bd396f370d8", size=39_617_685,
        zip_sha256="3da7ad88b209f9da8be87ba5c325610639af04de3b5c8a96649b98cd9e2848a2", zip_size=36_442_532,
    ),
    openmmlab(
        "rtmo-m", _WHAT, "rtmo-m_16xb16-600e_body7-640x640-39e78cc4_20231211", BODY7, holds=_HOLDS, project="rtmo",
        about=90,
    ),
    openmmlab(
        "rtmo-l", _WHAT, "rtmo-l_16xb16-600e_body7-640x640-b37118ce_20231211", BODY7, holds=_HOLDS, project="rtmo",
        about=179,
    ),
)  # fmt: skip
