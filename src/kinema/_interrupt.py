"""Ctrl-C while the program begins, and when it has ended: one line, as at any other time. Loads next to nothing."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False  # as in kinema/__init__.py
if TYPE_CHECKING:
    from types import FrameType

STOPPED = 130
"""Exit code after Ctrl-C."""


def stop_at_once(number: int, frame: FrameType | None) -> None:
    """End the process with its one line: an exception would not always come through the midst of an import."""
    try:
        os.write(2, b"kinema: stopped\n")
    finally:
        os._exit(STOPPED)


def take_over() -> None:
    """From now on Ctrl-C ends this process at once, unless it is ignored, as in the background of a shell."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, stop_at_once)
