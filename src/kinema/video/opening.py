"""`open_video`: detects what a path is and opens it, or explains in one sentence why it cannot."""

from __future__ import annotations

import os
from pathlib import Path

from kinema.errors import InputError, UsageError
from kinema.video.file import VideoFile
from kinema.video.frames import TimeRange, VideoReader
from kinema.video.images import DEFAULT_IMAGE_FPS, IMAGE_SUFFIXES, ImageSequence


def open_video(
    path: str | Path, *, start: float | None = None, end: float | None = None, fps: float | None = None
) -> VideoReader:
    """Open a video file, a folder of images or one image for reading.

    start, end: seconds; only frames with start <= time < end are yielded, with their times relative to the whole
    source. fps: frames per second of images (default 30); not allowed for a video, which has its own times.
    Raises InputError for anything that cannot be read as a video, UsageError for an invalid range or fps.
    """
    path = Path(path)
    time_range = TimeRange(start, end)
    check_readable(path)
    if path.suffix.lower() in (".heic", ".heif"):
        raise InputError(f"{path} is a HEIF image, which Kinema does not read; save it as JPEG")
    if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageSequence.open(path, time_range, DEFAULT_IMAGE_FPS if fps is None else fps)
    if fps is not None:
        raise UsageError(f"a frame rate can be given for images only; {path} has its own times")
    return VideoFile.open(path, time_range)


def check_readable(path: Path) -> None:
    """Raise InputError unless `path` exists, is readable and is not empty."""
    try:
        exists = path.exists()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the name and the permissions") from None
    if not exists:
        raise InputError(f"{path} does not exist; check the name and the folder")
    if not path.is_dir() and not path.is_file():
        raise InputError(f"{path} is neither a file nor a folder; give a video file")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path} cannot be read: permission denied; change its permissions or copy it")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); copy or record it again")
