"""Showing a run's progress on stderr: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TextIO

from rich.progress import BarColumn, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from kinema.options import in_flags
from kinema.pipeline.watching import RunWatcher, StageTime
from kinema.storage.text import one_line
from kinema.terminal import console

if TYPE_CHECKING:
    from kinema.progress import Progress

TITLES = {
    "render": "rendering clip",
    "weights": "downloading networks",
    "files": "writing files",
    "overlay": "rendering overlay",
    "segment": "making masks",
}
"""Titles of the parts of a run that are not stages; stages have their own titles."""

_LINE_EVERY = 10.0
_WIDE, _MIDDLE = 72, 56
"""Columns of a terminal from which the bar itself, and the elapsed time, have room beside the numbers."""
_SAMPLE = 0.01
"""Share of the work done before the remaining time is shown: the first steps include loading."""


def title(stage: str) -> str:
    """The displayed title of a stage or of another part of a run."""
    if stage in TITLES:
        return TITLES[stage]
    from kinema.pipeline.registry import BUILT_IN, added_stages

    found = BUILT_IN.get(stage) or added_stages().get(stage)
    return one_line(stage if found is None else found.title)


def _count(stage: str, done: int) -> str:
    """A count of frames and the like as a number; for a download, bytes in megabytes."""
    return f"{done / 1e6:.1f} MB" if stage == "weights" else str(done)


class _Counts(ProgressColumn):
    """Done and total of a bar, in the words of `_count`."""

    def render(self, task: Task) -> Text:
        stage = task.fields["stage"]
        done, total = _count(stage, int(task.completed)), "?" if task.total is None else _count(stage, int(task.total))
        shared = " MB" if done.endswith(" MB") and total.endswith(" MB") else ""
        return Text(f"{done.removesuffix(shared):>{len(total) - len(shared)}}/{total}", style="progress.download")


def _columns(width: int) -> list[ProgressColumn]:
    """What a terminal of this width has room for: the numbers before the elapsed time, and that before the bar."""
    columns: list[ProgressColumn] = [TextColumn("{task.description:<21}", markup=False)]
    if width >= _WIDE:
        columns.append(BarColumn(bar_width=min(28, width - 52)))
    columns.append(_Counts())
    if width >= _MIDDLE:
        columns += [TimeElapsedColumn(), TextColumn("left:")]
    return [*columns, TimeRemainingColumn(compact=True)]


class BarWatcher(RunWatcher):
    """A progress bar for each stage, with the remaining time, for terminals. Use as a context manager."""

    def __init__(self, flags: Mapping[str, str] = MappingProxyType({})) -> None:
        self._flags = flags
        terminal = console(stderr=True)
        self._bars = Bars(*_columns(terminal.width), console=terminal)
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> BarWatcher:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def start(self, stage: str) -> Progress:
        task = self._tasks[stage] = self._bars.add_task(title(stage), total=None, stage=stage)

        def progress(done: int, total: int | None) -> None:
            self._bars.update(task, completed=done, total=None if total is None else max(total, done))

        return progress

    def done(self, time: StageTime) -> None:
        if time.reused:
            self._bars.console.print(f"{title(time.name):<21} already done")
            return
        task = self._bars.tasks[self._tasks[time.name]]
        total = task.total if task.total is not None else max(task.completed, 1)
        self._bars.update(self._tasks[time.name], completed=total, total=total)

    def note(self, sentence: str) -> None:
        self._bars.console.print(f"note: {one_line(in_flags(sentence, self._flags))}", style="yellow")


class LineWatcher(RunWatcher):
    """Plain lines for logs and pipes: one at the end of each stage, and one every ten seconds."""

    def __init__(
        self,
        stream: TextIO | None = None,
        every: float = _LINE_EVERY,
        flags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._flags = flags
        self._stream = stream or sys.stderr
        self._every = every

    def __enter__(self) -> LineWatcher:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def start(self, stage: str) -> Progress:
        begin = last = time.monotonic()

        def progress(done: int, total: int | None) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last < self._every:
                return
            last = now
            line = f"{title(stage)}: {_count(stage, done)}"
            if total:
                line += f" of {_count(stage, total)}"
                if done >= total * _SAMPLE:
                    line += f", about {(now - begin) / max(done, 1) * max(total - done, 0):.0f} s left"
            self._print(line)

        return progress

    def done(self, time: StageTime) -> None:
        self._print(f"{title(time.name)}: " + ("already done" if time.reused else f"{time.seconds:.1f} s"))

    def note(self, sentence: str) -> None:
        self._print(f"note: {one_line(in_flags(sentence, self._flags))}")

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class QuietWatcher(RunWatcher):
    """Prints nothing."""

    def __enter__(self) -> QuietWatcher:
        return self

    def __exit__(self, *error: object) -> None:
        return None


def watcher(*, quiet: bool, flags: Mapping[str, str] | None = None) -> BarWatcher | LineWatcher | QuietWatcher:
    """The watcher that suits stderr. flags: the command-line flag of each setting, for notes."""
    if quiet:
        return QuietWatcher()
    return BarWatcher(flags or {}) if sys.stderr.isatty() else LineWatcher(flags=flags or {})
