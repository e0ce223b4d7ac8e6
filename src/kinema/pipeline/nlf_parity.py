"""`nlf_parity` of a run: the settings of the NLF video pipeline's own run, and its ground plane.

What each step then computes is compared with that pipeline's recorded numbers by the tests that docs/nlf-pipeline.md
lists. The user's own settings go before those chosen here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kinema.errors import InputError, UsageError
from kinema.models.nlf.facts import FOV
from kinema.models.nlf.options import MASKS
from kinema.models.nlf.reading import PROGRAM
from kinema.motion import Motion
from kinema.segmentation.options import HALF
from kinema.skeleton import SMPL24
from kinema.world.foot_plane import foot_plane

GROUND = "nlf_ground"
"""In a motion's data: up (3,), the ground's normal in the axes of the first image's camera, and height, metres."""

_ALWAYS: dict[str, Any] = {"num_aug": 5, "antialias_factor": 2, "fov": FOV, "fit_parity": True, "filter": "none"}
_WITH_MASKS: dict[str, Any] = {"boxes": MASKS}
_WITHOUT_MASKS: dict[str, Any] = {"suppress_implausible_poses": True, "double_gamma": True}
"""Without masks the original calls a method that detects people, and decodes the gamma twice before it crops them."""
_ITS_DETECTORS = ("nlf-l", "nlf-s")
_OF_ITS_DETECTOR: dict[str, Any] = {
    "detector_threshold": 0.15,
    "detector_nms_iou_threshold": 0.8,
    "detector_flip_aug": True,
}
_OF_STCN: dict[str, Any] = {"passes": 2, "permute_frames": True, "morph_cleanup": True}
_UP = (0.0, -1.0, 0.0)
_FEET = ("left_foot", "right_foot")


def of_the_original(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What `nlf_parity` adds to the other settings, by public names; {} without it.

    settings: None where the user sets nothing. Raises UsageError for another estimator.
    """
    if not settings.get("nlf_parity"):
        return {}
    if settings.get("estimator") != "nlf":
        raise UsageError("`nlf_parity` is of the `estimator` nlf; choose that, or leave it out")
    masks = settings.get("masks")
    chosen = dict(_ALWAYS)
    chosen |= _WITHOUT_MASKS if masks in (None, "none") else _WITH_MASKS
    if masks == "stcn":
        chosen |= _OF_STCN | ({"init_frame": HALF} if settings.get("seg_init_time") is None else {})
    chosen |= _OF_ITS_DETECTOR if _is_its_detector(settings.get("detector")) else {}
    return {name: value for name, value in chosen.items() if settings.get(name) in (None, False)}


def _is_its_detector(wanted: Any) -> bool:
    return wanted is not None and (str(wanted) in _ITS_DETECTORS or str(wanted).endswith(PROGRAM))


def with_ground(motion: Motion, notes: list[str]) -> Motion:
    """The motion with the original's ground plane in its data, under `GROUND`: of the toes of whoever comes first in
    each frame. Where there are too few toes, a note says so."""
    toes = np.full((motion.num_frames, len(_FEET), 3), np.nan)
    for person in reversed(motion.people):
        if person.joints is not None:
            toes[person.frames] = person.joints[:, SMPL24.indices(_FEET)]
    path = motion.camera_path
    if path is not None and path.metric:
        toes = toes @ path.rotation + path.centre[:, None]
    try:
        plane = foot_plane(toes, np.array(_UP))
    except InputError as error:
        notes.append(f"the ground plane of the original could not be found: {error}")
        return motion
    return motion.replace(data={**motion.data, GROUND: {"up": plane.up, "height": plane.height}})
