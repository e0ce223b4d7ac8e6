"""What tracking the background leaves of a shot: where each point was seen, and which frames matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from kinema.geometry.camera import unproject

STEP = 0.04
"""Median displacement of the points from one keyframe to the next, as a fraction of the image's width."""

SHARED = 0.6
"""Share of a keyframe's points that the next one must still see."""

NEW = 0.25
"""Share of a frame's own points that the last keyframe must see for the frame not to be a keyframe."""

LONGEST = 2.0
"""Seconds from one keyframe to the next at most."""

FEWEST = 12
"""Points that a frame must see for its camera to be found."""


@dataclass(frozen=True, eq=False)
class PointTracks:
    """Points of the background in the frames of one shot, in pixels of the working image.

    ids: for each frame (n,) int32, increasing; pixels: for each frame (n,2) float32; times (T,) seconds; size: width
    and height of the working image.
    """

    ids: Sequence[np.ndarray]
    pixels: Sequence[np.ndarray]
    times: np.ndarray
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def middle(self) -> np.ndarray:
        """The principal point, in the middle of the image."""
        return (np.array(self.size, dtype=float) - 1) / 2

    def common(self, a: int, b: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The points that two frames see: ids (n,), and pixels (n,2) in each."""
        ids, first, second = np.intersect1d(self.ids[a], self.ids[b], assume_unique=True, return_indices=True)
        return ids, self.pixels[a][first], self.pixels[b][second]

    def part(self, frames: slice) -> PointTracks:
        """Some of the frames."""
        return PointTracks(self.ids[frames], self.pixels[frames], self.times[frames], self.size)

    def straightened(self, focal: float, distortion: np.ndarray) -> PointTracks:
        """The points where a lens without distortion would show them. focal: in pixels of the working image;
        distortion: OpenCV's coefficients."""
        if not np.any(distortion):
            return self
        lens = np.array([[focal, 0, self.middle[0]], [0, focal, self.middle[1]], [0, 0, 1]])
        return PointTracks(self.ids, _Straight(self.pixels, lens, np.asarray(distortion)), self.times, self.size)


class _Straight(Sequence[np.ndarray]):
    """Pixels of some frames without the distortion of a lens."""

    def __init__(self, pixels: Sequence[np.ndarray], lens: np.ndarray, distortion: np.ndarray) -> None:
        self._pixels, self._lens, self._distortion = pixels, lens, distortion

    def __len__(self) -> int:
        return len(self._pixels)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: slice) -> _Straight: ...

    def __getitem__(self, index: int | slice) -> np.ndarray | _Straight:
        if isinstance(index, slice):
            return _Straight(self._pixels[index], self._lens, self._distortion)
        flat = unproject(self._pixels[index], self._lens, self._distortion)
        return np.asarray(flat @ self._lens[:2, :2].T + self._lens[:2, 2], dtype=np.float32)


def linked(tracks: PointTracks) -> list[slice]:
    """The stretches of frames through which points can be followed; frames that see too little belong to none.

    Within a stretch every frame shares `FEWEST` points with the one before it that sees any.
    """
    stretches: list[slice] = []
    start, before = None, -1
    for frame in range(len(tracks)):
        if len(tracks.ids[frame]) < FEWEST:
            continue
        if start is None:
            start = frame
        elif len(tracks.common(before, frame)[0]) < FEWEST:
            stretches.append(slice(start, before + 1))
            start = frame
        before = frame
    return stretches if start is None else [*stretches, slice(start, before + 1)]


def keyframes(tracks: PointTracks) -> np.ndarray:
    """Frames of a linked stretch between which the image moves by about `STEP`: the first and the last among them."""
    chosen, latest = [0], 0
    for frame in range(1, len(tracks)):
        if len(tracks.ids[frame]) < FEWEST:
            continue
        ids, before, after = tracks.common(chosen[-1], frame)
        moved = float(np.median(np.linalg.norm(after - before, axis=1))) if len(ids) else np.inf
        few = len(ids) < max(FEWEST, SHARED * len(tracks.ids[chosen[-1]]))
        late = tracks.times[frame] - tracks.times[chosen[-1]] > LONGEST
        if few and latest > chosen[-1]:
            chosen.append(latest)  # the last frame that still shares enough
            ids, before, after = tracks.common(latest, frame)
            moved = float(np.median(np.linalg.norm(after - before, axis=1))) if len(ids) else np.inf
            few, late = len(ids) < FEWEST, False
        new = len(ids) < NEW * len(tracks.ids[frame])
        if moved > STEP * tracks.size[0] or few or late or new:
            chosen.append(frame)
        latest = frame
    if latest > chosen[-1]:
        chosen.append(latest)
    return np.array(chosen)
