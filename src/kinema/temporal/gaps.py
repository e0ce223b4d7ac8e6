"""Gaps in a track: splitting at gaps, the runs between them, and filling missing values."""

from __future__ import annotations

import itertools
import warnings

import numpy as np

SMOOTHING_GAP = 0.2
"""Seconds: filters and refiners smooth across shorter gaps, and restart after longer ones.

Over a longer gap a limb can complete a swing, and smoothing would invent its motion.
"""

FIT_GAP = 0.4
"""Seconds: the fit and the world stage solve across shorter gaps. They weight smoothness by elapsed time, so the
coupling across a gap weakens with its length, and over longer ones it is not worth solving."""

TRACKING_GAP = 0.3
"""Seconds: shorter gaps in a track are filled with interpolated keypoints of reduced confidence."""

REPAIR_GAP = 0.25
"""Seconds: the stabilizer repairs across shorter gaps; the validator reports longer ones (`quality.limits`)."""

AWAY = 0.5
"""Seconds without a frame after which a person counts as absent in files for other programs.

Longer than the other limits, because a person who flickers looks worse than an interpolated one."""


STALL = 2.5
"""Multiple of the usual step nearby above which a step between neighbouring frames of a video counts as a pause."""

NEARBY = 5
"""Steps on either side whose median is the usual step: the frame rate of a video may change."""

LONG_PAUSE = 10.0
"""Seconds: pauses above this are left out of files for other programs, and split a track at any frame rate. If the
clock jumps, such a file or a uniform grid would otherwise be as long as the jump."""


def uninterrupted(
    times: np.ndarray, frames: np.ndarray | None, max_gap: float, cuts: np.ndarray | None = None
) -> list[slice]:
    """The contiguous pieces of a track (F,): split at its gaps of more than `max_gap` seconds, and at the cuts.

    A gap is missing frames, or a pause in the video: a step of more than `STALL` times the usual one nearby. A video of
    low frame rate is one piece, unless whole `LONG_PAUSE`s lie between its frames. frames (F,): of the clip, by default
    consecutive ones; cuts (C,): the frames at which a new shot begins.
    """
    step = np.diff(np.arange(len(times)) if frames is None else frames)
    seconds = np.diff(times)
    apart = (seconds > LONG_PAUSE) | ((seconds > max_gap) & ((step > 1) | pauses(times)))
    if cuts is not None and len(cuts) and frames is not None:
        apart |= np.diff(shot_of(frames, cuts)) > 0
    return split_after(apart, len(times))


def pauses(times: np.ndarray) -> np.ndarray:
    """Which steps between times (F,) are pauses, longer than `STALL` times the usual step nearby: (F - 1,) bool.

    "Usual" is the median of up to `NEARBY` steps before and after; the greater one counts, so that a lower frame rate
    is not a pause.
    """
    steps = np.diff(times)
    if len(steps) < 2 or steps.max() <= STALL * steps.min():
        return np.zeros(len(steps), dtype=bool)
    return np.asarray(steps > STALL * usual_steps(times))


def usual_steps(times: np.ndarray) -> np.ndarray:
    """The usual step near each step between times (F,), as in `pauses`, excluding the step itself: (F - 1,) seconds.

    NaN for a single step.
    """
    steps = np.diff(times)
    padded = np.concatenate([np.full(NEARBY, np.nan), steps, np.full(NEARBY, np.nan)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, NEARBY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # there is nothing before the first step
        usual = np.nanmedian(windows, axis=1)
    return np.asarray(np.fmax(usual[: len(steps)], usual[NEARBY + 1 :]))


def shot_of(frames: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """The number of the shot, from 0, of each of `frames` (F,). cuts (C,): the frames at which a new shot begins."""
    return np.asarray(np.searchsorted(cuts, frames, side="right"))


def shortened(times: np.ndarray, longest: float, step: float | None = None) -> np.ndarray:
    """Times (F,) whose steps of more than `longest` seconds are shortened to `step` (default: to `longest`)."""
    steps = np.diff(times)
    long = steps > longest
    if not long.any():
        return times
    return np.asarray(times - np.r_[0.0, np.cumsum(np.where(long, steps - (longest if step is None else step), 0.0))])


def near_in_time(times: np.ndarray, max_gap: float) -> list[slice]:
    """Segments of a track (F,) whose successive frames are at most `max_gap` seconds apart, at any frame rate."""
    return split_after(np.diff(times) > max_gap, len(times))


def split_after(apart: np.ndarray, count: int) -> list[slice]:
    """Slices that cover `count` frames, split after each frame i where apart (count - 1,) is True."""
    bounds = [0, *(np.flatnonzero(apart) + 1).tolist(), count] if count else []
    return [slice(a, b) for a, b in itertools.pairwise(bounds)]


def runs(state: np.ndarray) -> list[tuple[int, int]]:
    """The runs [first, last) in which a (F,) bool is True."""
    edges = np.flatnonzero(np.diff(np.r_[False, state, False].astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def fill_missing(values: np.ndarray, times: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """Fill missing values of (F, ...) by linear interpolation in time, column by column, held constant at the ends.

    times (F,), increasing. known: bool that broadcasts to the values' shape; by default the finite ones. Known values
    are unchanged, and so is a column without known values.
    """
    values = np.array(values, dtype=np.float64)
    known = np.isfinite(values) if known is None else np.broadcast_to(known, values.shape)
    flat, mask = values.reshape(len(values), -1), known.reshape(len(values), -1)
    for k in np.flatnonzero(mask.any(axis=0) & ~mask.all(axis=0)):
        seen = mask[:, k]
        flat[~seen, k] = np.interp(times[~seen], times[seen], flat[seen, k])
    return flat.reshape(values.shape)
