"""The frame rate of a clip, from the times of its frames."""

from __future__ import annotations

import numpy as np

DEFAULT_RATE = 30.0
"""Frames per second of a clip of fewer than two frames."""

SHORT, LONG = 0.4, 1.6
"""Steps between these multiples of the median step count for the clip's rate. The two steps of 2:3 pulldown differ by a
factor of 1.5; a step over a missing frame is twice as long."""

UNEVEN = 0.05
"""Relative spread of the steps above which their mean depends on where the clip begins and ends."""


def frame_rate(times: np.ndarray) -> float:
    """Frames per second from the times (T,) in seconds of the frames that exist.

    From the usual steps alone: dropped frames, pauses and a clock that jumps make no difference. The two steps of 2:3
    pulldown count alike. If the rate changes, the rate of most frames counts.
    """
    steps = np.diff(times)
    if not len(steps):
        return DEFAULT_RATE
    typical = float(np.median(steps))
    usual = (steps >= SHORT * typical) & (steps <= LONG * typical)
    if usual.all() and np.ptp(steps) <= UNEVEN * typical:
        return float(len(steps) / (times[-1] - times[0]))
    if not usual.any():  # half of the steps are far shorter than the other half
        typical = float(np.sort(steps)[len(steps) // 2])
        usual = (steps >= SHORT * typical) & (steps <= LONG * typical)
    steps = steps[usual]
    if np.ptp(steps) <= UNEVEN * typical:
        return float(len(steps) / steps.sum())
    # Least squares: one more of one kind of alternating steps makes no difference.
    clock, count = np.r_[0.0, np.cumsum(steps)], np.arange(len(steps) + 1.0)
    count -= count.mean()
    return float(count @ count / (count @ clock))
