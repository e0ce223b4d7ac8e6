"""The trackers by name."""

from __future__ import annotations

from dataclasses import dataclass

from kinema.registry import Registry
from kinema.stage import Stage
from kinema.tracking.stage import track_video


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
    ),
)
"""Every tracker."""
