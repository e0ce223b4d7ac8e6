"""The times of a folder's images: from a given rate, from EXIF, from the numbers in their names, or assumed."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import plural
from kinema.video.options import VideoOptions

DEFAULT_IMAGE_FPS = 30.0

# Names number the frames if at least this share of the steps equals the usual one.
_USUAL_SHARE = 0.5
# A longer step in the numbers is not a pause: the numbers mean something else.
_LONGEST_PAUSE = 3600.0
# Photographs taken further apart are not a recording of a movement.
_LONGEST_EXIF_INTERVAL = 1.0
_SHOWN_GAPS = 4


@dataclass(frozen=True)
class ImageTimes:
    """times: true seconds from the first image, (F,) increasing. fps: images per true second, between gaps.
    source: see `TIME_SOURCES`. notes: for the user."""

    times: np.ndarray
    fps: float
    source: str
    notes: list[str] = field(default_factory=list)


def image_times(files: Sequence[Path], tags: Sequence[dict[str, Any]], options: VideoOptions) -> ImageTimes:
    """The times of images in order. tags: of each image, as in `ImageHeader`."""
    slow_motion = options.slow_motion or 1.0
    if len(files) == 1:
        return ImageTimes(np.zeros(1), options.fps or DEFAULT_IMAGE_FPS * slow_motion, "assumed")
    if options.fps is None and (taken := exif_times(tags)) is not None:
        fps = slow_motion / float(np.median(np.diff(taken)))
        note = f"the images are placed at the times at which they were taken (EXIF), {fps:.4g} per second"
        return ImageTimes(taken / slow_motion, fps, "exif", [note])
    fps = options.fps or DEFAULT_IMAGE_FPS * slow_motion
    places, notes = _places(files, fps, given=options.fps is not None)
    if options.fps is not None:
        return ImageTimes(places / fps, fps, "given", notes)
    why = "no times in the images"
    if any("created" in each for each in tags):
        why = "the times in the images (EXIF) are not those of a recording"
    notes = [f"{why}: {fps:.4g} frames per second assumed; `fps` says otherwise", *notes]
    return ImageTimes(places / fps, fps, "given" if options.slow_motion else "assumed", notes)


def _places(files: Sequence[Path], fps: float, *, given: bool) -> tuple[np.ndarray, list[str]]:
    """The number of each image in the sequence, from 0, with the gaps that the numbers in the names leave."""
    consecutive = np.arange(len(files), dtype=np.float64)
    numbers = name_numbers(files)
    if numbers is None:
        return consecutive, []
    steps = np.diff(numbers)
    usual, count = min(Counter(steps.tolist()).items(), key=lambda item: (-item[1], item[0]))
    if count < _USUAL_SHARE * len(steps) or steps.max() / usual / fps > _LONGEST_PAUSE:
        return consecutive, ["the numbers in the names of the images are uneven: they were taken as consecutive"]
    notes = []
    if usual > 1 and not given:
        notes.append(f"the numbers of the images rise by {usual:.0f}: each step was taken as one frame")
    longer = np.flatnonzero(steps > 1.5 * usual)
    if len(longer):
        missing = int(sum(round(steps[i] / usual) - 1 for i in longer))
        spans = [f"{numbers[i] + usual:.0f}-{numbers[i + 1] - usual:.0f}" for i in longer[:_SHOWN_GAPS]]
        spans = [first if first == last else span for span in spans for first, last in [span.split("-")]]
        more = "" if len(longer) <= _SHOWN_GAPS else ", ..."
        notes.append(
            f"{plural(missing, 'image')} {'is' if missing == 1 else 'are'} missing, by the numbers in the names"
            f" ({', '.join(spans)}{more}): the time that {'it' if missing == 1 else 'they'} would fill is kept"
        )
    return (numbers - numbers[0]) / usual, notes


def name_numbers(files: Sequence[Path]) -> np.ndarray | None:
    """The number in each name (F,), if the names differ by one rising number only; else None."""
    parts = [re.split(r"([0-9]+)", file.stem.lower()) for file in files]
    if len({len(each) for each in parts}) != 1:
        return None
    columns = list(zip(*parts, strict=True))
    if any(len(set(column)) > 1 for column in columns[::2]):
        return None
    varying = [column for column in columns[1::2] if len({int(text) for text in column}) > 1]
    if len(varying) != 1:
        return None
    numbers = [int(text) for text in varying[0]]
    # Beyond 2^53 floats cannot represent all integers.
    if max(numbers) >= 2**53 or any(a >= b for a, b in pairwise(numbers)):
        return None
    return np.array(numbers, np.float64)


def exif_times(tags: Sequence[dict[str, Any]]) -> np.ndarray | None:
    """Seconds from the first image (F,) by DateTimeOriginal and SubSecTimeOriginal; None unless every image has them
    and they are those of a recording: increasing, about evenly spaced or with pauses, and at least one a second.

    Times that are uniform up to rounding are made uniform.
    """
    seconds, digits = [], []
    for each in tags:
        taken = _seconds(each)
        if taken is None:
            return None
        seconds.append(taken[0])
        digits.append(taken[1])
    times = np.array(seconds) - seconds[0]
    steps = np.diff(times)
    if not len(steps) or steps.min() <= 0 or steps.max() > _LONGEST_PAUSE:
        return None
    if np.median(steps) > _LONGEST_EXIF_INTERVAL:
        return None
    index = np.arange(len(times))
    slope, offset = np.polyfit(index, times, 1)
    even = np.abs(times - offset - slope * index).max() <= 10.0 ** -min(digits)
    return slope * index if even else times


def _seconds(tags: dict[str, Any]) -> tuple[float, int] | None:
    """The time at which an image was taken, and its number of digits after the second."""
    with contextlib.suppress(KeyError, ValueError, OverflowError):
        whole = datetime.strptime(tags["created"][:19], "%Y:%m:%d %H:%M:%S").replace(tzinfo=timezone.utc)
        digits = str(tags.get("subsecond", ""))[:6]
        if not re.fullmatch(r"[0-9]*", digits):
            digits = ""
        return whole.timestamp() + (float(f"0.{digits}") if digits else 0.0), len(digits)
    return None
