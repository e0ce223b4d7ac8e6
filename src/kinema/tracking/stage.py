"""The stage `track`: from the video to people with boxes and keypoints, and the camera's motion."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from kinema.geometry.camera import camera_from_focal
from kinema.keypoints.registry import networks_of
from kinema.motion import Motion
from kinema.stage import Context, Stage, given
from kinema.tracking.options import TrackingOptions

CAMERA_MOTION = "camera_motion"
"""Key of the camera's motion in the motion's `data`: the detector's report, and "source"."""

FILM_WIDTH = 36.0
"""mm: the longer side of the 35 mm frame to which "35 mm equivalent" focal lengths refer."""


def track(motion: Motion, context: Context, options: TrackingOptions) -> Motion:
    """Detect and track people, and estimate from the same frames whether the camera moves.

    The camera is set if the video's metadata has a focal length.
    """
    from kinema.tracking.tracker import track_people
    from kinema.weights import locate
    from kinema.world.camera_motion import CameraMotionDetector

    video = given(context.video)
    detector = None if options.static_camera else CameraMotionDetector()
    motion = track_people(
        video,
        options,
        progress=context.progress,
        observers=[] if detector is None else [detector],
        checkpoint=context.partial,
    )
    context.weights |= {file.name: file.sha256 for file in map(locate, _networks(options))}
    focal_35mm = video.metadata.get("focal_35mm")
    if motion.camera is None and focal_35mm:
        focal = focal_35mm / FILM_WIDTH * max(motion.width, motion.height)
        motion = motion.replace(camera=camera_from_focal(motion.width, motion.height, focal, "metadata"))
    seen = {"moving": False, "source": "static_camera option"}
    if detector is not None:
        seen = dataclasses.asdict(detector.report()) | {"source": "frames"}
    context.facts[CAMERA_MOTION] = seen
    return motion.replace(data={**motion.data, CAMERA_MOTION: seen})


def _networks(options: TrackingOptions) -> Sequence[str]:
    return networks_of(options.keypoints)


track_video = Stage(
    name="track",
    title="tracking people",
    options=TrackingOptions,
    run=track,
    fills=("boxes", "confidence", "observed", "keypoints", "keypoint_confidence", "keypoints3d"),
    networks=_networks,
    video=True,
    slow=True,
)
