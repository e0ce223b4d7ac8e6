"""Tracking outside a run, for commands that need to know where people are."""

from __future__ import annotations

from kinema.motion import Motion
from kinema.pipeline.watching import RunWatcher, timed
from kinema.stage import Context
from kinema.tracking.options import TrackingOptions
from kinema.tracking.stage import track_video
from kinema.video import VideoReader


def tracked(reader: VideoReader, options: TrackingOptions, watcher: RunWatcher) -> Motion:
    """The people in an open video; the watcher gets the progress and the notes, also those of the video's reader."""
    with timed(watcher, track_video.name) as progress:
        context = Context(video=reader, progress=progress)
        motion = track_video(None, options=options, context=context)
    for note in dict.fromkeys((*reader.warnings, *context.notes)):
        watcher.note(note)
    return motion
