"""What a writer did: the files it made, and what it had to assume, interpolate or leave out."""

from __future__ import annotations

from pathlib import Path

from kinema.files.foreign import Notes


class WriteReport:
    """Handed to `save_motion(report=...)` and filled there.

    paths: every file written, in order. notes: sentences about what differs from the motion, each once.
    """

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.notes = Notes()
