"""Where a track is interrupted, what lies between the interruptions, and values that are missing."""

from __future__ import annotations

import itertools

import numpy as np

SMOOTHING_GAP = 0.2
"""Seconds: filters and refiners smooth across shorter interruptions, and start anew after longer ones.

Beyond it a limb can have swung through, and smoothness would invent what it did.
"""

FIT_GAP = 0.4
"""Seconds: the fit and the world stage solve across shorter interruptions. They weigh smoothness by the time that
passed, so that a longer one only loosens what they know, until it is worth no equations any more."""

TRACKING_GAP = 0.3
"""Seconds: shorter interruptions of a track are filled with interpolated keypoints, at less confidence."""

REPAIR_GAP = 0.25
"""Seconds: the stabilizer smooths and leads across shorter interruptions; judged as gaps are (`quality.limits`)."""

AWAY = 0.5
"""Seconds without a frame after which somebody counts as away in a file for another program.

Longer than the other limits, because to hide a person for a moment is worse to look at than a guess."""


def uninterrupted(times: np.ndarray, frames: np.ndarray | None, max_gap: float) -> list[slice]:
    """Pieces of a track (F,) without an interruption of more than `max_gap` seconds.

    Only missing frames interrupt: a video whose frames are themselves far apart is one piece.
    """
    step = np.diff(np.arange(len(times)) if frames is None else frames)
    return _cut((step > 1) & (np.diff(times) > max_gap), len(times))


def near_in_time(times: np.ndarray, max_gap: float) -> list[slice]:
    """Pieces of a track (F,) whose neighbouring frames are at most `max_gap` seconds apart, whatever the frame rate."""
    return _cut(np.diff(times) > max_gap, len(times))


def _cut(apart: np.ndarray, count: int) -> list[slice]:
    """Slices that cover `count` frames, cut after each frame i with apart[i] (count - 1,)."""
    bounds = [0, *(np.flatnonzero(apart) + 1).tolist(), count] if count else []
    return [slice(a, b) for a, b in itertools.pairwise(bounds)]


def runs(state: np.ndarray) -> list[tuple[int, int]]:
    """The stretches [first, last) in which a (F,) bool is True."""
    edges = np.flatnonzero(np.diff(np.r_[False, state, False].astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def fill_missing(values: np.ndarray, times: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """Values (F, ...) whose missing ones are interpolated linearly in time, column by column, and held at the ends.

    times (F,), increasing. known: bool that broadcasts to the values' shape; by default what is finite. Known values
    stay as they are, and so does a column of which nothing is known.
    """
    values = np.array(values, dtype=np.float64)
    known = np.isfinite(values) if known is None else np.broadcast_to(known, values.shape)
    flat, mask = values.reshape(len(values), -1), known.reshape(len(values), -1)
    for k in np.flatnonzero(mask.any(axis=0) & ~mask.all(axis=0)):
        seen = mask[:, k]
        flat[~seen, k] = np.interp(times[~seen], times[seen], flat[seen, k])
    return flat.reshape(values.shape)
