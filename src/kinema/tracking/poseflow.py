"""The tracker `poseflow`: everybody's pose in every frame, and PoseFlow's rules of association."""

from __future__ import annotations

from typing import Any

import numpy as np

from kinema.keypoints.association.overlap import Matching, keypoint_boxes
from kinema.keypoints.association.poseflow import PoseFlow
from kinema.keypoints.source import OpenedSource
from kinema.motion import Motion
from kinema.stage import Context
from kinema.tracking.correspondences import Features, corresponding
from kinema.tracking.everybody import Found
from kinema.tracking.linked import LinkedFollower
from kinema.tracking.options import TrackingOptions
from kinema.tracking.stage import track
from kinema.video import Frame
from kinema.video.prefetch import Worker

_NEAR = 0.25  # of a person's box, on either side: features within count as the person's surroundings


class PoseFlowFollower(LinkedFollower):
    """PoseFlow on a clip (`kinema.keypoints.association.poseflow`)."""

    def __init__(
        self, source: OpenedSource, size: tuple[int, int], options: TrackingOptions, worker: Worker | None = None
    ) -> None:
        super().__init__(source, size, options, worker)
        self._rules = PoseFlow(size)
        self._features: Features | None = None

    def _see(self, frame: Frame) -> tuple[list[Found], np.ndarray]:
        found = self._everybody.find(frame, self._before)
        points = _points(found, len(self._perception.joints))
        return found, self._rules.step(frame.index, points, self._matching(frame, points))[0]

    def _matching(self, frame: Frame, points: np.ndarray) -> Matching | None:
        """Between the previous frame and this one; None where nobody was or is there."""
        before, self._features = self._features, None
        if self._last is None or not len(points) or not self._before:
            return None
        if before is None or before.index != self._last.index:
            before = Features.of(self._last)
        self._features = Features.of(frame)
        people = np.concatenate([points, _points(self._before, points.shape[1])])
        reach = self._rules.options.reach
        near = keypoint_boxes(people, _NEAR) + np.array([-reach, -reach, reach, reach])
        return corresponding(before, self._features, near)

    def _remembered(self) -> int:
        return self._rules.options.memory

    def _forget(self) -> None:
        self._rules.forget()

    def _own_state(self) -> dict[str, Any]:
        return self._rules.state()

    def _restore_own(self, state: dict[str, Any]) -> None:
        self._rules.restore(state)


def _points(found: list[Found], count: int) -> np.ndarray:
    return np.array([each.seen.points for each in found], dtype=np.float64).reshape(-1, count, 2)


def track_by_poses(motion: Motion, context: Context, options: TrackingOptions) -> Motion:
    """The code of the stage `track-poseflow`."""
    return track(motion, context, options, follower=PoseFlowFollower, linker="poseflow")
