"""Boxes of MP4 and MOV files (ISO 14496-12, 4.2): read one header at a time, within bounds."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MOST_BYTES = 1 << 20
"""Most bytes of a box whose content is read."""


@dataclass
class BoxReader:
    """A file, and the number of headers that may still be read from it."""

    file: BinaryIO
    left: int

    def boxes(self, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """(name, start and end of the content) of the boxes between two offsets, up to the first malformed one.

        Raises struct.error if the file ends within a header.
        """
        at = start
        while at + 8 <= end and self.left > 0:
            self.left -= 1
            self.file.seek(at)
            size, name = struct.unpack(">I4s", self.file.read(8))
            head = 8
            if size == 1:
                size, head = struct.unpack(">Q", self.file.read(8))[0], 16
            elif size == 0:
                size = end - at
            if size < head or size > end - at:
                return
            yield name, at + head, at + size
            at += size

    def content(self, start: int, end: int) -> bytes:
        """The bytes between two offsets; none if there are more than `MOST_BYTES`."""
        if end - start > MOST_BYTES:
            return b""
        self.file.seek(start)
        return self.file.read(end - start)
