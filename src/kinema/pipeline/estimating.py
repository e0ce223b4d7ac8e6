"""`kinema.estimate`: the main job from Python, from a video's path to a Motion, without output files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kinema.motion import Motion
from kinema.pipeline.options import RunOptions
from kinema.pipeline.stages import Job, body_for, chain, run_chain
from kinema.pipeline.threads import one_blas_thread
from kinema.pipeline.watching import RunWatcher, following
from kinema.video import open_video
from kinema.video.sources import local_file


@one_blas_thread
def estimate(
    video: str | Path,
    options: RunOptions | None = None,
    *,
    progress: bool | None = None,
    watcher: RunWatcher | None = None,
    **settings: Any,
) -> Motion:
    """The motion of everyone in a video or a folder of images.

        motion = kinema.estimate("clip.mp4")
        motion = kinema.estimate("clip.mp4", max_persons=1, height=1.82, time_range="2-8")
        for person in motion:
            person.pose          # (F,72) axis-angle, camera's frame, with person.betas and person.transl
            person.joints_world  # (F,24,3) metres, y up, ground at 0
        motion.save("clip.pkl")

    options: all settings as one value; or keywords by the public names of `kinema.pipeline.options.public_settings`.
    progress: whether progress and notes are shown on stderr; by default in terminals and notebooks. watcher: receives
    them instead. A video without people gives a motion without people. Raises InputError (no such
    file, not a video), WeightsError (networks that cannot be fetched), UsageError (invalid settings).
    """
    options = RunOptions.given(options, settings)
    times = options.time_range
    with (
        local_file(video) as path,
        open_video(path, start=times.start, end=times.end, options=options.video) as reader,
    ):
        job = Job(reader, body_for(options))
        steps = chain(options)
        with following(watcher, progress) as shown:
            return run_chain(job, steps, shown).motion
