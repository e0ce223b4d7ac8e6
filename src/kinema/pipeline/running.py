"""`run`: the main job with a folder of results, resumed where an earlier identical run stopped."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

from kinema.errors import InputError, KinemaError
from kinema.formats import load_motion
from kinema.keypoints.registry import keypoint_file
from kinema.motion import Motion
from kinema.pipeline.copies import FOLDER as COPIES
from kinema.pipeline.copies import Origin, keep_copy
from kinema.pipeline.folder import (
    RunFolder,
    find_run,
    folder_stem,
    new_run,
    only_one,
    run_folders,
    sweep_runs,
    write_record,
)
from kinema.pipeline.inputs import folder_notes
from kinema.pipeline.keys import InputWatch, code_identity, digest
from kinema.pipeline.options import RunOptions, plain
from kinema.pipeline.outputs import (
    NAMES,
    changed_files,
    drawing_identity,
    file_facts,
    missing_files,
    require_drawing,
    set_aside,
    write_drawing,
    write_results,
    written_files,
)
from kinema.pipeline.quality import in_words
from kinema.pipeline.record import package_versions, run_record
from kinema.pipeline.stages import ChainResult, Job, Step, body_for, chain, identify, run_chain
from kinema.pipeline.store import StageStore
from kinema.pipeline.summary import summarise
from kinema.pipeline.threads import one_blas_thread
from kinema.pipeline.watching import RunWatcher, timed
from kinema.stage import LEFT_OUT, given
from kinema.tracking.options import looked_for
from kinema.video import open_video
from kinema.video.sources import local_file

OUT = "outputs"
"""Default folder of runs."""

_OF_FINISHED = ("files", "written", "summary", "verdict", "verdict_reasons", "seconds", "warnings", "finished")
"""What the run.json of every finished run holds."""


@dataclass(frozen=True)
class RunResult:
    """The result of a run. folder: of its files. record: its run.json. repeated: whether it was already finished."""

    folder: Path
    record: dict[str, Any] = field(repr=False)
    repeated: bool = False

    @property
    def files(self) -> dict[str, Path]:
        """Every file written, by kind: pkl, npz, npz_2 (of person 2), validation, bad_frames, overlay, copy."""
        return {kind: self.folder / name for kind, name in self.record["files"].items()}

    @property
    def summary(self) -> dict[str, Any]:
        """The numbers of `kinema.pipeline.summary.summarise`."""
        return dict(self.record["summary"])

    @cached_property
    def motion(self) -> Motion:
        """The motion, read from the run's `.pkl`."""
        return load_motion(self.files["pkl"])


@one_blas_thread
def run(
    video: str | Path,
    out: str | Path = OUT,
    options: RunOptions | None = None,
    *,
    copies: str | Path | None = None,
    force: bool = False,
    watcher: RunWatcher | None = None,
    command: Sequence[str] = (),
    steps: Sequence[Step] | None = None,
) -> RunResult:
    """Do the main job on one video and write its folder `<out>/<video>_<date>-<time>`.

    Work of an earlier run with the same input, settings, weights and program is not repeated: an interrupted run is
    resumed in its folder, a finished one is returned as it is, and the tracking and fit of a run with other settings
    are reused if those settings do not affect them. force: do everything again. copies: folder of the copied results
    (default `output-pkl-files`, inside `out` if that is not the default), named by `kinema.pipeline.copies`. command:
    the command line, for run.json. steps: the chain, if not the settings' own.

    Raises InputError (unreadable video, nobody in it), OutputError (disk full, folder not writable, the same run in
    progress elsewhere), WeightsError, UsageError. Completed work is kept for the next run.
    """
    out, options, watcher = Path(out), options or RunOptions(), watcher or RunWatcher()
    copies = Path(copies) if copies is not None else Path(COPIES) if out == Path(OUT) else out / COPIES
    with (
        local_file(video) as path,
        open_video(path, start=options.time_range.start, end=options.time_range.end, options=options.video) as reader,
        InputWatch(path) as watch,
    ):
        for sentence in folder_notes(path):
            reader.warn(sentence)
        if options.quality is not None:
            watcher.note(in_words(options.quality, options.tracking.keypoints, options.tracking.flip))
        job = Job(reader, body_for(options), watch)
        steps = steps or chain(options)
        identify(steps, watcher)
        base_key = base_key_of(watch, options)
        key = digest(
            base_key, options.identity(), [step.identity(job.body) for step in steps], *drawing_identity(options)
        )
        stem = folder_stem(path)

        def copied(folder: Path) -> Path:
            origin = Origin(os.path.abspath(video), digest(watch.identity), _result_settings(options), str(folder))
            copy = keep_copy(folder / NAMES["pkl"], copies, stem, options.time_range, origin)
            if copy.held is not None:
                watcher.note(f"{copies / copy.held} is the result of another run; the copy is {copy.path.name}")
            return copy.path

        with only_one(out, key, path.name):
            sweep_runs(out)
            found = None if force else find_run(out, stem, key)
            if found is not None and _is_finished(found, options, watcher):
                files = found.record["files"] | {"copy": _relative(copied(found.path), found.path)}
                for sentence in found.record["warnings"]:
                    watcher.note(sentence)
                return RunResult(found.path, found.record | {"files": files}, repeated=True)
            require_drawing(options)
            folder = found or new_run(out, stem)
            store = StageStore(folder.path, () if force else run_folders(out, stem))
            record = _initial_record(Path(video), watch.identity, key, options, command)
            with _recorded(folder.path, record):
                finished = _work(job, steps, options, store, base_key, folder.path, watcher)
                finished["files"]["copy"] = _relative(copied(folder.path), folder.path)
                record |= finished | {"status": "done", "finished": _now()}
                if watch.touched:
                    record["key"] = None  # what was read may have been something else: no later run takes it over
            for step in steps:
                if not step.stage.slow:
                    store.forget(step.stage.name)
    return RunResult(folder.path, record)


