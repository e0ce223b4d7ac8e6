"""Lines of an untrusted text file, none longer than a limit."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import TextIO

from kinema.errors import InputError

_LOOKED_AT = 2**16
"""Bytes at the beginning of a file from which its encoding is detected."""

MAX_LINE = 2**20
"""Most characters of a line; the row of a frame with two thousand joints has fewer."""


def next_line(file: TextIO, path: Path, number: int) -> str:
    """The next line with its ending, "" after the last. number: of the line, for the message. Raises InputError."""
    line = file.readline(MAX_LINE)
    if len(line) == MAX_LINE and not line.endswith("\n"):
        raise InputError(f"{path}, line {number}: the line is longer than {MAX_LINE} characters")
    return line


def text_encoding(path: Path) -> str:
    """The encoding of a text file: Unicode, by its byte order mark or if it is valid, otherwise Windows' western
    European one."""
    with path.open("rb") as file:
        start = file.read(_LOOKED_AT)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"
