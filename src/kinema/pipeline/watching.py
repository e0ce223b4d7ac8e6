"""Following a run: the pipeline notifies a `RunWatcher`, which displays it in its own way or not at all."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from kinema.progress import Progress, silent


@dataclass(frozen=True)
class StageTime:
    """One stage of a run: its name, the seconds it took, and whether an earlier run's result was reused."""

    name: str
    seconds: float
    reused: bool = False


class RunWatcher:
    """Receives the events of a run. This one stays silent; the command line's draws progress bars."""

    def start(self, stage: str) -> Progress:
        """A stage begins. Returns the callback for its progress."""
        return silent

    def done(self, time: StageTime) -> None:
        """A stage has finished, or its result was reused."""

    def note(self, sentence: str) -> None:
        """A message for the user that does not stop the run."""


@contextlib.contextmanager
def timed(watcher: RunWatcher, stage: str, times: list[StageTime] | None = None) -> Iterator[Progress]:
    """Announce a stage, time it and announce its end; adds it to `times`. A stage that fails has no end."""
    begin = time.perf_counter()
    yield watcher.start(stage)
    taken = StageTime(stage, time.perf_counter() - begin)
    watcher.done(taken)
    if times is not None:
        times.append(taken)
