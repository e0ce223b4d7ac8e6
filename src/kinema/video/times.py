"""Presentation times, repaired where the file's are missing, repeated or running backwards."""

from __future__ import annotations

from array import array
from fractions import Fraction

import numpy as np

from kinema.errors import plural

# A frame that arrives later than this after its time, while others continue, is an artefact of corruption.
_LATE_INTERVALS = 2.0
# This many late frames in a row are not an artefact: the file's clock was reset.
_RESET_AFTER = 32

# Steps between frames within this share of the usual one count as regular: 2:3 pulldown alternates by 1.5.
_REGULAR = (0.45, 1.55)
_REGULAR_SHARE = 0.8
# A gap is longer than all of these: usual steps, seconds; for clips with a regular rate, and for others.
_GAP = (3.5, 0.1)
_IRREGULAR_GAP = (5.0, 0.5)
_NEIGHBOURS = 5


class FrameClock:
    """Gives each decoded frame its time: strictly increasing seconds since `origin`.

    Timestamps can be wrong in a few ways, each handled and counted: a frame without a time is placed one mean
    interval after its predecessor; one that repeats its predecessor's time or goes back a little
    is placed half an interval after it, so that valid times that follow stay unchanged; one that goes back
    further is dropped; and if that continues, the clock was reset, and the times from there on are shifted to
    continue.
    """

    def __init__(self, time_base: Fraction, origin: int, fps: float) -> None:
        """time_base: seconds of one tick. origin: tick that is time 0. fps: mean frames per second."""
        self._time_base = time_base
        self._origin = origin
        self._interval = 1.0 / fps
        self._last: float | None = None
        self._shift = 0.0
        self._late_in_a_row = 0
        self._count = 0
        self.missing = 0
        self.disordered: list[float] = []
        self.late: list[float] = []

    def stamp(self, ticks: int | None) -> float | None:
        """The time in seconds of the next frame, whose own time is `ticks` (None: it has none).

        None: the frame is too late to be displayed and must be dropped.
        """
        time = self._next(ticks)
        if time is not None:
            self._last = time
        return time

    def _next(self, ticks: int | None) -> float | None:
        last = self._last
        if ticks is None:
            # Counted from the first of a run of such frames, so that rounding errors do not accumulate.
            if self._count == 0:
                self._run_start = 0.0 if last is None else last + self._interval
            time = self._run_start + self._count * self._interval
            self._count += 1
            self.missing += 1
            return time
        self._count = 0
        time = float((ticks - self._origin) * self._time_base) + self._shift
        if last is None or time > last:
            self._late_in_a_row = 0
            return time
        if last - time <= _LATE_INTERVALS * self._interval:
            self.disordered.append(last)
            return last + self._interval / 2
        self._late_in_a_row += 1
        if self._late_in_a_row <= _RESET_AFTER:
            self.late.append(last)
            return None
        self._late_in_a_row = 0
        self._shift += last + self._interval - time
        return last + self._interval

    def report(self) -> list[str]:
        """One sentence for each kind of repair made."""
        out = []
        if self.missing:
            out.append(f"{plural(self.missing, 'frame')} without a time: spaced at {1 / self._interval:.4g} per second")
        if self.disordered:
            out.append(
                f"{plural(len(self.disordered), 'frame')} with a time that repeats or runs backwards (the first at"
                f" {self.disordered[0]:.2f} s): moved between the neighbours"
            )
        if self.late:
            out.append(
                f"{plural(len(self.late), 'frame')} out of order because of corruption (the first at"
                f" {self.late[0]:.2f} s): dropped"
            )
        return out


class Gaps:
    """Finds the spans without frames in a clip, relative to its usual step from frame to frame."""

    def __init__(self) -> None:
        self._times = array("d")

    def add(self, time: float) -> None:
        """The time of the next frame, seconds."""
        self._times.append(time)

    def report(self) -> list[str]:
        """A sentence about the gaps, with the number of missing frames if the rate is regular otherwise."""
        times = np.array(self._times)
        steps = np.diff(times)
        if len(steps) < 2:
            return []
        usual = float(np.median(steps))
        regular = (steps >= _REGULAR[0] * usual) & (steps <= _REGULAR[1] * usual)
        missing = 0
        if regular.mean() >= _REGULAR_SHARE:
            usual = float(steps[regular].mean())
            found = np.flatnonzero((steps > _GAP[0] * usual) & (steps > _GAP[1]))
            missing = int((np.rint(steps[found] / usual) - 1).sum())
        else:
            found = np.flatnonzero(steps > _IRREGULAR_GAP[1])
            found = np.array([i for i in found if steps[i] > _IRREGULAR_GAP[0] * _usual_around(steps, i)], int)
        if not len(found):
            return []
        longest = found[np.argmax(steps[found])]
        span = f"from {times[longest]:.2f} to {times[longest + 1]:.2f} s"
        count = "" if not missing else f", where {plural(missing, 'frame')} {'is' if missing == 1 else 'are'} missing"
        return [
            f"{plural(len(found), 'gap')} without frames ({'' if len(found) == 1 else 'the longest '}{span}){count}"
        ]


def _usual_around(steps: np.ndarray, index: int) -> float:
    """The usual step before or after a step, whichever is longer: a change of the rate is not a gap."""
    sides = steps[max(index - _NEIGHBOURS, 0) : index], steps[index + 1 : index + 1 + _NEIGHBOURS]
    return max((float(np.median(side)) for side in sides if len(side)), default=0.0)
