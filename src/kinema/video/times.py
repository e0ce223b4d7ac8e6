"""Presentation times, repaired where a file's own are missing, repeated or run backwards."""

from __future__ import annotations

from fractions import Fraction

# A step back by more than this is taken for a clock that was reset (joined recordings), not for disorder.
_RESET_SECONDS = 1.0


class FrameClock:
    """Gives each decoded frame its time: strictly increasing seconds since `origin`.

    Files lie about times in a few ways, each handled and counted: a frame without a time comes one mean
    interval after its predecessor; one that repeats its predecessor's time or goes back a little
    comes half an interval after it, so that good times that follow stay untouched; a large step back
    is a clock reset, and the times from there on are moved to continue.
    """

    def __init__(self, time_base: Fraction, origin: int, fps: float) -> None:
        """time_base: seconds of one tick. origin: tick that is time 0. fps: mean frames per second."""
        self._time_base = time_base
        self._origin = origin
        self._interval = 1.0 / fps
        self._last: float | None = None
        self._shift = 0.0
        self.missing = 0
        self.disordered = 0
        self.resets = 0
        self.first_repair: float | None = None

    def stamp(self, ticks: int | None) -> float:
        """The time in seconds of the next frame, whose own time is `ticks` (None: it has none)."""
        time = self._repaired(ticks)
        self._last = time
        return time

    def _repaired(self, ticks: int | None) -> float:
        last = self._last
        if ticks is None:
            time = 0.0 if last is None else last + self._interval
            self.missing += 1
            self._note(time)
            return time
        time = float((ticks - self._origin) * self._time_base) + self._shift
        if last is None or time > last:
            return time
        if last - time > max(_RESET_SECONDS, 8 * self._interval):
            self.resets += 1
            repaired = last + self._interval
            self._shift += repaired - time
        else:
            self.disordered += 1
            repaired = last + self._interval / 2
        self._note(repaired)
        return repaired

    def _note(self, time: float) -> None:
        if self.first_repair is None:
            self.first_repair = time

    def report(self) -> list[str]:
        """A sentence for each kind of repair that was made."""
        out = []
        if self.missing:
            out.append(f"{self.missing} frames carried no time and were placed {1 / self._interval:.4g} to the second")
        if self.disordered:
            out.append(
                f"{self.disordered} frames had times that repeat or run backwards and were moved between their"
                f" neighbours (the first at {self.first_repair:.2f} s)"
            )
        if self.resets:
            out.append(
                f"the clock of the video starts again {self.resets} times (the first at {self.first_repair:.2f} s);"
                " the parts were joined without a gap"
            )
        return out
