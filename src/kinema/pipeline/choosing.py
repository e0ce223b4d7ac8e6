"""A run that only tracks people and shows them, so that some can be chosen for the next run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from kinema.errors import InputError
from kinema.motion import Motion
from kinema.pipeline.folder import folder_stem, new_run, only_one, run_folders, write_record
from kinema.pipeline.keys import InputWatch, digest
from kinema.pipeline.options import RunOptions
from kinema.pipeline.people_sheet import write_sheet
from kinema.pipeline.running import base_key_of
from kinema.pipeline.stages import Job, body_for, chain, run_chain
from kinema.pipeline.store import StageStore
from kinema.pipeline.threads import one_blas_thread
from kinema.pipeline.watching import RunWatcher, timed
from kinema.segmentation.choice import SelectOptions
from kinema.video import open_video
from kinema.video.sources import local_file

NAME = "people.jpg"


@dataclass(frozen=True)
class Sheet:
    """The image that was written, and the tracked clip."""

    path: Path
    motion: Motion


@one_blas_thread
def people_sheet(
    video: str | Path, out: str | Path, options: RunOptions | None = None, *, watcher: RunWatcher | None = None
) -> Sheet:
    """Track the people of a video and write `<out>/<video>_<date>-<time>/people.jpg`; a later run reuses the tracks.

    Raises InputError (unreadable video, nobody in it), OutputError, WeightsError, UsageError.
    """
    options, watcher, out = options or RunOptions(), watcher or RunWatcher(), Path(out)
    options = dataclasses.replace(options, select=SelectOptions())
    times = options.time_range
    with (
        local_file(video) as path,
        open_video(path, start=times.start, end=times.end, options=options.video) as reader,
        InputWatch(path) as watch,
    ):
        job = Job(reader, body_for(options), watch)
        tracking = chain(options)[:1]
        base_key = base_key_of(watch, options)
        stem = folder_stem(path)
        with only_one(out, digest(base_key, NAME), path.name):
            before = run_folders(out, stem)
            folder = new_run(out, stem).path
            result = run_chain(job, tracking, watcher, store=StageStore(folder, before), base_key=base_key)
            if not result.motion.people:
                raise InputError(f"nobody was found in {path}; `smallest_person` 0.03 looks closer")
            with timed(watcher, "files"):
                write_sheet(result.motion, reader, folder / NAME)
            write_record(folder, {"status": "people", "key": None, "files": {"people": NAME}})
    return Sheet(folder / NAME, result.motion)