def require_runnable(video: str | Path, options: RunOptions) -> None:
    """Raise what a run would raise before its first stage: for a video that cannot be opened, files that are missing,
    of another network or of another video. Reads them, and keeps nothing."""
    times = options.time_range
    with (
        local_file(video) as path,
        open_video(path, start=times.start, end=times.end, options=options.video) as reader,
    ):
        body_for(options)
        for step in chain(options):
            step.stage.check(reader, step.options)


def base_key_of(watch: InputWatch, options: RunOptions) -> str:
    """What the first stage's result depends on: the input, the part of it that is read, and the program."""
    reading = plain([dataclasses.asdict(options.time_range), dataclasses.asdict(options.video)])
    return digest(watch.identity, code_identity(), package_versions(), reading)


def add_files(result: RunResult, files: Mapping[str, str]) -> None:
    """List further files of a run's folder in its run.json. files: names by kind. Raises OutputError."""
    record = result.record
    record["files"] |= dict(files)
    record["written"] |= {name: file_facts(result.folder / name) for name in files.values()}
    record |= write_record(result.folder, record)


def _is_finished(found: RunFolder, options: RunOptions, watcher: RunWatcher) -> bool:
    """Whether a run that is marked as done has all its files as it wrote them; makes room for those that are lost."""
    record = found.record
    if found.state != "done" or any(name not in record for name in _OF_FINISHED):
        return False
    changed = changed_files(found.path, record["files"], record["written"])
    for name in changed:
        path = found.path / name
        kept = set_aside(path) if path.is_file() else None
        kept_as = "" if kept is None else f"; what was there is now {kept.name}"
        watcher.note(f"{path} is not as the run wrote it and is written again{kept_as}")
    return not changed and not missing_files(found.path, options)


def _result_settings(options: RunOptions) -> str:
    """The sha256 of the settings that the `.pkl` depends on."""
    drawn = ("overlay", "drawing")
    return digest({name: value for name, value in options.identity().items() if name not in drawn})


def _relative(path: Path, folder: Path) -> str:
    try:
        return os.path.relpath(path, folder)
    except ValueError:  # on another drive
        return os.path.abspath(path)


def _work(
    job: Job,
    steps: Sequence[Step],
    options: RunOptions,
    store: StageStore,
    base_key: str,
    folder: Path,
    watcher: RunWatcher,
) -> dict[str, Any]:
    """Run the stages, write the files, and return the finished run's part of run.json."""
    result = run_chain(job, steps, watcher, store=store, base_key=base_key)
    motion = result.motion
    if not motion.people:
        raise InputError(_nobody(job, options, result))
    with timed(watcher, "files", result.times):
        validation = write_results(folder, motion, job.body, vertices=options.vertices)
    if options.overlay:
        with timed(watcher, "overlay", result.times) as progress:
            warnings = write_drawing(folder, motion, job, options, progress)
        for sentence in warnings:
            watcher.note(sentence)
        result.warnings.extend(warnings)
    files = written_files(folder, options)
    record = run_record(
        motion,
        options.to_dict(),
        seconds={time.name: time.seconds for time in result.times},
        files=files,
        written={name: file_facts(folder / name) for name in files.values()},
        warnings=result.warnings,
    )
    reused = [time.name for time in result.times if time.reused]
    judged = {"verdict": validation.verdict, "verdict_reasons": validation.reasons()}
    return record | {"reused": reused, **judged, "summary": summarise(motion)}


def _nobody(job: Job, options: RunOptions, result: ChainResult) -> str:
    """Why there is no result, one sentence."""
    found = f"nobody was found in {given(job.video).path}"
    left_out = next((note for note in reversed(result.warnings) if note.startswith(LEFT_OUT)), None)
    if left_out is not None:
        return f"{found}, and a track was {left_out}; use a clip in which at least one person is seen from head to hip"
    file = keypoint_file(options.tracking.keypoints)
    if file is not None:
        return f"{found}: {file} has no pose in enough frames of it; give the keypoints of this video and time range"
    return (
        f"{found}: people as small as {looked_for(options.tracking)} were looked for; use a clip in which at least one"
        " person is seen from head to hip, choose the part of it with `time_range`, or look closer with"
        " `smallest_person` 0.03"
    )


def _initial_record(
    video: Path, source: dict[str, Any], key: str, options: RunOptions, command: Sequence[str]
) -> dict[str, Any]:
    """The content of run.json while the run is in progress."""
    return {
        "status": "running",
        "key": key,
        "command": list(command),
        "started": _now(),
        "finished": None,
        "process": os.getpid(),
        "input": {"path": os.path.abspath(video), **source},
        "arguments": options.to_dict(),
        "versions": package_versions(),
    }


@contextlib.contextmanager
def _recorded(folder: Path, record: dict[str, Any]) -> Iterator[None]:
    """Keep run.json up to date: "running" now, "done", "interrupted" or "failed" at the end."""
    record |= write_record(folder, record)
    try:
        yield
    except BaseException as error:
        record["status"] = "failed" if isinstance(error, Exception) else "interrupted"
        record |= {"finished": _now(), "error": str(error) or type(error).__name__}
        with contextlib.suppress(KinemaError, OSError):
            write_record(folder, record)
        raise
    record |= write_record(folder, record)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
