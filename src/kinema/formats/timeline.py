"""The clip's time in files for other programs: without long pauses, and with nothing interpolated across a cut.

Those files have a frame for every moment, or a viewer plays them in real time. A paused recording, or one timestamp far
from all others, would make them as long as the pause. So if nobody is present for longer than
`kinema.temporal.gaps.LONG_PAUSE`, the time is left out for everybody, and noted. Kinema's own files and the CSV keep
the true times.
"""

from __future__ import annotations

import numpy as np

from kinema.formats.report import WriteReport
from kinema.motion import Motion
from kinema.person import Person
from kinema.temporal.gaps import LONG_PAUSE, shortened, shot_of


def without_pauses(motion: Motion, report: WriteReport | None = None) -> Motion:
    """The motion without its long pauses, noted in the report; a new shot begins one frame after each.

    A motion without long pauses is returned as it is.
    """
    people = [person.frames for person in motion if len(person)]
    used = np.unique(np.concatenate(people)) if people else np.zeros(0, dtype=np.int64)
    times = motion.times[used]
    long = np.flatnonzero(np.diff(times) > LONG_PAUSE)
    if not len(long):
        return motion
    step = 1 / motion.fps
    if report is not None:
        for row in long[:MOST_NOTES]:
            report.notes.add(
                f"nobody is there from {times[row]:.2f} to {times[row + 1]:.2f} s: the pause is left out, and what"
                f" follows comes {times[row + 1] - times[row] - step:.2f} s earlier"
            )
        if len(long) > MOST_NOTES:
            report.notes.add(f"{len(long) - MOST_NOTES} more pauses are left out")
    camera = None if motion.camera is None else motion.camera.at(used)
    cuts = np.union1d(np.searchsorted(used, motion.cuts), long + 1)
    return motion.replace(
        times=shortened(times, LONG_PAUSE, step),
        people=tuple(person.replace(frames=np.searchsorted(used, person.frames)) for person in motion),
        camera=camera,
        cuts=cuts[(cuts > 0) & (cuts < len(used))],
    )


MOST_NOTES = 8
"""Most pauses that are noted individually."""


def first_rows(person: Person, motion: Motion) -> np.ndarray:
    """The rows (K,) of a person at which a new shot begins."""
    return np.flatnonzero(np.diff(shot_of(person.frames, motion.cuts)) > 0) + 1


def held_at_cuts(grid: np.ndarray, times: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Moments (M,) at which to take the values of a track at times (F,), so that none lies between two shots.

    grid (M,): the requested moments; first (K,): rows at which a shot begins. Between two shots the nearer frame is
    held.
    """
    held = grid
    for row in first.tolist():
        before, after = times[row - 1], times[row]
        between = (grid > before) & (grid < after)
        if between.any():
            held = np.where(between, np.where(grid - before <= after - grid, before, after), held)
    return held
