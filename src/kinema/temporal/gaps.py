"""Where a track is interrupted, and what lies between the interruptions."""

from __future__ import annotations

import itertools

import numpy as np


def uninterrupted(times: np.ndarray, frames: np.ndarray | None, max_gap: float) -> list[slice]:
    """Pieces of a track (F,) without an interruption of more than `max_gap` seconds.

    Only missing frames interrupt: a video whose frames are themselves far apart is one piece.
    """
    if not len(times):
        return []
    step = np.diff(np.arange(len(times)) if frames is None else frames)
    cuts = np.flatnonzero((step > 1) & (np.diff(times) > max_gap)) + 1
    bounds = [0, *cuts.tolist(), len(times)]
    return [slice(a, b) for a, b in itertools.pairwise(bounds)]
