"""Gaps in a track: splitting at them, the runs in between, and filling missing values."""

from __future__ import annotations

import itertools

import numpy as np

SMOOTHING_GAP = 0.2
"""Seconds: filters and refiners smooth across shorter gaps, and restart after longer ones.

Over a longer gap a limb can complete a swing, and smoothing would invent its motion.
"""

FIT_GAP = 0.4
"""Seconds: the fit and the world stage solve across shorter gaps. They weight smoothness by elapsed time, so the
coupling across a gap weakens with its length, until it is no longer worth its equations."""

TRACKING_GAP = 0.3
"""Seconds: shorter gaps in a track are filled with interpolated keypoints of reduced confidence."""

REPAIR_GAP = 0.25
"""Seconds: the stabilizer repairs across shorter gaps; the validator reports longer ones (`quality.limits`)."""

AWAY = 0.5
"""Seconds without a frame after which a person counts as absent in files for other programs.

Longer than the other limits, because a person who flickers looks worse than an interpolated one."""


def uninterrupted(times: np.ndarray, frames: np.ndarray | None, max_gap: float) -> list[slice]:
    """Segments of a track (F,) without a gap of more than `max_gap` seconds.

    Only missing frames make a gap: a video of low frame rate is one segment.
    """
    step = np.diff(np.arange(len(times)) if frames is None else frames)
    return _cut((step > 1) & (np.diff(times) > max_gap), len(times))


def near_in_time(times: np.ndarray, max_gap: float) -> list[slice]:
    """Segments of a track (F,) whose neighbouring frames are at most `max_gap` seconds apart, at any frame rate."""
    return _cut(np.diff(times) > max_gap, len(times))


def _cut(apart: np.ndarray, count: int) -> list[slice]:
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
    are unchanged, and so is a column without any.
    """
    values = np.array(values, dtype=np.float64)
    known = np.isfinite(values) if known is None else np.broadcast_to(known, values.shape)
    flat, mask = values.reshape(len(values), -1), known.reshape(len(values), -1)
    for k in np.flatnonzero(mask.any(axis=0) & ~mask.all(axis=0)):
        seen = mask[:, k]
        flat[~seen, k] = np.interp(times[~seen], times[seen], flat[seen, k])
    return flat.reshape(values.shape)
