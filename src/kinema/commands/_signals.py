"""SIGTERM and SIGHUP stop a command as Ctrl-C does: finished work is kept, children end, the exit code says which."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from kinema._interrupt import STOPPED, stop_at_once

_NAMES = ("SIGTERM", "SIGHUP")  # Windows has the first alone


class Stopped(KeyboardInterrupt):
    """The process was told to stop. number: of the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


def exit_code(stop: KeyboardInterrupt) -> int:
    """The exit code of a command that was stopped: 130 for Ctrl-C, otherwise 128 plus the signal's number."""
    return 128 + stop.number if isinstance(stop, Stopped) else STOPPED


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C while the block runs, also where it ends the process before and after."""
    at_once = signal.getsignal(signal.SIGINT) is stop_at_once
    if at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if at_once:
            signal.signal(signal.SIGINT, stop_at_once)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` on SIGTERM and SIGHUP while the block runs. A signal that is ignored (nohup) stays so."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        known = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in known}
    ours = [number for number, handler in before.items() if handler is signal.SIG_DFL]

    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if not stopping:  # one is enough: a second one would cut the tidying short
            stopping = True
            raise Stopped(number)

    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
