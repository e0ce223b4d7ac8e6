"""`open_video`: finds out what a path is and opens it, or says in one sentence why not."""

from __future__ import annotations

import os
from pathlib import Path

from kinema.errors import InputError
from kinema.video.file import VideoFile
from kinema.video.frames import TimeRange, VideoReader


def open_video(path: str | Path, *, start: float | None = None, end: float | None = None) -> VideoReader:
    """Open a video file for reading.

    start, end: seconds; only frames with start <= time < end are yielded, with their times in the whole
    source. Raises InputError for whatever cannot be read as a video, UsageError for an impossible range.
    """
    path = Path(path)
    range_ = TimeRange(start, end)
    check_readable(path)
    return VideoFile.open(path, range_)


def check_readable(path: Path) -> None:
    """Raise InputError unless `path` is there, may be read and is not empty."""
    if not path.exists():
        raise InputError(f"{path} does not exist; check the name and the folder")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path} cannot be read: permission denied; change its permissions or copy it")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); copy or record it again")
