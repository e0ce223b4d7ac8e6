"""Which frame of a video each pose of a file belongs to: by the names of its images, or by their numbers.

Programs count a video's frames from 0 or from 1, and images extracted from a video begin anywhere. If the
numbers leave it open, the video's length decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

import numpy as np

from kinema.errors import InputError, quoted
from kinema.keypoints.files.poses import Poses, number_in


@dataclass(frozen=True)
class VideoFrames:
    """The frames that poses are matched to. what: the video's name in messages. count: how many there are, None while
    that is not known. names: of a folder's images, the number of each, empty for a video. exact: whether `count` is.
    """

    what: str
    count: int | None = None
    names: Mapping[str, int] = field(default_factory=dict)
    exact: bool = True


def frames_of(poses: Poses, there: VideoFrames, file: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """(N,) the frame of each pose, and notes. Raises InputError if the file has frames that the video lacks."""
    if poses.image_names is not None and there.names:
        return _by_name(poses.image_names, there, file), ()
    numbers = None if poses.image_names is None else [number_in(str(name)) for name in poses.image_names]
    found = [number for number in numbers or () if number is not None]
    if numbers is None or len(found) < len(numbers):
        return _within(poses.frames, there, file), ()
    values = np.array([value for value, _ in found], dtype=np.int64)
    low, high = int(values.min()), int(values.max())
    padded = any(zeros for _, zeros in found)
    starts = [0 if low == 0 or not padded else 1, *((1,) if low else ()), *((low,) if padded else ())]
    fitting = [start for start in starts if there.count is None or high - start < there.count]
    start = fitting[0] if fitting else starts[-1]
    note = (f"the video's first frame is taken for the image of number {start}",) if start else ()
    return _within(values - start, there, file), note


def _by_name(names: np.ndarray, there: VideoFrames, file: str) -> np.ndarray:
    """The frame of each name among a folder's: the same name without its ending, else the same number."""
    stems = {PurePath(name).stem: frame for name, frame in there.names.items()}
    given = [PurePath(str(name)).stem for name in names]
    if any(stem not in stems for stem in given):
        numbered = {number_in(name): frame for name, frame in stems.items()}
        if None not in numbered and len(numbered) == len(stems):
            stems = {str(number[0]): frame for number, frame in numbered.items() if number is not None}
            given = [str((number_in(stem) or (stem,))[0]) for stem in given]
    for stem, name in zip(given, names, strict=True):
        if stem not in stems:
            raise InputError(
                f"{file} has poses of the image {quoted(str(name), 60)}, which {there.what} lacks; give the"
                " keypoints of these images"
            )
    return np.array([stems[stem] for stem in given], dtype=np.int64)


def _within(frames: np.ndarray, there: VideoFrames, file: str) -> np.ndarray:
    """The frames, which must be those of the video."""
    if there.exact and there.count is not None and len(frames) and int(frames.max()) >= there.count:
        raise InputError(
            f"{file} has poses up to frame {int(frames.max())}, but {there.what} has {there.count} frames;"
            " give the keypoints of this video"
        )
    return frames
