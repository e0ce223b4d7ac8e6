"""The video that a result was made from, according to its run's run.json."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kinema.errors import InputError, KinemaError
from kinema.formats.containers import RUN_RECORD
from kinema.storage.json_file import load_json
from kinema.video.frames import TimeRange
from kinema.video.options import VideoOptions


@dataclass(frozen=True)
class SourceVideo:
    """A video and how to read it to get the frames of a motion."""

    path: Path
    time_range: TimeRange = field(default_factory=TimeRange)
    options: VideoOptions = field(default_factory=VideoOptions)


def source_of_run(file: str | Path) -> SourceVideo | None:
    """The input of the run whose folder contains this motion file; None without a run.json that names it.

    Raises InputError if the run.json is damaged.
    """
    record_file = Path(file).parent / RUN_RECORD
    if not record_file.is_file():
        return None
    record = load_json(record_file)
    try:
        arguments = record["arguments"]
        known = {"fps", "slow_motion", "rotate"}
        options = VideoOptions(**_only(arguments["video"], known))
        return SourceVideo(Path(record["input"]["path"]), TimeRange(**_only(arguments["time_range"], _BOUNDS)), options)
    except (KinemaError, KeyError, TypeError, ValueError):
        raise InputError(
            f"{record_file} does not say which video the run read; name it with `video`, or none with `no_video`"
        ) from None


_BOUNDS = {"start", "end"}


def _only(values: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}
