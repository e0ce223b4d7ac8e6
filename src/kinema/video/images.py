"""Reading a folder of images, or one image, as if it were a video."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from kinema.errors import InputError, UsageError
from kinema.video.exif import ImageHeader, read_header
from kinema.video.frames import Frame, TimeRange, VideoReader
from kinema.video.orientation import EXIF_ORIENTATIONS, UPRIGHT

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".m2ts", ".3gp"})
DEFAULT_IMAGE_FPS = 30.0


@dataclass
class ImageSequence(VideoReader):
    """Images in natural order of their names, `fps` per second. Made by `ImageSequence.open`."""

    files: tuple[Path, ...] = ()

    @classmethod
    def open(cls, path: Path, time_range: TimeRange, fps: float = DEFAULT_IMAGE_FPS) -> ImageSequence:
        """List and check the images of folder `path` (or the one image `path`).

        Raises InputError if there are none or their sizes differ, UsageError for an implausible fps.
        """
        if not (np.isfinite(fps) and 0.01 <= fps <= 1000):
            raise UsageError(f"the frame rate of images must be between 0.01 and 1000, found {fps}")
        files = list_images(path) if path.is_dir() else (path,)
        first, size, metadata = files[0], None, {}
        for file in files:
            header = _header(file)
            displayed = _displayed_size(header) or _decoded_size(file)
            if size is None:
                size, metadata = displayed, dict(header.tags)
            elif displayed != size:
                raise InputError(
                    f"{file.name} has {displayed[0]}x{displayed[1]} pixels, but {first.name} has {size[0]}x{size[1]};"
                    " all images of a folder must have the same size"
                )
        width, height = size or (0, 0)
        reader = cls(
            path=path,
            width=width,
            height=height,
            fps=float(fps),
            num_frames_estimate=None,
            time_range=time_range,
            metadata={"duration": len(files) / fps, **metadata},
            files=files,
        )
        reader.num_frames_estimate = sum(1 for _ in reader._in_range())
        if reader.num_frames_estimate == 0:
            raise InputError(f"no image of {path} lies in the time range {time_range} ({len(files) / fps:.2f} s long)")
        return reader

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        for time, file in self._in_range():
            image = _decode(file)
            if image is None:
                self.warn(f"{file.name} cannot be decoded and was left out")
                continue
            orientation = EXIF_ORIENTATIONS[_header(file).orientation]
            if orientation != UPRIGHT:
                width, height = orientation.size(image.shape[1], image.shape[0])
                image = orientation.apply(image, np.empty((height, width, 3), np.uint8))
            if image.shape[:2] != (self.height, self.width):
                raise InputError(
                    f"{file.name} has {image.shape[1]}x{image.shape[0]} pixels instead of {self.width}x{self.height};"
                    " all images of a folder must have the same size"
                )
            yield Frame(index, time, image)
            index += 1
        if index == 0:
            raise InputError(f"no image of {self.path} can be decoded; the files are corrupt or not images")

    def _in_range(self) -> Iterator[tuple[float, Path]]:
        for i, file in enumerate(self.files):
            time = i / self.fps
            if not self.time_range.before(time) and not self.time_range.after(time):
                yield time, file


def list_images(folder: Path) -> tuple[Path, ...]:
    """The images of `folder` in natural order ("2.png" before "10.png"). Raises InputError if there are none."""
    try:
        names = [file for file in folder.iterdir() if not file.name.startswith(".")]
    except PermissionError:
        raise InputError(f"{folder} cannot be read: permission denied; change its permissions or copy it") from None
    images = [file for file in names if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()]
    if not images:
        videos = sorted(file.name for file in names if file.suffix.lower() in VIDEO_SUFFIXES)
        advice = f"; it contains videos, give one of them ({videos[0]})" if videos else ""
        raise InputError(f"{folder} contains no images ({', '.join(sorted(IMAGE_SUFFIXES))}){advice}")
    return tuple(sorted(images, key=natural_key))


def natural_key(file: Path) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key that compares numbers inside names as numbers."""
    parts = re.split(r"([0-9]+)", file.name.lower())
    return [(1, int(p), "") if p.isdigit() else (0, 0, p) for p in parts], file.name


def _header(file: Path) -> ImageHeader:
    try:
        return read_header(file)
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}); change its permissions or copy it") from None


def _displayed_size(header: ImageHeader) -> tuple[int, int] | None:
    if not header.width or not header.height:
        return None
    return EXIF_ORIENTATIONS[header.orientation].size(header.width, header.height)


def _decoded_size(file: Path) -> tuple[int, int]:
    image = _decode(file)
    if image is None:
        raise InputError(f"{file} is not an image that can be decoded; remove it from the folder or save it again")
    return image.shape[1], image.shape[0]


def _decode(file: Path) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB as stored; 16 bits become 8, gray and CMYK become RGB, alpha is dropped. None: corrupt."""
    try:
        data = np.fromfile(file, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if data.size else None
    except cv2.error:
        return None
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}); change its permissions or copy it") from None
    return None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)
