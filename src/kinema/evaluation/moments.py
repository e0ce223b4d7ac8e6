"""The moments at which a result and the truth are compared: frames of the result, and the truth at their times.

A frame of the result is never changed. Where the truth has a row at its time, that row is taken as it is; otherwise the
truth is interpolated there (`kinema.evaluation.sampling`). The nearest row instead would shift the truth back and forth
by up to half its step; with 100 rows and 60 frames per second that saw-tooth exceeds most accelerations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kinema.evaluation.sampling import LONGEST, sample_truth, truth_at_rows
from kinema.evaluation.truth import Truth
from kinema.motion import Motion
from kinema.temporal.gaps import shot_of
from kinema.temporal.rate import frame_rate

SAME = 1e-4
"""Seconds: rows closer than this are at the same moment."""

SLOWER = 1.5
"""If the truth's step is longer than this multiple of the result's, one frame is compared for each row of the truth."""

_GAP = 1.5
"""Steps longer than this multiple of the median are gaps: no acceleration or jerk is taken across them."""

_ROUNDED = (0.01, 0.001, 0.0001)
"""Seconds: units that files round times to."""

_ROUNDS = 3
"""Iterations of counting the frames, each with the previous estimate of the rate."""


@dataclass(frozen=True, eq=False)
class Moments:
    """The N moments that are compared.

    rows (N,): frames of the result. times (N,): seconds. truth: the truth at these moments, N rows. pieces (N,) int:
    motion is not differentiated between moments of different pieces, which belong to different shots. largest_step:
    seconds; nor across longer steps. interpolated: whether the truth was. largest_difference: seconds between a frame
    and the row of the truth that it is compared with.
    """

    rows: np.ndarray
    times: np.ndarray
    truth: Truth
    pieces: np.ndarray
    largest_step: float
    interpolated: bool
    largest_difference: float

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Pairing:
    """Which frames of the result are compared, by the times of both sides alone.

    rows (N,): of the result; times (N,): their times. truth_rows (N,): the truth's rows at these times; None if the
    truth is interpolated, through rows at `truth_times` (T,). largest_step, largest_difference: as in `Moments`.
    """

    rows: np.ndarray
    times: np.ndarray
    truth_rows: np.ndarray | None
    truth_times: np.ndarray
    largest_step: float
    largest_difference: float


def pair_times(ours: np.ndarray, theirs: np.ndarray) -> Pairing:
    """The frames of a result at `ours` (F,) that are compared with a truth at `theirs` (T,), both in seconds.

    If the rows of the truth lie on the result's frames, those are compared as they are. Otherwise every frame at which
    the truth can be interpolated is compared; for a truth `SLOWER` than the result, only the frames nearest to its
    rows, so that little is interpolated and both are differentiated at the lower rate. Times rounded to milliseconds or
    hundredths are made uniform first, because a time that is wrong by half a millisecond moves an interpolated wrist
    accordingly. A truth with all rows more than `LONGEST` apart is neither interpolated nor differentiated: each row is
    compared with the nearest frame.
    """
    sparse = len(theirs) < 2 or bool(np.min(np.diff(theirs)) > LONGEST)
    for even in (False, True):
        if even:
            ours, theirs = without_rounding(ours), without_rounding(theirs)
        rows, truth_rows = match_times(ours, theirs)
        late = float(np.max(np.abs(ours[rows] - theirs[truth_rows]), initial=0.0))
        if not len(rows) or late <= SAME or sparse:
            times = theirs[truth_rows]
            longest = LONGEST if sparse else _GAP * _usual(times)
            return Pairing(rows, times, truth_rows, theirs, longest, late)
    step, truth_step = _step(ours), _step(theirs)
    if truth_step > SLOWER * step:
        # Frames nearest to neighbouring rows are at most one step of the truth plus one of the result apart.
        longest = max(_GAP * _usual(ours[rows]), truth_step + step)
    else:
        rows, longest = np.arange(len(ours)), _GAP * step
    return Pairing(rows, ours[rows], None, theirs, longest, 0.0)


def common_moments(result: Motion, truth: Truth) -> Moments:
    """The moments at which both are known (`pair_times`); none if they do not overlap."""
    pairing = pair_times(result.times, truth.times)
    rows, times = pairing.rows, pairing.times
    if pairing.truth_rows is not None:
        known = truth_at_rows(truth, pairing.truth_rows)
    else:
        sampled = sample_truth(truth, pairing.truth_times, times, SAME)
        there = np.flatnonzero(np.any([person.present for person in sampled.people], axis=0))
        known, rows, times = truth_at_rows(sampled, there), rows[there], times[there]
    return Moments(
        rows=rows,
        times=times,
        truth=known,
        pieces=shot_of(rows, result.cuts) + np.searchsorted(truth.times[truth.cuts], times + SAME, side="right"),
        largest_step=pairing.largest_step,
        interpolated=pairing.truth_rows is None,
        largest_difference=pairing.largest_difference,
    )


def match_times(result: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows at nearly the same moment: indices into result (N,) and into truth (N,), both increasing.

    Each row of the series with the lower rate takes the nearest row of the other, if it lies within half a step
    of the other; no row is used twice.
    """
    result, truth = np.asarray(result, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if not len(result) or not len(truth):
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    slow, fast, swapped = result, truth, False
    if _step(truth) > _step(result):
        slow, fast, swapped = truth, result, True
    right = np.clip(np.searchsorted(fast, slow), 1, max(len(fast) - 1, 1))
    right = np.minimum(right, len(fast) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(np.abs(fast[left] - slow) <= np.abs(fast[right] - slow), left, right)
    apart = np.abs(fast[nearest] - slow)
    # A little over half a step, so that two series of the same rate shifted by half a step match.
    near = apart <= 0.501 * min(_step(fast), _step(slow))
    pairs: dict[int, int] = {}
    for row in np.flatnonzero(near):
        other = pairs.get(int(nearest[row]))
        if other is None or apart[row] < apart[other]:
            pairs[int(nearest[row])] = int(row)
    fast_rows = np.array(sorted(pairs), dtype=int)
    slow_rows = np.array([pairs[int(row)] for row in fast_rows], dtype=int)
    return (fast_rows, slow_rows) if swapped else (slow_rows, fast_rows)


def without_rounding(times: np.ndarray) -> np.ndarray:
    """Times (T,) of a constant rate that a file rounded to milliseconds or hundredths, with the rounding undone.

    The line through the frames' numbers, if it explains every time up to the rounding; frames may be missing. Other
    times are returned as they are.
    """
    if len(times) < 3:
        return times
    since = times - times[0]
    unit = next((u for u in _ROUNDED if np.max(np.abs(since - u * np.round(since / u))) < 1e-7), None)
    if unit is None:
        return times
    # The steps give a rough count of the frames; the rate from it gives the exact count.
    number = np.r_[0, np.cumsum(np.maximum(np.round(np.diff(times) * frame_rate(times)), 1))]
    for _ in range(_ROUNDS):
        line = np.polynomial.Polynomial.fit(number, times, 1).convert().coef
        number = np.round((times - line[0]) / line[1])
        if np.any(np.diff(number) < 1):
            return times
    even = np.polynomial.Polynomial.fit(number, times, 1)(number)
    return np.asarray(even) if np.max(np.abs(even - times)) <= 0.55 * unit else times


def _usual(times: np.ndarray) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else math.inf


def _step(times: np.ndarray) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 1 / 30
