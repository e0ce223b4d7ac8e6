"""The stage `apart`: keypoints of people who overlap, from views in which the others are hidden by their masks."""

from __future__ import annotations

from collections.abc import Sequence

from kinema.keypoints.registry import keypoint_file, networks_of
from kinema.motion import Motion
from kinema.stage import Stage
from kinema.tracking.options import TrackingOptions


def _needed(motion: Motion, options: TrackingOptions) -> bool:
    from kinema.tracking.apart import anybody_overlapped

    return keypoint_file(options.keypoints) is None and anybody_overlapped(motion)


def _networks(options: TrackingOptions) -> Sequence[str]:
    return networks_of(options.keypoints, options.detector)


look_at_overlapped = Stage(
    name="apart",
    title="looking at overlapping people alone",
    options=TrackingOptions,
    run="kinema.tracking.apart:look_apart",
    requires=("boxes", "confidence", "keypoints", "keypoint_confidence", "masks"),
    fills=("boxes", "confidence", "observed", "keypoints", "keypoint_confidence", "keypoints3d"),
    networks=_networks,
    video=True,
    slow=True,
    needed=_needed,
)
"""Only for motions with overlapping masks; in a run it follows the stages that make masks."""
