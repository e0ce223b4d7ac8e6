"""One stage alone: a motion file in, one with more in it out; a stopped one goes on where it was.

What a stage keeps beside its result (vertices, masks) and what it has so far lie in `.stages` next to the file that is
written, as in the folder of a run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kinema._version import __version__
from kinema.errors import InputError, UsageError
from kinema.estimation.registry import ESTIMATORS
from kinema.formats import load_motion, save_motion
from kinema.formats.registry import format_by_suffix
from kinema.motion import Motion
from kinema.person import PERSON_FIELDS
from kinema.pipeline.keys import code_identity, digest, input_identity
from kinema.pipeline.options import RunOptions
from kinema.pipeline.registry import begins
from kinema.pipeline.source_video import source_of_run
from kinema.pipeline.stages import Job, body_for, run_chain, step_of
from kinema.pipeline.store import StageStore
from kinema.pipeline.threads import one_blas_thread
from kinema.pipeline.watching import RunWatcher
from kinema.segmentation.stage import OWN, segment_people
from kinema.stage import Stage
from kinema.video import VideoReader, open_video


@one_blas_thread
def run_stage(
    stage: Stage,
    source: str | Path,
    out: str | Path,
    *,
    video: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    watcher: RunWatcher | None = None,
) -> Motion:
    """Run a stage on a motion file, or on a video if it starts with one, write the motion to `out`, and return it.

    video: where the stage reads one; None: that of the run whose folder has the file. It is read over the times of the
    motion. settings: those of a run, by public name. A finished stage whose input, settings and program are the same is
    not repeated; where the stage is not needed, the motion is written as it was. Raises UsageError if the stage needs a
    video that is not given, InputError for a video of another size or if the stage fills nothing, OutputError, and what
    the stage raises.
    """
    source, out, watcher = Path(source), Path(out), watcher or RunWatcher()
    format_by_suffix(out)  # raises before the work
    motion = None if begins(stage) else load_motion(source)
    wanted = {"masks": OWN} if stage is segment_people else _past(stage, motion)
    options = RunOptions.of(**{**wanted, **(settings or {})})
    with contextlib.ExitStack() as stack:
        reader = None
        if motion is None:
            span = options.time_range
            reader = stack.enter_context(open_video(source, start=span.start, end=span.end, options=options.video))
        elif stage.video:
            reader = stack.enter_context(_video_of(motion, stage, source, video, options))
        step = step_of(stage, options)
        if motion is not None and not stage.needed(motion, step.options):
            watcher.note(f"the stage {stage.name} has nothing to do here; {out.name} is the motion as it was")
            save_motion(motion, out)
            return motion
        body = body_for(options)
        inputs = [input_identity(source), None if reader is None else input_identity(reader.path)]
        base_key = digest(inputs, __version__, code_identity())
        job, store = Job(reader, body), StageStore(out.parent)
        result = run_chain(job, (step,), watcher, motion=motion, store=store, base_key=base_key)
        _require_filled(stage, result.motion, source)
        save_motion(result.motion, out, body=body)
    return result.motion


def _require_filled(stage: Stage, motion: Motion, source: Path) -> None:
    """Raise InputError if the stage filled nobody's fields: it was given the result of another one."""
    fields = [name for name in stage.fills if name in PERSON_FIELDS]
    if fields and not any(getattr(person, name) is not None for person in motion for name in fields):
        raise InputError(
            f"the stage {stage.name} filled {', '.join(fields[:3])} of nobody: {source} lacks what it works from, or"
            " the people; give it the result of the stage before it"
        )


def _past(stage: Stage, motion: Motion | None) -> dict[str, str]:
    """The settings of what the motion has gone through, on which others depend: whether there are masks; and the
    estimator that the stage is part of, the one whose earlier stages the motion has behind it if several have it."""
    done = set() if motion is None else {record.name for record in motion.provenance}
    masked = motion is not None and any(person.masks is not None for person in motion)
    known = {"masks": OWN} if masked else {}
    rows = [row for row in ESTIMATORS if stage in row.stages]
    if not rows:
        return known

    def before(row: Any) -> int:
        names = [each.name for each in row.stages[: row.stages.index(stage)]]
        return len(names) if done.issuperset(names) else -1

    return known | {"estimator": max(rows, key=before).name}


def _video_of(motion: Motion, stage: Stage, source: Path, video: str | Path | None, options: RunOptions) -> VideoReader:
    known = source_of_run(source) if video is None else None
    if video is None and known is None:
        raise UsageError(f"the stage {stage.name} reads the video; name it with `video`")
    path = known.path if known is not None else Path(str(video))
    reading = known.options if known is not None else options.video
    start = float(motion.times[0]) if len(motion.times) and motion.times[0] > 0 else None
    end = float(motion.times[-1]) + 0.5 / motion.fps if len(motion.times) else None
    reader = open_video(path, start=start, end=end, options=reading)
    if (reader.width, reader.height) != (motion.width, motion.height):
        raise InputError(
            f"{path} has images of {reader.width}x{reader.height} pixels and {source.name} is of a video of"
            f" {motion.width}x{motion.height}; name the video that it is of"
        )
    return reader
