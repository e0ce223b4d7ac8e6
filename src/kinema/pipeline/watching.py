"""How somebody follows a run: the stages tell a `RunWatcher`, which shows it in its own way or not at all."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from kinema.progress import Progress, silent


@dataclass(frozen=True)
class StageTime:
    """One stage of a run: its name, the seconds it took, and whether an earlier run had done it."""

    name: str
    seconds: float
    reused: bool = False


class RunWatcher:
    """Is told what a run does. This one stays silent; the command line's draws bars."""

    def start(self, stage: str) -> Progress:
        """A stage begins; what is returned is called with its progress."""
        return silent

    def done(self, time: StageTime) -> None:
        """A stage has ended, or was found done."""

    def note(self, sentence: str) -> None:
        """Something that a person should know and that does not stop the run."""


@contextlib.contextmanager
def timed(watcher: RunWatcher, stage: str, times: list[StageTime] | None = None) -> Iterator[Progress]:
    """Announce a stage, time it, announce its end; `times` gets its entry. What fails has no end."""
    begin = time.perf_counter()
    yield watcher.start(stage)
    taken = StageTime(stage, time.perf_counter() - begin)
    watcher.done(taken)
    if times is not None:
        times.append(taken)
