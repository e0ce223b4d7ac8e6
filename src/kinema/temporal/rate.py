"""The frame rate of a clip, from the times of its frames."""

from __future__ import annotations

import numpy as np

DEFAULT_RATE = 30.0
"""Frames per second of a clip of fewer than two frames."""

SHORT, LONG = 0.4, 1.6
"""Steps between these multiples of the median step belong to the clip's rate. The two steps of 2:3 pulldown are a
factor of 1.5 apart; a step with a frame missing is twice as long."""

UNEVEN = 0.05
"""Relative spread of the steps above which their mean depends on where the clip begins and ends."""


def frame_rate(times: np.ndarray) -> float:
    """Frames per second of times (T,) seconds, of the frames that are there.

    From the usual steps alone: dropped frames, pauses and a clock that jumps make no difference. The two steps of 2:3
    pulldown count alike. Where the rate changes, the one of most frames counts.
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
    # Least squares: alternating steps of which there is one more of one kind leave no trace.
    clock, count = np.r_[0.0, np.cumsum(steps)], np.arange(len(steps) + 1.0)
    count -= count.mean()
    return float(count @ count / (count @ clock))
