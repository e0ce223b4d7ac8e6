"""The stage that turns a video into people: find, follow, tidy up."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kinema._version import __version__
from kinema.detection.blazepose import BlazePoseDetector
from kinema.keypoints.blazepose import BlazePoseLandmarker
from kinema.motion import Motion, StageRecord
from kinema.progress import Progress, silent
from kinema.tracking.follower import Follower
from kinema.tracking.options import TrackingOptions
from kinema.tracking.people import boxes_of, person_from, real_tracks
from kinema.video import Frame, VideoReader
from kinema.weights import locate

Observer = Callable[[Frame, np.ndarray], None]
"""Called for every frame in order with the frame and the boxes (n, 4) of the people in it."""

_MOST_THREADS = 4  # the networks are too small to gain from more


def track_people(
    video: VideoReader,
    options: TrackingOptions | None = None,
    *,
    progress: Progress = silent,
    observers: Sequence[Observer] = (),
) -> Motion:
    """Find and follow everyone in `video`.

    Returns a Motion whose people carry boxes, confidence, observed, keypoints ("blazepose33", pixels),
    keypoint_confidence, and keypoints3d (metres, mid-hip relative, the camera's axes). Nobody in the
    video gives a Motion without people. The people are numbered 1, 2, ... by how present they are.
    Memory does not depend on the number of frames but for the tracks themselves.

    Raises WeightsError when the networks cannot be had, InputError when the video cannot be read.
    """
    options = options or TrackingOptions()
    weights = [locate("blazepose-detector"), locate("blazepose-landmarks-full")]
    threads = options.threads or min(_available_threads(), _MOST_THREADS)
    detector = BlazePoseDetector(weights[0].path, threads=threads)
    landmarker = BlazePoseLandmarker(weights[1].path, threads=threads)
    size = (video.width, video.height)
    follower = Follower(detector, landmarker, size, options)
    times: list[float] = []
    for frame in video:
        present = follower.step(frame)
        if observers:
            boxes = boxes_of(present, size)
            for observer in observers:
                observer(frame, boxes)
        times.append(frame.time)
        progress(len(times), video.num_frames_estimate)
    seconds = np.array(times, dtype=np.float64)
    tracks = real_tracks(follower.tracks, len(times), size, options)
    people = tuple(person_from(track, i + 1, seconds, size, options) for i, track in enumerate(tracks))
    record = StageRecord(
        "tracking", __version__, dataclasses.asdict(options), {file.name: file.sha256 for file in weights}
    )
    motion = Motion(seconds, *size, source=Path(video.path).name)
    return motion.after(record, people=people)


def _available_threads() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1
