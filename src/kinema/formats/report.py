"""What readers and writers report: the files made, and what was assumed, interpolated or left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

LISTED = 12
"""Keys of a file that a note names."""


class Notes:
    """What a reader assumed, changed or left out, sentence by sentence, each once."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}

    def add(self, sentence: str) -> None:
        self._sentences[sentence] = None

    def left_out(self, present: Mapping[Any, Any], known: Iterable[str]) -> None:
        """Note the keys of a file that the motion does not keep. (An unpickled dict's empty entries do not count.)"""
        filled = [key for key in present if not isinstance(present, dict) or present[key] is not None]
        others = sorted({str(key) for key in filled} - set(known))
        if others:
            more = f" and {len(others) - LISTED} more" if len(others) > LISTED else ""
            self.add(f"left out: {', '.join(others[:LISTED])}{more}")

    def __iter__(self) -> Any:
        return iter(self._sentences)


class WriteReport:
    """Handed to `save_motion(report=...)` and filled there.

    paths: every file written, in order. notes: sentences about what differs from the motion, each once.
    """

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.notes = Notes()
