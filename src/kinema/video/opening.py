"""`open_video`: detects what a path is and opens it, or explains in one sentence why it cannot."""

from __future__ import annotations

from pathlib import Path

from kinema.errors import InputError
from kinema.video.file import VideoFile
from kinema.video.frames import TimeRange, VideoReader
from kinema.video.image_decoding import header_of
from kinema.video.images import IMAGE_SUFFIXES, ImageSequence
from kinema.video.limits import VIDEO_PIXELS, check_size
from kinema.video.options import VideoOptions
from kinema.video.sources import check_readable, refuse_address
from kinema.video.webp import AnimatedWebp


def open_video(
    path: str | Path,
    *,
    start: float | None = None,
    end: float | None = None,
    options: VideoOptions | None = None,
) -> VideoReader:
    """Open a video file, an animation (GIF, WebP, PNG), a folder of images or one image for reading.

    start, end: seconds as a player shows them; only frames with start <= time < end are yielded, with their times
    relative to the whole source. options: the true rate and the rotation, if the file does not state them.
    Raises InputError for anything that cannot be read as a video, UsageError for an invalid range.
    """
    refuse_address(path)
    path = Path(path)
    time_range = TimeRange(start, end)
    check_readable(path)
    suffix = path.suffix.lower()
    if suffix in (".heic", ".heif"):
        raise InputError(f"{path} is a HEIF image, which Kinema does not read; save it as JPEG")
    if path.is_dir():
        return ImageSequence.open(path, time_range, options)
    if suffix not in IMAGE_SUFFIXES:
        return VideoFile.open(path, time_range, options)
    header = header_of(path)
    if not header.animated:
        return ImageSequence.open(path, time_range, options)
    check_size(path, header.width or 0, header.height or 0, VIDEO_PIXELS, "videos")
    with path.open("rb") as file:
        webp = file.read(4) == b"RIFF"
    return AnimatedWebp.open(path, time_range, options) if webp else VideoFile.open(path, time_range, options)
