"""The inputs of a run: videos, folders of images, and folders of videos, which stand for the videos in them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kinema.errors import InputError
from kinema.formats.containers import RUN_RECORD
from kinema.video.images import IMAGE_SUFFIXES, VIDEO_SUFFIXES, natural_key


def expanded(videos: Iterable[str]) -> list[str]:
    """Every input by its path: a folder with videos and without images is replaced by its videos, in natural order.

    Raises InputError for a run's folder, whose videos show its result.
    """
    found: list[str] = []
    for video in videos:
        if video and (Path(video) / RUN_RECORD).is_file():
            raise InputError(
                f"{video} is the folder of a run; give the video that it was made from, or look at the result with"
                " `kinema diagnose` or `kinema render`"
            )
        images, inside = _contents(Path(video)) if video else (0, [])
        found += [str(path) for path in inside] if inside and not images else [video]
    return found


def folder_notes(path: Path) -> list[str]:
    """Sentences for the user about an input that is a folder: videos beside its images are not used."""
    images, videos = _contents(path)
    if not images or not videos:
        return []
    names = ", ".join(video.name for video in videos[:3]) + (", ..." if len(videos) > 3 else "")
    stills = "1 image, which is" if images == 1 else f"{images} images, which are"
    clips = "1 video, which is" if len(videos) == 1 else f"{len(videos)} videos, which are"
    return [f"{path} holds {stills} used, and {clips} not ({names}); run the videos by their names"]


def _contents(path: Path) -> tuple[int, list[Path]]:
    """The number of images and the videos of a folder; none if it is not a folder or cannot be read."""
    try:
        files = [f for f in path.iterdir() if not f.name.startswith(".") and f.is_file()] if path.is_dir() else []
    except OSError:
        return 0, []
    videos = sorted((f for f in files if f.suffix.lower() in VIDEO_SUFFIXES), key=natural_key)
    return sum(f.suffix.lower() in IMAGE_SUFFIXES for f in files), videos
