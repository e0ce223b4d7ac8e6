"""Sliding windows: a network that smooths W frames at a time, run over a clip of any length.

    smooth = slide(values, 32, network)             # (F, C): every frame is the mean of all windows that contain it

Windows are averaged exactly, as one sparse product of shifts and at the speed of memory: there is
no loop over frames. `WindowStream` applies the same rule frame by frame, for live use with
a fixed delay.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kinema.errors import InputError, UsageError

Smoother = Callable[[np.ndarray], np.ndarray]
"""Smooths windows (N, W, C) -> (N, W, C) independently."""

SHORT = ("repeat", "zero", "keep")
"""How a clip shorter than the window is treated: its last frame is repeated (best), it is padded with zeros (the
authors of SmoothNet and SynSP), or it is left unchanged (MMPose and MMHuman3D)."""

BATCH_VALUES = 4_000_000
"""Window values held in memory at once if the caller gives no batch size."""


def window_starts(frames: int, window: int, step: int = 1) -> np.ndarray:
    """First frames of the windows: every `step` frames, and one more so that the last frame is covered."""
    _check(window, step)
    if frames < window:
        return np.zeros(0, dtype=int)
    starts = np.arange(0, frames - window + 1, step)
    return starts if starts[-1] == frames - window else np.append(starts, frames - window)


def cut_windows(values: np.ndarray, window: int, step: int = 1) -> np.ndarray:
    """The windows (N, W, C) of values (F, C) at `window_starts`; a view where the steps are even."""
    starts = window_starts(len(values), window, step)
    if not len(starts):
        return np.empty((0, window, *values.shape[1:]), dtype=values.dtype)
    view = np.moveaxis(np.lib.stride_tricks.sliding_window_view(values, window, axis=0), -1, 1)
    even = len(starts) < 2 or starts[-1] - starts[-2] == step
    return view[::step] if even else view[starts]


def average_windows(windows: np.ndarray, step: int = 1, *, frames: int | None = None) -> np.ndarray:
    """Mean of each frame over the windows that contain it: (N, W, ...) -> (F, ...).

    Window i starts at frame i * step, the last one at frames - W (default: also a multiple of step). Exact for
    any number of windows and any step up to W. Raises UsageError where the windows do not cover the frames.
    """
    window = windows.shape[1]
    covered = (len(windows) - 1) * step + window
    frames = covered if frames is None else frames
    starts = window_starts(frames, window, step)
    if step > window or len(starts) != len(windows):
        raise UsageError(
            f"{len(windows)} windows of {window} frames with step {step} do not cover {frames} frames once; "
            f"expected {len(starts)} windows and a step of at most {window}"
        )
    mean = WindowMean(frames, windows.shape[2:], windows.dtype)
    mean.add(windows, starts)
    return mean.result()


class WindowMean:
    """Accumulates windows into a clip, batch by batch, and averages them.

    frames, shape, dtype: of the clip. first: positions in the windows before it are ignored (a live stream
    never sees them).
    """

    def __init__(self, frames: int, shape: tuple[int, ...], dtype: np.typing.DTypeLike, first: int = 0) -> None:
        self._sum = np.zeros((frames, *shape), dtype=dtype)
        self._count = np.zeros(frames, dtype=np.int64)
        self._first = first

    def add(self, windows: np.ndarray, starts: np.ndarray) -> None:
        """Add windows (N, W, ...) that start at frames (N,)."""
        count, window = windows.shape[:2]
        if not count:
            return
        low, high = int(starts[0]), int(starts[-1]) + window
        share = np.tile((np.arange(window) >= self._first).astype(self._sum.dtype), count)
        frame = (np.asarray(starts, dtype=np.int32)[:, None] - low + np.arange(window, dtype=np.int32)).ravel()
        self._count[low:high] += np.bincount(frame, share, high - low).astype(np.int64)
        from scipy.sparse import csc_matrix

        # The shifted sums as one sparse product: it reads the windows once, in memory order.
        columns = np.arange(count * window + 1, dtype=np.int32)
        shifts = csc_matrix((share, frame, columns), shape=(high - low, count * window))
        total = shifts @ windows.reshape(count * window, -1).astype(self._sum.dtype, copy=False)
        self._sum[low:high] += total.reshape(high - low, *self._sum.shape[1:])

    def result(self, frames: slice = slice(None)) -> np.ndarray:
        """The means of these frames (F, ...)."""
        total, count = self._sum[frames], self._count[frames].astype(self._sum.dtype)
        return np.asarray(total / count.reshape(-1, *(1,) * (total.ndim - 1)))


def slide(
    values: np.ndarray, window: int, smooth: Smoother, *, step: int = 1, batch: int | None = None,
    short: str = "repeat", lag: int | None = None,
) -> np.ndarray:  # fmt: skip
    """Values (F, C) smoothed window by window and averaged: (F, C), in the dtype that `smooth` returns.

    step: frames between windows, 1 to W; batch: windows at once; short: one of `SHORT`; lag: number of future frames
    that the result at a frame may depend on, 0 to W - 1 (None: all W - 1), as in `WindowStream`.
    Raises InputError that names the frame where a value is not finite.
    """
    _check(window, step)
    if short not in SHORT:
        raise UsageError(f"`short` must be one of {', '.join(SHORT)}, found {short!r}")
    if batch is not None and batch < 1:
        raise UsageError(f"batch must be at least 1, found {batch}")
    values = np.asarray(values)
    if values.ndim != 2:
        raise UsageError(f"values must be (F, C), found {values.shape}")
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        raise InputError(f"frame {int(np.argmax(bad))} holds a value that is not a number; fill it in first")
    frames = len(values)
    if not frames or (frames < window and short == "keep"):
        return values.copy()
    before = 0 if lag is None else window - 1 - _checked_lag(lag, window)
    after = max(0, window - before - frames)
    tail = np.repeat(values[-1:], after, axis=0) if short == "repeat" else np.zeros((after, values.shape[1]))
    padded = np.concatenate([np.repeat(values[:1], before, axis=0), values, tail.astype(values.dtype)])
    if lag is not None and step > lag + 1:
        raise UsageError(f"step {step} leaves frames out with a lag of {lag}; set a step of at most {lag + 1}")
    starts = window_starts(len(padded), window, step)
    windows = cut_windows(padded, window, step)
    batch = batch or max(1, BATCH_VALUES // max(1, window * values.shape[1]))
    mean: WindowMean | None = None
    for first in range(0, len(starts), batch):
        out = smooth(windows[first : first + batch])
        if mean is None:
            mean = WindowMean(len(padded), out.shape[2:], out.dtype, before)
        mean.add(out, starts[first : first + batch])
    return mean.result(slice(before, before + frames)) if mean is not None else values.copy()


class WindowStream:
    """Smooths a live stream of frames with a fixed delay of `lag` frames (0 to W - 1).

        for frame in live:
            for index, value in stream.push(frame): ...
        for index, value in stream.finish(): ...

    A frame is the mean of the windows that end at it and up to `lag` frames later; the first frame is repeated
    before the start. With lag W - 1 the result equals that of the whole clip at once; with lag 0
    only the newest frame of each window is used, which is less smooth.
    """

    def __init__(self, window: int, smooth: Smoother, *, lag: int) -> None:
        _check(window, 1)
        self._lag = _checked_lag(lag, window)
        self._window, self._smooth = window, smooth
        self._recent: list[np.ndarray] = []
        self._sums: list[np.ndarray] = []
        self._counts: list[int] = []
        self._seen = self._given = 0

    def push(self, frame: np.ndarray) -> list[tuple[int, np.ndarray]]:
        """The next frame (C,); returns the frames that are ready: pairs of index and smoothed frame (C,)."""
        frame = np.asarray(frame)
        if not np.isfinite(frame).all():
            raise InputError(f"frame {self._seen} holds a value that is not a number; fill it in first")
        if not self._recent:
            self._recent = [frame] * (self._window - 1 - self._lag)
        self._recent = [*self._recent, frame][-self._window :]
        self._seen += 1
        self._counts.append(0)
        self._sums.append(np.zeros_like(frame, dtype=np.result_type(frame, np.float32)))
        if len(self._recent) < self._window:
            return []
        self._take(self._smooth(np.stack(self._recent)[None])[0])
        return [self._give()]

    def _take(self, out: np.ndarray) -> None:
        newest = out[self._window - 1 - self._lag :][-len(self._sums) :]
        for place, value in enumerate(newest, start=len(self._sums) - len(newest)):
            self._sums[place] = self._sums[place] + value
            self._counts[place] += 1

    def _give(self) -> tuple[int, np.ndarray]:
        self._given += 1
        return self._given - 1, self._sums.pop(0) / self._counts.pop(0)

    def finish(self) -> list[tuple[int, np.ndarray]]:
        """The remaining frames; in a stream shorter than the window the last frame is repeated."""
        if self._sums and not self._counts[0]:
            missing = self._window - len(self._recent)
            out = self._smooth(np.stack([*self._recent, *[self._recent[-1]] * missing])[None])[0]
            self._sums += [np.zeros_like(self._sums[0])] * missing
            self._counts += [0] * missing
            self._take(out)
            del self._sums[len(self._sums) - missing :], self._counts[len(self._counts) - missing :]
        return [self._give() for _ in range(len(self._sums))]


def _check(window: int, step: int) -> None:
    if window < 1:
        raise UsageError(f"`window` must be at least 1 frame, found {window}")
    if not 1 <= step <= window:
        raise UsageError(f"step must lie between 1 and the window of {window} frames, found {step}")


def _checked_lag(lag: int, window: int) -> int:
    if not 0 <= lag < window:
        raise UsageError(f"lag must lie between 0 and {window - 1}, one less than the window, found {lag}")
    return lag
