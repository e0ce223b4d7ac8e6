"""Reads a folder of images, or one image, as if it were a video."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from kinema.checks import same_proportions
from kinema.errors import InputError
from kinema.video.frames import Frame, TimeRange, VideoReader
from kinema.video.image_decoding import ImageFile
from kinema.video.image_times import image_times
from kinema.video.options import VideoOptions
from kinema.video.orientation import Orientation, clockwise

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".m2ts", ".3gp"})
# Images of another size whose aspect ratios differ by less than this show the same and are scaled.
_SAME_PROPORTIONS = 0.01


@dataclass
class ImageSequence(VideoReader):
    """Images in natural order of their names. Made by `ImageSequence.open`."""

    pictures: tuple[ImageFile, ...] = ()
    times: tuple[float, ...] = ()

    @classmethod
    def open(cls, path: Path, time_range: TimeRange, options: VideoOptions | None = None) -> ImageSequence:
        """List and check the images of folder `path` (or the one image `path`).

        Images that cannot be read, and those whose aspect ratio shows that they are something else, are left out with a
        note; those of another size with the same aspect ratio are scaled. Raises InputError if there are none, or if
        most have different sizes.
        """
        options = options or VideoOptions()
        files = list_images(path) if path.is_dir() else (path,)
        readable, notes = _readable(files, clockwise(options.rotate))
        pictures, (width, height), more = _same_size(readable, path)
        timed = image_times([each.file for each in pictures], [each.tags for each in pictures], options)
        metadata = {key: value for key, value in pictures[0].tags.items() if key != "subsecond"}
        duration = float(timed.times[-1]) + 1 / timed.fps
        reader = cls(
            path=path,
            width=width,
            height=height,
            fps=timed.fps,
            num_frames_estimate=None,
            time_range=time_range,
            metadata={"duration": duration, **metadata},
            time_source=timed.source,
            pictures=pictures,
            times=tuple(timed.times.tolist()),
        )
        for sentence in (*notes, *more, *timed.notes):
            reader.warn(sentence)
        reader.num_frames_estimate = sum(1 for _ in reader._in_range())
        if reader.num_frames_estimate == 0:
            raise InputError(f"no image of {path} lies in the time range {time_range} ({duration:.2f} s long)")
        return reader

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        for time, listed in self._in_range():
            image = listed.pixels()
            if image is None:
                self.warn(f"{listed.file.name} cannot be decoded and was left out")
                continue
            if listed.size != (self.width, self.height):
                image = cv2.resize(image, (self.width, self.height), interpolation=cv2.INTER_AREA)
            yield Frame(index, time, image)
            index += 1
        if index == 0:
            raise InputError(f"no image of {self.path} can be decoded; the files are corrupt or not images")

    def _in_range(self) -> Iterator[tuple[float, ImageFile]]:
        for time, listed in zip(self.times, self.pictures, strict=True):
            if not self.time_range.before(time) and not self.time_range.after(time):
                yield time, listed


def _readable(files: Sequence[Path], rotation: Orientation) -> tuple[list[ImageFile], list[str]]:
    """The images whose header can be read, and a note about the others. Raises InputError if there are none."""
    pictures: list[ImageFile] = []
    failed: list[InputError] = []
    for file in files:
        try:
            pictures.append(ImageFile.open(file, rotation))
        except InputError as error:
            failed.append(error)
    if not pictures:
        raise failed[0]
    if not failed:
        return pictures, []
    return pictures, [f"{_images(len(failed))} left out: {failed[0]}" + ("" if len(failed) == 1 else ", and others")]


def _same_size(pictures: Sequence[ImageFile], folder: Path) -> tuple[tuple[ImageFile, ...], tuple[int, int], list[str]]:
    """The images that belong together, their common size (width, height), and notes about the others."""
    size, count = Counter(each.size for each in pictures).most_common(1)[0]
    odd = [each for each in pictures if each.size != size]
    if odd and 2 * count <= len(pictures):
        first, other = pictures[0], next(each for each in pictures if each.size != pictures[0].size)
        raise InputError(
            f"{other.file.name} has {_pixels(other.size)} pixels, but {first.file.name} has {_pixels(first.size)};"
            f" most images of {folder} must have one size, as in one recording"
        )
    notes = []
    different = [each for each in odd if not same_proportions(each.size, size, _SAME_PROPORTIONS)]
    scaled = [each for each in odd if same_proportions(each.size, size, _SAME_PROPORTIONS)]
    for group, what in ((different, "left out"), (scaled, "scaled")):
        if group:
            notes.append(
                f"{_images(len(group))} {what}, because the size is not {_pixels(size)}, that of the others:"
                f" {group[0].file.name} has {_pixels(group[0].size)} pixels{', for one' if len(group) > 1 else ''}"
            )
    dropped = {each.file for each in different}
    kept = tuple(each for each in pictures if each.file not in dropped)
    if kept[0].reduction > 1:
        notes.append(f"the images have {_pixels(kept[0].stored)} pixels and are read at {_pixels(size)}")
    return kept, size, notes


def _images(count: int) -> str:
    return "1 image was" if count == 1 else f"{count} images were"


def _pixels(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def list_images(folder: Path) -> tuple[Path, ...]:
    """The images of `folder` in natural order ("2.png" before "10.png"). Raises InputError if there are none."""
    try:
        names = [file for file in folder.iterdir() if not file.name.startswith(".")]
    except PermissionError:
        raise InputError(f"{folder} cannot be read: permission denied; change its permissions or copy it") from None
    images = [file for file in names if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()]
    if not images:
        videos = sorted(file.name for file in names if file.suffix.lower() in VIDEO_SUFFIXES)
        advice = (
            f"it contains videos, give one of them ({videos[0]})" if videos else "give a folder of images or videos"
        )
        raise InputError(f"{folder} contains no images ({', '.join(sorted(IMAGE_SUFFIXES))}); {advice}")
    return tuple(sorted(images, key=natural_key))


def natural_key(file: Path) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key that compares numbers inside names as numbers."""
    parts = re.split(r"([0-9]+)", file.name.lower())
    return [(1, int(p), "") if p.isdigit() else (0, 0, p) for p in parts], file.name
