"""The trackers by name."""

from __future__ import annotations

from dataclasses import dataclass

from kinema.registry import Registry
from kinema.stage import Stage
from kinema.tracking.stage import track_by_lighttrack, track_by_poseflow, track_video


@dataclass(frozen=True)
class Tracker:
    """A way to detect and track people. stage: reads the video and returns a motion whose people have boxes and
    keypoints."""

    name: str
    summary: str
    stage: Stage


TRACKERS: Registry[Tracker] = Registry(
    "tracker",
    group="kinema.trackers",
    rows=(
        Tracker("kinema", "Kinema's own: crops that follow the keypoints, ids by position and appearance", track_video),
        Tracker(
            "poseflow",
            "PoseFlow (BMVC 2018): everybody detected in every frame, ids by poses and points of the image",
            track_by_poseflow,
        ),
        Tracker(
            "lighttrack",
            "LightTrack (2020): everybody detected at keyframes, ids by boxes, and by poses with its network",
            track_by_lighttrack,
        ),
    ),
)
"""Every tracker."""
