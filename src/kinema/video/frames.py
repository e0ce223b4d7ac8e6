"""The interface of every frame source: `Frame` and the `VideoReader` that yields them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.brief import Brief
from kinema.errors import UsageError

if TYPE_CHECKING:
    from kinema.video.planes import Planes

# Times are read as integer ticks and returned as floats; a range bound equal to a frame's time must match it.
TIME_TOLERANCE = 1e-6

TIME_SOURCES = {
    "container": "the times of the file",
    "tag": "the times of the file, corrected by its slow-motion tag",
    "exif": "the times at which the images were taken",
    "assumed": "a frame rate that was assumed",
    "given": "the settings",
}
"""Sources of the frames' times."""


@dataclass(frozen=True, eq=False, repr=False)
class Frame(Brief):
    """One frame as it should be displayed: display rotation applied, square pixels.

    index: 0, 1, 2, ... in the order of yielding. time: true seconds since the start of the video (the whole video, also
    if only a range of it is read); for slow motion, not the player's time. image: (H, W, 3) uint8 RGB, contiguous; it
    belongs to the caller, the reader does not modify it again.
    """

    index: int
    time: float
    image: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class PlanarFrame(Brief):
    """A `Frame` as the file stores it. The planes belong to the caller."""

    index: int
    time: float
    planes: Planes


@dataclass(frozen=True)
class TimeRange:
    """The part of the source to read, in seconds: frames with start <= time < end; None: no bound.

    The seconds are those that a player shows, also for slow motion.
    """

    start: float | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            value = getattr(self, name)
            if value is not None and (not math.isfinite(value) or value < 0):
                raise UsageError(f"the time range's {name} must be a number of seconds, at least 0; found {value}")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise UsageError(f"the time range {self} is empty: its end must be after its start")

    def __str__(self) -> str:
        start = f"{self.start or 0:g}"
        return f"{start} s to the end" if self.end is None else f"{start}-{self.end:g} s"

    def before(self, time: float) -> bool:
        """Whether `time` is before the range."""
        return self.start is not None and time < self.start - TIME_TOLERANCE

    def after(self, time: float) -> bool:
        """Whether `time` is at or after the range's end."""
        return self.end is not None and time >= self.end - TIME_TOLERANCE

    def seconds_of(self, duration: float | None) -> float | None:
        """Seconds of a video of `duration` seconds that lie in the range; None if that is unknown."""
        if duration is None and self.end is None:
            return None
        stop = min(x for x in (duration, self.end) if x is not None)
        return max(stop - (self.start or 0.0), 0.0)


@dataclass
class VideoReader(ABC):
    """A source of frames that can be iterated over any number of times, each time from its beginning.

    path: what was opened. width, height: pixels of every frame, as displayed. fps: mean frames per true
    second according to the header (the frames' own times are authoritative).
    slow_motion: how many times slower than life the file plays: a player shows a frame at `time` * `slow_motion`.
    time_source: source of the frames' times, a key of `TIME_SOURCES`.
    num_frames_estimate: number of frames to expect in the range, None if the header does not give it.
    metadata: facts about the recording; possible keys: "duration" (true seconds, of the whole source), "capture_fps"
    (frames per second of the camera, if the file says so), "focal_35mm" (mm, 35 mm equivalent), "make", "model",
    "created", "rotation" (degrees clockwise, already applied), "codec", "pixel_format", "bit_depth", "transfer",
    "interlaced", "has_audio". warnings: sentences about what was assumed, repaired or lost, filled while reading.
    """

    path: Path
    width: int
    height: int
    fps: float
    num_frames_estimate: int | None
    time_range: TimeRange = field(default_factory=TimeRange)
    metadata: dict[str, Any] = field(default_factory=dict)
    slow_motion: float = 1.0
    time_source: str = "container"
    warnings: list[str] = field(default_factory=list)

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order of time. Raises InputError if none can be decoded."""

    def close(self) -> None:  # noqa: B027
        """Release open resources (none between two iterations). Reading again afterwards is allowed."""

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def warn(self, sentence: str) -> None:
        """Record `sentence` once, however often the video is read."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)
