"""From a video to only its camera path: tracking, to mask the people, and the stage `camera`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from kinema.camera.finding import summary
from kinema.camera.methods import METHODS
from kinema.camera.options import CameraOptions
from kinema.camera.stage import find_camera
from kinema.errors import InputError, UsageError
from kinema.geometry.camera_path import CameraPath, path_of
from kinema.motion import Motion
from kinema.pipeline.threads import one_blas_thread
from kinema.pipeline.tracking_alone import tracked
from kinema.pipeline.watching import RunWatcher, timed
from kinema.stage import Context
from kinema.tracking.options import TrackingOptions
from kinema.video import open_video
from kinema.video.frames import TimeRange
from kinema.video.options import VideoOptions
from kinema.video.sources import local_file


@dataclass(frozen=True)
class CameraJob:
    """Everything that `find_camera_of` needs besides the video."""

    camera: CameraOptions = field(default_factory=CameraOptions)
    tracking: TrackingOptions = field(default_factory=TrackingOptions)
    time_range: TimeRange = field(default_factory=TimeRange)
    video: VideoOptions = field(default_factory=VideoOptions)


@dataclass(frozen=True)
class FoundCamera:
    """path: of every frame; motion: the tracked clip, with the lens; told: the findings, a line for each shot."""

    path: CameraPath
    motion: Motion
    told: str


@one_blas_thread
def find_camera_of(path: str | Path, job: CameraJob | None = None, *, watcher: RunWatcher | None = None) -> FoundCamera:
    """The camera path of a video, in the camera frame of each shot's first image.

    Raises InputError without a video, or if too little of the background is visible; UsageError if the method finds no
    path.
    """
    job, watcher = job or CameraJob(), watcher or RunWatcher()
    if METHODS.find(job.camera.method).find is None:
        raise UsageError(f"`camera_method` {job.camera.method} finds no path; choose another")
    find_camera.files(job.camera)  # reports errors in them before people are tracked
    times = job.time_range
    with (
        local_file(path) as file,
        open_video(file, start=times.start, end=times.end, options=job.video) as reader,
    ):
        motion = tracked(reader, job.tracking, watcher)
        with timed(watcher, find_camera.name) as progress:
            context = Context(video=reader, progress=progress)
            motion = find_camera(motion, options=replace(job.camera, always=True), context=context)
    for note in dict.fromkeys(context.notes):
        watcher.note(note)
    found = path_of(motion.data)
    if found is None:
        raise InputError(
            f"{path}: too little of the background is visible to track the camera;"
            " if it stood still, `kinema run --static-camera` needs no path"
        )
    return FoundCamera(found, motion, summary(context.facts))
