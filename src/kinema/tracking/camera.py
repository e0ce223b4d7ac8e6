"""Whether the camera moves, for every shot separately."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from kinema.video import Frame
from kinema.world.camera_motion import CameraMotion, CameraMotionDetector

SHOTS = "shots"
"""Key, in the camera's motion, of the list of the shots' own reports and first frames; only where there are several."""


class CameraOfShots:
    """An observer of a video's frames, like `CameraMotionDetector`, with one of those for each shot."""

    def __init__(self) -> None:
        self._detectors = [CameraMotionDetector()]
        self._firsts = [0]

    def __call__(self, frame: Frame, boxes: np.ndarray) -> None:
        self._detectors[-1](frame, boxes)

    def begin_shot(self, first: int) -> None:
        """The frames that follow belong to another shot."""
        self._detectors.append(CameraMotionDetector())
        self._firsts.append(first)

    def report(self) -> dict[str, Any]:
        """The detector's report; with several shots the worst of each figure, and the reports of all in order."""
        found = [detector.report() for detector in self._detectors]
        if len(found) == 1:
            return dataclasses.asdict(found[0])
        looks = sum(each.looks for each in found)
        whole = CameraMotion(
            moving=_any(each.moving for each in found),
            shaky=any(each.shaky for each in found),
            drift=max(each.drift for each in found),
            shake=max(each.shake for each in found),
            speed=max(each.speed for each in found),
            looks=looks,
            judged=sum(each.judged * each.looks for each in found) / max(1, looks),
        )
        shots = zip(self._firsts, found, strict=True)
        return dataclasses.asdict(whole) | {
            SHOTS: [{"first": first, **dataclasses.asdict(each)} for first, each in shots]
        }


def _any(answers: Iterable[bool | None]) -> bool | None:
    """Whether any is True; None where that depends on those that are not known."""
    known = list(answers)
    return True if True in known else None if None in known else False
