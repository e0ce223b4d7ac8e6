"""Camera cuts: where one shot ends and another begins, found while the frames are read.

Each frame is reduced to a thumbnail of normalised brightness. A cut is a step between two thumbnails that stands out
from the steps before and after it, whatever the scene's own movement, and from which the picture does not return: a
flash does. Cuts within one scene, where the background stays and only the people jump, are found in the same way.
Fades are found by comparing the pictures before and after the blank one, dissolves by the frames in between, which are
mixtures of the two pictures: those of a pan are not. docs/cuts.md has the figures behind the limits.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from kinema.video import Frame

AHEAD = 4
"""Frames after a step that are examined."""

_SIZE = 64  # longer side of a thumbnail
_SAMPLED = 4 * _SIZE  # longer side to which large frames are sampled first
_LEVEL, _DARK = 110.0, 5.0  # mean to which thumbnails are scaled; darker ones than the second not by more
_BEHIND = 12  # steps before a cut that it must stand out from
_STANDS_OUT = 1.9  # times the greatest step nearby; without a cut it is at most 1.45 in 30 clips
_SUSPECT = 1.0  # times the greatest step nearby: enough where somebody's body jumps in the same frame
_NOISE = 0.5  # grey levels: added to the steps nearby, so that a still picture's noise is none
_LEAST = 1.5  # grey levels: mean change of the least step that can be a cut
_STILL = 0.05  # grey levels: less change is a repeated frame
_RETURNS = 0.6  # of the step: a picture that comes as near as this to one before it was a flash
_KNOWN = 3  # steps nearby that tell what is usual; with fewer, only another scene is a cut
_LONG_STEP = 3.0  # times the usual time between frames: the same
_OTHER_SCENE, _OTHER_CHANGE = 0.5, 12.0  # greatest correlation of pictures of two scenes, least mean change
_SAME_SCENE = 0.7  # least correlation of pictures of one scene; those of jump cuts have 0.76 or more
_BLANK = 4.0  # grey levels: standard deviation of a picture without content
_MIXED_OVER = (30, 16, 8)  # frames over which a dissolve is looked for
_MIXED = 0.33  # greatest distance from a mixture, of that of the two pictures; pans and walks have 0.52 or more
_MIXED_SHARES = (0.2, 0.8)  # of the second picture in the frames that are tested


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A frame's thumbnail: picture (h, w, 3) float32 of normalised brightness; contrast: before that; time, index."""

    picture: np.ndarray
    contrast: float
    time: float
    index: int

    @classmethod
    def of(cls, frame: Frame) -> Thumbnail:
        image = frame.image
        stride = max(1, max(image.shape[:2]) // _SAMPLED)
        factor = _SIZE / max(image.shape[:2])
        size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
        # As pixels of three bytes each, of which copies are made three times as fast as of single bytes.
        sampled = np.ascontiguousarray(image.view("V3")[::stride, ::stride]).view(np.uint8)
        small = cv2.resize(sampled, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        level = _LEVEL / max(float(small.mean()), _DARK)
        return cls(small * level, float(_grey(small).std()), frame.time, frame.index)

    def change(self, other: Thumbnail) -> float:
        """Mean absolute difference, grey levels."""
        return float(cv2.norm(self.picture, other.picture, cv2.NORM_L1)) / self.picture.size

    def likeness(self, other: Thumbnail) -> float:
        """Correlation of the grey pictures, -1 to 1: how far they show one scene."""
        return float(self._pattern @ other._pattern)

    @cached_property
    def _pattern(self) -> np.ndarray:
        """(h w,) the grey picture, its mean taken out and scaled to length 1; 0 of an even one."""
        grey = _grey(self.picture).ravel()
        off = grey - grey.mean()
        return np.asarray(off / max(float(np.linalg.norm(off)), 1e-3))

    def other_scene(self, other: Thumbnail) -> bool:
        return self.change(other) >= _OTHER_CHANGE and self.likeness(other) < _OTHER_SCENE


def _grey(picture: np.ndarray) -> np.ndarray:
    """The mean (h,w) of the channels of a picture (h,w,3) float32."""
    return np.asarray(picture @ np.full(3, 1 / 3, dtype=np.float32))


@dataclass(frozen=True)
class Cut:
    """A camera cut. first: the frame at which the new shot begins; same_scene: whether the picture stays the same but
    for some of it, as where a piece of a recording was cut out."""

    first: int
    same_scene: bool


def with_cuts(
    frames: Iterable[Frame], held: int = AHEAD, suspects: list[int] | None = None
) -> Iterator[tuple[Frame, Cut | None]]:
    """The frames, each with the cut that has become known, if any.

    held: how many frames are held back, 1 to `AHEAD`. With `AHEAD` of them a cut is known at its first frame, with
    fewer by as many frames later; a dissolve is known when it ends, and the new shot began in its middle. suspects:
    gets the frames whose step stands out a little; it is a cut if somebody's body jumps there, too (see `jumps`).
    """
    finder = CutFinder()
    thumbnails: deque[Thumbnail] = deque()
    waiting: deque[Frame] = deque()
    found: list[Cut] = []

    def decide() -> None:
        cut = finder.step(thumbnails)
        suspect = thumbnails.popleft().index
        if suspects is not None and cut is None and finder.prominence > _SUSPECT:
            suspects.append(suspect)
        if cut is not None:
            found.append(cut)

    def next_one() -> tuple[Frame, Cut | None]:
        frame = waiting.popleft()
        known = [cut for cut in found if cut.first <= frame.index]
        del found[: len(known)]
        return frame, known[-1] if known else None

    for frame in frames:
        waiting.append(frame)
        thumbnails.append(Thumbnail.of(frame))
        if len(thumbnails) > AHEAD:
            decide()
        if len(waiting) > held:
            yield next_one()
    while thumbnails:
        decide()
    while waiting:
        yield next_one()


class CutFinder:
    """Finds the cuts of one clip, whose thumbnails come in order. Memory does not grow.

    prominence: of the latest step, relative to the greatest one nearby; 0 if that is not known.
    """

    def __init__(self) -> None:
        self.prominence = 0.0
        self._past: deque[Thumbnail] = deque(maxlen=max(_MIXED_OVER) + 1)  # of this shot
        self._steps: deque[float] = deque(maxlen=_BEHIND)
        self._intervals: deque[float] = deque(maxlen=_BEHIND)
        self._changed = 0.0  # time of the last frame that was not a repetition
        self._content: Thumbnail | None = None  # the last picture before a blank one
        # The middle of a dissolve that may continue, and its first picture.
        self._mixture: tuple[int, Thumbnail] | None = None

    def step(self, thumbnails: Sequence[Thumbnail]) -> Cut | None:
        """The cut at the first of the thumbnails, if any; the others are those after it."""
        now = thumbnails[0]
        self.prominence = 0.0
        first = self._first_of_shot(now, thumbnails)
        cut = None
        if first is not None:
            cut = Cut(first, self._past[-1].likeness(now) >= _SAME_SCENE)
            self._past.clear()
            self._steps.clear()
            self._content = self._mixture = None
            self._changed = now.time
        self._past.append(now)
        return cut

    def _first_of_shot(self, now: Thumbnail, thumbnails: Sequence[Thumbnail]) -> int | None:
        """The first frame of the shot that begins here, if one does."""
        if not self._past:
            self._changed = now.time
            return None
        if now.contrast < _BLANK:
            self._content = self._content or next(
                (look for look in reversed(self._past) if look.contrast >= _BLANK), None
            )
            return None
        if self._content is not None:
            before, self._content = self._content, None
            self._steps.clear()
            return now.index if before.likeness(now) < _OTHER_SCENE else None
        return now.index if self._hard_cut(now, thumbnails) else self._dissolve(now)

    def _hard_cut(self, now: Thumbnail, thumbnails: Sequence[Thumbnail]) -> bool:
        before = self._past[-1]
        step = before.change(now)
        if step < _STILL:
            return False
        interval = now.time - self._changed
        usual = float(np.median(self._intervals)) if self._intervals else interval
        stretch = max(1.0, interval / usual)
        later = [a.change(b) for a, b in itertools.pairwise(thumbnails)]
        near = [*self._steps, *(each for each in later if each >= _STILL)]
        if len(near) < _KNOWN or stretch > _LONG_STEP:
            stands_out = before.other_scene(now)
        else:
            self.prominence = step / (stretch * (max(near) + _NOISE))
            stands_out = step >= _LEAST and self.prominence > _STANDS_OUT
        cut = stands_out and not self._returns(thumbnails, step)
        self._changed = now.time
        if not stands_out:
            self._steps.append(step)
            self._intervals.append(interval)
        return cut

    def _returns(self, thumbnails: Sequence[Thumbnail], step: float) -> bool:
        """Whether the picture returns, or has returned, to what it was."""
        before = list(self._past)[-3:]
        return any(
            a.change(b) < _RETURNS * step
            for a in before for b in itertools.islice(thumbnails, AHEAD) if (a, b) != (before[-1], thumbnails[0])
        )  # fmt: skip

    def _dissolve(self, now: Thumbnail) -> int | None:
        """The middle of a dissolve that ends here."""
        past = list(self._past)
        for frames in _MIXED_OVER:
            if frames <= len(past) and (middle := _middle_of_mixture([*past[-frames:], now])) is not None:
                self._mixture = middle, past[-frames]
                break
        if self._mixture is None:
            return None
        middle, start = self._mixture
        goes_on = start.change(now) > 1.03 * start.change(past[-2]) if len(past) > 1 else False
        return None if goes_on else middle


def _middle_of_mixture(thumbnails: Sequence[Thumbnail]) -> int | None:
    """The frame from which the last picture prevails, if those between the first and the last are mixtures."""
    first, last = thumbnails[0], thumbnails[-1]
    if first.contrast < _BLANK or not first.other_scene(last):
        return None
    whole = (last.picture - first.picture).ravel()
    size = float(whole @ whole)
    parts = np.stack([(each.picture - first.picture).ravel() for each in thumbnails[1:-1]])
    shares = parts @ whole / size
    mixed = (shares > _MIXED_SHARES[0]) & (shares < _MIXED_SHARES[1])
    if np.count_nonzero(mixed) < 2:
        return None
    off = np.linalg.norm(parts[mixed] - shares[mixed, None] * whole, axis=1) / size**0.5
    if off.max() > _MIXED:
        return None
    return thumbnails[1 + int(np.argmax(shares >= 0.5))].index if (shares >= 0.5).any() else last.index
