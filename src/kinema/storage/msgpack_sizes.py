"""Sizes of the values in a MessagePack stream, without building them: a guard in front of the library that does.

The format is public (https://github.com/msgpack/msgpack/blob/master/spec.md): a byte tells what follows, and how many
bytes or values.
"""

from __future__ import annotations

from kinema.storage.budget import Malformed

_PLAIN = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
          0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17}  # fmt: skip
"""Bytes that follow a number, or an extension of fixed length."""

_BYTES = {0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0), 0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1),
          0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0)}  # fmt: skip
"""Bytes of the length of bytes, text or an extension, and those of its type."""

_VALUES = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}
"""Bytes of the length of a list or a map, and values per entry."""


class ValueSizes:
    """Counts the bytes and the values inside each value of a stream. `feed` raises Malformed beyond the limits."""

    def __init__(self, most_bytes: int, most_values: int) -> None:
        self._most_bytes, self._most_values = most_bytes, most_values
        self._head = b""
        self._skip = 0
        self._owed = 0
        self._size = self._values = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream, any number of them."""
        at = 0
        while at < len(data):
            if self._skip:
                passed = min(self._skip, len(data) - at)
                self._skip -= passed
            else:
                passed = 1
                self._head += data[at : at + 1]
                self._read_head()
            at += passed
            self._size += passed
            if self._size > self._most_bytes:
                raise Malformed(f"a value in it unpacks to more than {self._most_bytes // 2**20} MiB")
            if not self._skip and not self._head and not self._owed:
                self._size = self._values = 0

    def _read_head(self) -> None:
        """Process a complete head of a value: what follows it."""
        kind = self._head[0]
        if 0x80 <= kind <= 0x9F:
            self._opened(kind & 0x0F, 2 if kind < 0x90 else 1)
        elif 0xA0 <= kind <= 0xBF:
            self._opened(0, 1, skip=kind & 0x1F)
        elif kind in _BYTES or kind in _VALUES:
            width, factor = _BYTES.get(kind) or _VALUES[kind]
            if len(self._head) <= width:
                return
            length = int.from_bytes(self._head[1:], "big")
            if kind in _VALUES:
                self._opened(length, factor)
            else:
                self._opened(0, 1, skip=length + factor)
        else:
            self._opened(0, 1, skip=_PLAIN.get(kind, 0))

    def _opened(self, entries: int, factor: int, *, skip: int = 0) -> None:
        self._head, self._skip = b"", skip
        self._values += 1
        self._owed = max(self._owed - 1, 0) + entries * factor
        if max(self._values, self._owed) > self._most_values:
            raise Malformed(f"a value in it holds more than {self._most_values} others")
