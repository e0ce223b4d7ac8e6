"""A video with twice the frames: between every two of them one that RIFE makes, or the earlier one again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kinema.errors import InputError
from kinema.models.rife.facts import NAME
from kinema.weights import hub
from kinema.weights.cache import file_sha256
from kinema.weights.catalogue import find

if TYPE_CHECKING:
    from kinema.video import Frame


class Frames(Protocol):
    """Frames of one size, in order: a video's reader, for one."""

    width: int
    height: int

    def __iter__(self) -> Iterator[Frame]: ...


Between = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Two frames (H,W,3) uint8 -> the one in the middle."""

REPEATED = "the video's own frames are shown twice in the overlay, and only what is drawn over them is interpolated"


class DoubledVideo:
    """The frames of `video`, numbered 0, 2, 4, ..., and between every two a new one, in the middle of their times.

    apart (T - 1,) bool: after which frames nothing is blended (a cut, a pause): the new frame repeats the one before
    it. between: makes a frame from its neighbours; None: every new frame is a repetition. Two frames are held at once.
    """

    def __init__(self, video: Frames, apart: np.ndarray, between: Between | None) -> None:
        self.width, self.height = video.width, video.height
        self._video, self._apart, self._between = video, apart, between

    def __iter__(self) -> Iterator[Frame]:
        from kinema.video import Frame

        last: Frame | None = None
        for frame in self._video:
            if last is not None:
                # Before `last` is handed out: from then on its image is another's.
                new = Frame(2 * last.index + 1, (last.time + frame.time) / 2, self._new(last, frame))
                yield Frame(2 * last.index, last.time, last.image)
                yield new
            last = frame
        if last is not None:
            yield Frame(2 * last.index, last.time, last.image)

    def _new(self, before: Frame, after: Frame) -> np.ndarray:
        broken = before.index < len(self._apart) and self._apart[before.index]
        if broken or self._between is None or before.image.shape != after.image.shape:
            return before.image.copy()
        return self._between(before.image, after.image)


def interpolator(file: Path | None, *, threads: int | None = None) -> tuple[Between | None, str | None]:
    """RIFE, from the user's `file` or the weights hub, and a sentence for the user where it is not to be had.

    Raises InputError for a file that is named and cannot be used, or without torch, and WeightsError for a damaged file
    in the hub.
    """
    if file is None and find_spec("torch") is None:
        return None, f"{REPEATED}, as RIFE needs torch, which is not installed; run `pip install 'kinema[torch]'`"
    if file is None and hub.status(find(NAME)).state == "missing":
        return None, f"{REPEATED}, as there is no checkpoint of RIFE; {find(NAME).by_hand}"
    from kinema.models.rife.torch_run import FrameInterpolator

    return FrameInterpolator(file or hub.locate(NAME).path, threads=threads), None


def interpolator_identity(file: Path | None) -> str:
    """What the new frames depend on: the sha256 of RIFE's checkpoint, "" for none. Raises InputError if the file that
    the user names cannot be read."""
    if file is None:
        return "" if find_spec("torch") is None else hub.status(find(NAME)).sha256 or ""
    if not file.is_file():
        raise InputError(f"{file} is not a file; give RIFE's checkpoint, flownet.pkl of version 4.18")
    return file_sha256(file)
