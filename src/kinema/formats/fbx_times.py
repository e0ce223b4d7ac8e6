"""Rewrites the times and the unit that Blender wrote in a binary FBX.

Blender can store keys only at the uniform frames of its scene. A clip's times may be irregular, and FBX has a time for
every key, so the times are inserted afterwards; nothing else in the file changes.

A binary FBX is a header, nested records (end, number and length of the properties, name, properties, nested records
ended by an empty one) and a footer, aligned to 16 bytes. Records hold absolute positions, so all are written again.
From the description by Alexander Gessler ("FBX binary file format specification", code.blender.org, 2013).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kinema.errors import InputError

SECOND = 46186158000
"""FBX's units of time in a second."""

_MAGIC = b"Kaydara FBX Binary  \x00\x1a\x00"
_HEADER = len(_MAGIC) + 4
_FOOTER = 4 + 120 + 16
"""The footer after the padding: version, zeros, magic bytes."""

_KEYS = b"KeyTime"
_SPANS = (b"LocalTime", b"ReferenceTime")
_STACK = (b"LocalStart", b"LocalStop", b"ReferenceStart", b"ReferenceStop")
_UNITS = (b"UnitScaleFactor", b"OriginalUnitScaleFactor")

Clock = Callable[[np.ndarray], np.ndarray]
"""Map times (K,) int64 in the file, in units of 1 / SECOND, to the new ones."""


def rewrite(path: Path, clock: Clock, centimetres: float) -> None:
    """Give the keys and animations of an FBX other times, and state its unit exactly, in centimetres.

    Raises InputError if it is not a binary FBX.
    """
    data = path.read_bytes()
    if not data.startswith(_MAGIC):
        raise InputError("what Blender wrote is not a binary FBX; use another version of Blender")
    try:
        path.write_bytes(_Rewriting(data, clock, centimetres).result())
    except (struct.error, IndexError, zlib.error) as error:
        raise InputError(f"what Blender wrote is a damaged FBX ({error}); use another version of Blender") from None


class _Rewriting:
    """One pass through a file; the rewritten records are appended to `out`."""

    def __init__(self, data: bytes, clock: Clock, centimetres: float) -> None:
        self.data, self.clock, self.centimetres = data, clock, centimetres
        (version,) = struct.unpack_from("<I", data, len(_MAGIC))
        self.head = struct.Struct("<QQQB" if version >= 7500 else "<IIIB")
        self.out = bytearray(data[:_HEADER])
        self.arrays: dict[bytes, bytes] = {}

    def result(self) -> bytes:
        at = _HEADER
        while (end := self.record(at)) is not None:
            at = end
        self.out += bytes(self.head.size)
        mark = at + self.head.size
        self.out += self.data[mark : mark + 20]
        self.out += bytes(16 - len(self.out) % 16)
        self.out += self.data[-_FOOTER:]
        return bytes(self.out)

    def record(self, at: int) -> int | None:
        """Append the record at a position, with its nested ones; returns its end, or None for the empty record."""
        end, count, length, name_length = self.head.unpack_from(self.data, at)
        if not end:
            return None
        place = len(self.out)
        first = at + self.head.size + name_length
        name = self.data[first - name_length : first]
        properties = self.properties(name, self.data[first : first + length])
        self.out += bytes(self.head.size) + name + properties
        nested = first + length
        while nested < end:
            following = self.record(nested)
            if following is None:
                self.out += bytes(self.head.size)
                break
            nested = following
        self.head.pack_into(self.out, place, len(self.out), count, len(properties), name_length)
        return int(end)

    def properties(self, name: bytes, raw: bytes) -> bytes:
        """The bytes of a record's properties, with times replaced."""
        if name == _KEYS:
            if raw not in self.arrays:
                self.arrays[raw] = self.keys(raw)
            return self.arrays[raw]
        if name in _SPANS:
            times = np.array([struct.unpack_from("<q", raw, 1)[0], struct.unpack_from("<q", raw, 10)[0]])
            return b"".join(b"L" + struct.pack("<q", time) for time in self.clock(times).tolist())
        if name == b"P":
            (size,) = struct.unpack_from("<I", raw, 1)
            of = raw[5 : 5 + size]
            if of in _STACK:
                time = np.array([struct.unpack_from("<q", raw, len(raw) - 8)[0]])
                return raw[:-8] + struct.pack("<q", int(self.clock(time)[0]))
            if of in _UNITS:
                return raw[:-8] + struct.pack("<d", self.centimetres)
        return raw

    def keys(self, raw: bytes) -> bytes:
        """An array of times: its type, number, encoding (1: zlib) and length in bytes, and the numbers."""
        count, encoding, length = struct.unpack_from("<III", raw, 1)
        packed = raw[13 : 13 + length]
        numbers = np.frombuffer(zlib.decompress(packed) if encoding else packed, dtype="<i8", count=count)
        packed = zlib.compress(self.clock(numbers).astype("<i8").tobytes())
        return b"l" + struct.pack("<III", count, 1, len(packed)) + packed
