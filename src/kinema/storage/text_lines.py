"""Lines of a stranger's text file, none longer than a limit."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from kinema.errors import InputError

MAX_LINE = 2**20
"""Characters of a line; the row of a frame with two thousand joints has less."""


def next_line(file: TextIO, path: Path, number: int) -> str:
    """The next line with its end, "" after the last. number: of the line, for the message. Raises InputError."""
    line = file.readline(MAX_LINE)
    if len(line) == MAX_LINE and not line.endswith("\n"):
        raise InputError(f"{path}, line {number}: the line is longer than {MAX_LINE} characters")
    return line
