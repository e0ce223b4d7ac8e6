"""Following a run: the pipeline notifies a `RunWatcher`, which displays it in its own way or not at all."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from kinema.errors import UsageError
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
def following(watcher: RunWatcher | None, progress: bool | None) -> Iterator[RunWatcher]:
    """The watcher of a run called from Python: the caller's own, or one that shows progress and notes on stderr.

    progress: whether it shows them; None: if somebody can see them, in a terminal or a notebook. Raises UsageError if
    both are given.
    """
    if watcher is not None and progress is not None:
        raise UsageError("a watcher shows the progress in its own way; leave out `progress`, or the watcher")
    if watcher is not None or not (somebody_looks() if progress is None else progress):
        yield watcher or RunWatcher()
        return
    from kinema.pipeline.showing import watcher as shown_on_stderr

    with shown_on_stderr(quiet=False) as shown:
        yield shown


def somebody_looks() -> bool:
    """Whether stderr is a terminal or the output of a notebook."""
    if sys.stderr is not None and sys.stderr.isatty():
        return True
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"


@contextlib.contextmanager
def timed(watcher: RunWatcher, stage: str, times: list[StageTime] | None = None) -> Iterator[Progress]:
    """Announce a stage, time it and announce its end; adds it to `times`. A stage that fails has no end."""
    begin = time.perf_counter()
    yield watcher.start(stage)
    taken = StageTime(stage, time.perf_counter() - begin)
    watcher.done(taken)
    if times is not None:
        times.append(taken)
