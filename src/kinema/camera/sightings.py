"""Where points were seen in each frame of a shot, in a temporary file: long clips add up three kilobytes a frame."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np

from kinema.camera.tracks import PointTracks
from kinema.storage.atomic import explain_write_error

_BYTES = 12
"""Of a sighting: its point's number, int32, and two float32."""


class SightingFile:
    """Frames are added one after the other, and are read again in any order. Not for two threads at once."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="kinema-points-")  # noqa: SIM115 - open as long as it is referred to
        self._starts = [0]
        self._often: np.ndarray = np.zeros(0, np.int32)  # in how many frames each point was seen

    def __len__(self) -> int:
        return len(self._starts) - 1

    def add(self, ids: np.ndarray, pixels: np.ndarray) -> None:
        """The next frame's points: ids (n,) int32, increasing, and pixels (n,2) float32. Raises OutputError."""
        try:
            self._file.seek(_BYTES * self._starts[-1])
            self._file.write(ids.astype(np.int32).tobytes() + pixels.astype(np.float32).tobytes())
        except OSError as error:
            raise explain_write_error(error, Path(tempfile.gettempdir())) or error from error
        self._starts.append(self._starts[-1] + len(ids))
        if len(ids) and ids[-1] >= len(self._often):
            self._often = np.pad(self._often, (0, int(ids[-1]) + 1000 - len(self._often)))
        self._often[ids] += 1

    def frame(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """ids (n,) and pixels (n,2) of a frame."""
        start, stop = self._starts[number], self._starts[number + 1]
        self._file.seek(_BYTES * start)
        content = self._file.read(_BYTES * (stop - start))
        ids = np.frombuffer(content, np.int32, stop - start)
        return ids, np.frombuffer(content, np.float32, 2 * (stop - start), 4 * (stop - start)).reshape(-1, 2)

    def tracks(self, times: np.ndarray, size: tuple[int, int], *, fewest: int, wrong: np.ndarray) -> PointTracks:
        """All frames, without the points that fewer than `fewest` frames see, or that are among `wrong` (ids)."""
        kept = self._often >= fewest
        kept[wrong[wrong < len(kept)]] = False
        frames = range(len(self))
        return PointTracks(_Rows(self, frames, kept, 0), _Rows(self, frames, kept, 1), times, size)


class _Rows(Sequence[np.ndarray]):
    """The ids (0) or the pixels (1) of some frames, of the points that are `kept` (P,) bool."""

    def __init__(self, file: SightingFile, frames: range, kept: np.ndarray, part: int) -> None:
        self._file, self._frames, self._kept, self._part = file, frames, kept, part

    def __len__(self) -> int:
        return len(self._frames)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: slice) -> _Rows: ...

    def __getitem__(self, index: int | slice) -> np.ndarray | _Rows:
        if isinstance(index, slice):
            return _Rows(self._file, self._frames[index], self._kept, self._part)
        found = self._file.frame(self._frames[index])
        return np.asarray(found[self._part][self._kept[found[0]]])
