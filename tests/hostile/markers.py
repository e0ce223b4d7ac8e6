"""Marker files, TRC and C3D, whose sizes, counts and values make no sense."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from tests.helpers.marker_files import c3d_bytes, trc_text

Maker = Callable[[], bytes]
NAMES = ("RHip", "LHip", "RKnee", "LKnee", "RAnkle", "LAnkle", "RShoulder", "LShoulder")
PLACES = np.random.default_rng(0).normal(size=(12, len(NAMES), 3))


def _trc(points: np.ndarray = PLACES, **changes: object) -> bytes:
    return trc_text(points, NAMES, **changes).encode()


def _c3d(points: np.ndarray = PLACES, **changes: object) -> bytes:
    return c3d_bytes(points, NAMES, **{"units": "m", **changes})


def _records(*records: bytes) -> bytes:
    """A C3D whose parameters are these records."""
    return _c3d()[:512] + bytes([1, 0x50, 255, 84]) + b"\x05\xffPOINT\x03\0\0" + b"".join(records)


def _parameter(kind: int, dimensions: bytes, data: bytes) -> bytes:
    content = bytes([kind, len(dimensions)]) + dimensions + data
    return b"\x06\x01LABELS" + struct.pack("<H", len(content) + 2) + content


MARKERS: dict[str, Maker] = {
    "names.trc": lambda: _trc().replace(b"RHip", b"\t".join([b"n" * 9] * 90_000)),
    "wide.trc": lambda: _trc() + b"1\t9" + b"\t1" * 300_000 + b"\n" + b"2\t10\n" * 100_000,
    "first_wide.trc": lambda: _trc().replace(b"\n1\t0", b"\n1\t0" + b"\t1" * 200_000) + b"2\t10\n" * 100_000,
    "short_rows.trc": lambda: _trc() + b"".join(b"%d\t%d\n" % (i, i) for i in range(100, 100_000)),
    "utf16.trc": lambda: b"\xff\xfe" + _trc() + b"\xd8",
    "zeros.trc": lambda: _trc(np.zeros_like(PLACES)),
    "one_place.trc": lambda: _trc(np.ones_like(PLACES)),
    "giant.trc": lambda: _trc(PLACES * 1e8),
    "dwarf.trc": lambda: _trc(PLACES * 1e-7 + 1),
    "blank.trc": lambda: _trc(PLACES, missing={(i, j) for i in range(12) for j in range(8)}),
    "rate_tiny.trc": lambda: _trc(times=np.zeros(12), rate=1e-300),
    "rate_huge.trc": lambda: _trc(times=np.zeros(12), rate=1e300),
    "subjects.trc": lambda: trc_text(
        np.ones((2, 4000, 3)), [f"s{i // 8}:{NAMES[i % 8]}" for i in range(4000)]
    ).encode(),
    "frames.c3d": lambda: _c3d(trial=(1, 65535), header_last=65535),
    "many_points.c3d": lambda: _c3d().replace(
        b"USED" + struct.pack("<HBBH", 6, 2, 0, 8), b"USED" + b"\6\0\2\0\xff\xff"
    ),
    "loop.c3d": lambda: _records(b"\x01\x01A\x02\0" * 20_000),
    "backwards.c3d": lambda: _records(b"\x01\x01A\x00\0" * 20_000),
    "dimensions.c3d": lambda: _records(_parameter(0, b"\xff" * 255, bytes(300))),
    "empty_texts.c3d": lambda: _records(_parameter(0xFF, b"\0\xff\xff", bytes(300)) * 100),
    "texts.c3d": lambda: _records(_parameter(0xFF, b"\1\xff\xff", b"a" * 65025) * 2),
    "block.c3d": lambda: b"\xff" + _c3d()[1:],
    "huge.c3d": lambda: _c3d(PLACES * 3e37),
    "rate.c3d": lambda: _c3d(rate=float("nan")),
    "scale.c3d": lambda: _c3d(PLACES * 1e-27, scale=1e-30),
    "up.c3d": lambda: _c3d(up="\x1b[31m"),
    "unit.c3d": lambda: _c3d(units="\x1b[31m\x07"),
    "no_parameters.c3d": lambda: b"\x02\x50" + bytes(510) + bytes([1, 0x50, 1, 84]) + bytes(508),
    "nothing.c3d": lambda: b"\x02\x50" + b"\x50" * 5000,
}
"""Files by name."""
