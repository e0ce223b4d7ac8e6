"""The offset between two clocks, from the same movement seen by both: the shift at which angles agree best.

Angles between limbs do not depend on the frame of reference, the heading or the size of the body, so both sides have
the same angles, up to the errors of the result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.signal import correlate

from kinema.errors import UsageError

GRID = 0.01
"""Seconds: the step at which shifts are tried; the best is refined by a parabola."""

LEAST_OVERLAP = 1.0
"""Seconds of overlap required, or half of the shorter series if that is less."""

_AGREES = 0.6
"""Correlation above which two movements count as the same."""

_RIVAL = 0.05
"""Correlation by which the best shift must exceed all shifts more than `_APART` seconds away."""

_APART = 0.3

_SURE, _BETTER = 0.8, 0.2
"""Correlation, and its gain, above which a note recommends a shift."""


@dataclass(frozen=True)
class Shift:
    """The best shift between two clocks.

    seconds: to add to the truth's times, in whole milliseconds. correlation: of the angles at this shift, up to 1.
    rival: the second-best shift of a periodic movement, which agrees nearly as well; None if there is none.
    unshifted: the correlation without a shift, NaN where the two hardly overlap.
    """

    seconds: float
    correlation: float
    rival: float | None
    unshifted: float = math.nan

    @property
    def note(self) -> str:
        """The shift as a sentence."""
        said = (
            f"the truth's times were shifted by {self.seconds:+.3f} s, where its movement agrees best with the result's"
        )
        said += f" (correlation {self.correlation:.2f})"
        if self.rival is not None:
            said += f"; the movement repeats itself, and {self.rival:+.2f} s agrees nearly as well: check it"
        return said

    @property
    def warning(self) -> str | None:
        """A sentence if the clocks seem to differ though no shift was asked for, else None."""
        worse = self.unshifted < self.correlation - _BETTER
        if not worse or self.correlation < _SURE or abs(self.seconds) < 0.1:
            return None
        return (
            f"the clocks may differ: shifted by {self.seconds:+.2f} s, the truth's movement agrees better with the"
            f" result's (correlation {self.correlation:.2f} instead of {self.unshifted:.2f}); set `offset` to auto"
        )


def find_shift(ours: np.ndarray, our_times: np.ndarray, theirs: np.ndarray, true_times: np.ndarray) -> Shift | None:
    """The shift of the truth's clock at which signals (T, K) and (S, K), NaN where unknown, agree best.

    The correlation is over all signals together, each with its mean over the overlap removed. None if the two do not
    share enough known moments at any shift, or nothing moves.
    """
    if len(our_times) < 3 or len(true_times) < 3:
        return None
    a, b = _on_grid(ours, our_times), _on_grid(theirs, true_times)
    needed = min(LEAST_OVERLAP / GRID, 0.5 * min(len(a), len(b)))
    covariance, power_a, power_b = np.zeros((3, len(a) + len(b) - 1))
    for k in range(a.shape[1]):
        known_x, known_y = np.isfinite(a[:, k]).astype(np.float64), np.isfinite(b[:, k]).astype(np.float64)
        if not known_x.any() or not known_y.any():
            continue
        x, y = (np.nan_to_num(each - np.nanmean(each)) for each in (a[:, k], b[:, k]))
        count = np.round(correlate(known_x, known_y, method="fft"))
        enough = count >= needed
        number = np.where(enough, count, 1.0)
        mean_x, mean_y = correlate(x, known_y, method="fft"), correlate(known_x, y, method="fft")
        covariance += np.where(enough, correlate(x, y, method="fft") - mean_x * mean_y / number, 0.0)
        power_a += np.where(enough, correlate(x * x, known_y, method="fft") - mean_x**2 / number, 0.0)
        power_b += np.where(enough, correlate(known_x, y * y, method="fft") - mean_y**2 / number, 0.0)
    power = np.sqrt(np.maximum(power_a, 0) * np.maximum(power_b, 0))
    least = 1e-6 * float(power.max(initial=0.0))
    agreement = np.divide(covariance, power, out=np.full_like(power, -1.0), where=power > max(least, 1e-9))
    best = int(np.argmax(agreement))
    if agreement[best] <= 0:
        return None
    lag = best + _peak(agreement[max(best - 1, 0) : best + 2])
    far = np.abs(np.arange(len(agreement)) - best) * GRID > _APART
    others = np.where(far, agreement, -1.0)
    second = int(np.argmax(others))
    start = float(our_times[0] - true_times[0]) - (len(b) - 1) * GRID
    rival = start + second * GRID if others[second] > agreement[best] - _RIVAL else None
    still = round(-start / GRID)
    unshifted = float(agreement[still]) if 0 <= still < len(agreement) and agreement[still] > -1 else math.nan
    return Shift(round(start + lag * GRID, 3) + 0.0, float(agreement[best]), rival, unshifted)


def require_shift(shift: Shift | None, source: str) -> Shift:
    """The shift, if the two movements agree. Raises UsageError."""
    if shift is None or shift.correlation < _AGREES:
        found = "" if shift is None else f"; the best correlation is {shift.correlation:.2f}, at {shift.seconds:+.2f} s"
        raise UsageError(
            f"no shift in time makes the movement of {source} agree with the result's{found}; set `offset` to seconds"
        )
    return shift


def _on_grid(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(M, K) at `GRID`, linear between known neighbours at most 0.2 s apart, NaN elsewhere."""
    grid = np.arange(times[0], times[-1] + GRID / 2, GRID)
    out = np.full((len(grid), values.shape[1]), np.nan)
    for k, column in enumerate(values.T):
        known = np.isfinite(column)
        if known.sum() < 2:
            continue
        at = times[known]
        after = np.clip(np.searchsorted(at, grid), 1, len(at) - 1)
        near = (at[after] - at[after - 1] <= 0.2) & (grid >= at[0]) & (grid <= at[-1] + 1e-9)
        out[near, k] = np.interp(grid[near], at, column[known])
    return out


def _peak(three: np.ndarray) -> float:
    """Place of the top of the parabola through three values around the largest, relative to the middle one."""
    if len(three) < 3 or three.min() <= -1:
        return 0.0
    curvature = three[0] - 2 * three[1] + three[2]
    return 0.0 if curvature >= 0 else float(0.5 * (three[0] - three[2]) / curvature)
