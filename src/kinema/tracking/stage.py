"""The stage `track`: from the video to people with boxes and keypoints, and the camera's motion."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kinema.geometry.camera import camera_from_35mm
from kinema.keypoints.registry import networks_of
from kinema.motion import Motion
from kinema.stage import Context, Partial, Stage, given
from kinema.tracking.options import TrackingOptions
from kinema.tracking.upside_down import TURNED

if TYPE_CHECKING:
    from kinema.world.camera_motion import CameraMotionDetector

CLOSER = (
    "hardly anybody was found at first, so the clip was searched again for people down to {:.3g} of the picture's"
    " shorter side; `smallest_person` chooses that size at once"
)
"""Note on a second pass; with the size that it looked for."""

CAMERA_MOTION = "camera_motion"
"""Key of the camera's motion in the motion's `data`: the detector's report, and "source"."""


def track(motion: Motion, context: Context, options: TrackingOptions) -> Motion:
    """Detect and track people, and estimate from the same frames whether the camera moves.

    If hardly anybody is found, a few frames are searched for smaller people, and if there are any, the clip is tracked
    again. The camera is set if the video's metadata has a focal length.
    """
    from kinema.tracking.second_look import FEW, share_with_people
    from kinema.weights import locate

    video = given(context.video)
    motion, detector = _tracked(context, options, context.partial)
    if options.smallest_person is None and share_with_people(motion) < FEW:
        motion, detector = _second_look(context, options, motion, detector)
    context.weights |= {file.name: file.sha256 for file in map(locate, _networks(options))}
    focal_35mm = video.metadata.get("focal_35mm")
    if motion.camera is None and focal_35mm:
        motion = motion.replace(camera=camera_from_35mm(motion.width, motion.height, focal_35mm))
    seen = {"moving": False, "source": "static_camera option"}
    if detector is not None:
        seen = dataclasses.asdict(detector.report()) | {"source": "frames"}
    context.facts[CAMERA_MOTION] = seen
    return motion.replace(data={**motion.data, CAMERA_MOTION: seen})


def _tracked(
    context: Context, options: TrackingOptions, checkpoint: Partial | None
) -> tuple[Motion, CameraMotionDetector | None]:
    """The people in the video, and the detector of camera motion that saw the same frames, if one is wanted."""
    from kinema.tracking.tracker import track_people
    from kinema.world.camera_motion import CameraMotionDetector

    detector = None if options.static_camera else CameraMotionDetector()
    motion = track_people(
        given(context.video),
        options,
        progress=context.progress,
        observers=[] if detector is None else [detector],
        checkpoint=checkpoint,
    )
    return motion, detector


def _second_look(
    context: Context, options: TrackingOptions, motion: Motion, detector: CameraMotionDetector | None
) -> tuple[Motion, CameraMotionDetector | None]:
    """The better of this result and that of a second pass, made only if a few frames show smaller people."""
    from kinema.keypoints.registry import open_source
    from kinema.tracking.perception import Perception
    from kinema.tracking.second_look import look_again, share_with_people
    from kinema.tracking.tracker import threads_of

    video = given(context.video)
    source = open_source(options.keypoints, threads=threads_of(options))
    sample = look_again(video, motion, Perception(source, (video.width, video.height), options))
    if sample.turned:
        context.notes.append(TURNED)
    if sample.smallest is None:
        return motion, detector
    closer = dataclasses.replace(options, smallest_person=sample.smallest)
    again, detector_again = _tracked(context, closer, None)
    if share_with_people(again) <= share_with_people(motion):
        return motion, detector
    context.facts["second_look"] = sample.smallest
    context.notes.append(CLOSER.format(sample.smallest))
    return again, detector_again


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
