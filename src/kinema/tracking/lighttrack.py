"""The tracker `lighttrack`: people are detected at keyframes and followed by their keypoints in between.

At keyframes, and in frames in which somebody is lost, boxes and then a network for poses say who is who.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from kinema.keypoints.association.lighttrack import LightTrack, is_lost
from kinema.keypoints.files.linkers import BOXES_ONLY
from kinema.keypoints.source import OpenedSource
from kinema.models.lighttrack.numpy_run import SGCN
from kinema.motion import Motion
from kinema.stage import Context
from kinema.tracking.everybody import Found
from kinema.tracking.linked import LinkedFollower
from kinema.tracking.options import TrackingOptions
from kinema.tracking.stage import track
from kinema.video import Frame
from kinema.video.prefetch import Worker

KEYFRAMES = 0.4
"""Seconds between keyframes: the paper's ten frames at 25 frames a second."""


class LightTrackFollower(LinkedFollower):
    """LightTrack on a clip (`kinema.keypoints.association.lighttrack`)."""

    def __init__(
        self,
        source: OpenedSource,
        size: tuple[int, int],
        options: TrackingOptions,
        worker: Worker | None = None,
        *,
        network: SGCN | None = None,
    ) -> None:
        super().__init__(source, size, options, worker)
        self._rules = LightTrack(source.joint_set, network)
        self._ids = np.zeros(0, dtype=np.int64)
        self._keyframe: float | None = None

    def _see(self, frame: Frame) -> tuple[list[Found], np.ndarray]:
        due = self._keyframe is None or frame.time - self._keyframe >= KEYFRAMES - 1e-6
        found = None if due else self._followed(frame)
        if found is None:
            self._keyframe = frame.time
            found = self._everybody.find(frame, self._before)
            self._ids = self._rules.step(frame.index, self._points(found))
        else:
            self._rules.follow(frame.index, self._points(found), self._ids)
        return found, self._ids

    def _followed(self, frame: Frame) -> list[Found] | None:
        """Everybody of the previous frame, each in the region that their keypoints give; None if somebody is lost, or
        two are on one body."""
        found: list[Found] = []
        for each in self._before:
            seen = self._everybody.observe(frame, each.seen.next_roi)
            if seen is None or is_lost(seen.confidence, self._rules.options) or self._everybody.doubled(seen, found):
                return None
            found.append(Found(seen, each.detected))
        return found

    def _points(self, found: list[Found]) -> np.ndarray:
        count = len(self._perception.joints)
        return np.array([each.seen.points for each in found], dtype=np.float64).reshape(-1, count, 2)

    def _remembered(self) -> int:
        return 0

    def _forget(self) -> None:
        self._rules.forget()
        self._ids, self._keyframe = np.zeros(0, dtype=np.int64), None

    def _own_state(self) -> dict[str, Any]:
        return {"rules": self._rules.state(), "ids": self._ids, "keyframe": self._keyframe}

    def _restore_own(self, state: dict[str, Any]) -> None:
        self._rules.restore(state["rules"])
        self._ids, self._keyframe = state["ids"], state["keyframe"]


def track_by_keyframes(motion: Motion, context: Context, options: TrackingOptions) -> Motion:
    """The code of the stage `track-lighttrack`."""
    network = None
    if options.tracker_checkpoint is None:
        context.notes.append(BOXES_ONLY)
    else:
        network = SGCN.open(options.tracker_checkpoint)
    follower = partial(LightTrackFollower, network=network)
    return track(motion, context, options, follower=follower, linker="lighttrack")
