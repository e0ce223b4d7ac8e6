"""Reports of readers and writers: the files written, and what was assumed, interpolated or left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

MAX_LISTED = 12
"""Most keys of a file that a note lists."""


class Notes:
    """A reader's assumptions, changes and omissions: sentences, each kept once."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}

    def add(self, sentence: str) -> None:
        self._sentences[sentence] = None

    def left_out(self, present: Mapping[Any, Any], known: Iterable[str]) -> None:
        """Note the keys of a file that the motion does not keep. (None in an unpickled dict does not count.)"""
        filled = [key for key in present if not isinstance(present, dict) or present[key] is not None]
        others = sorted({str(key) for key in filled} - set(known))
        if others:
            more = f" and {len(others) - MAX_LISTED} more" if len(others) > MAX_LISTED else ""
            self.add(f"left out: {', '.join(others[:MAX_LISTED])}{more}")

    def __iter__(self) -> Any:
        return iter(self._sentences)


class WriteReport:
    """Passed to `save_motion(report=...)`, which fills it.

    paths: every file written, in order. notes: sentences about what differs from the motion, each once.
    """

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.notes = Notes()
