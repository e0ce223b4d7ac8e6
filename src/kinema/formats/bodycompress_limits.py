"""Limits on the unpacked size of BodyCompress files, checked before the library unpacks them: bytes can hold gigabytes.

A file is a row of compressed streams of MessagePack, with unused bytes between them. They are unpacked chunk by chunk
and discarded; only the size of the largest value is kept.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from kinema.errors import InputError, UsageError
from kinema.storage.budget import Budget, Malformed
from kinema.storage.msgpack_sizes import ValueSizes

XZ, ZSTD = b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"
"""Magic bytes of xz and zstd."""

MOST_BYTES = 64 * 2**20
"""Most bytes of a frame: SMPL's vertices of 300 people, with their uncertainties."""

MOST_VALUES = 100_000
_PIECE = 2**20
_SIP = 2**10
"""Bytes of zstd that are unpacked at once: 32 MiB at the most, since a block of 4 holds up to 128 KiB."""
_MOST_WINDOW = 256 * 2**20
"""Memory for unpacking: xz at its strongest takes a quarter of it."""


def require_modest(path: Path) -> None:
    """Raise InputError if a frame unpacks to more than `MOST_BYTES`, or if unpacking takes longer than it should.

    Data that cannot be unpacked are left for the library to report. Raises UsageError if zstandard is missing.
    """
    budget = Budget(path.stat().st_size)
    try:
        with path.open("rb") as file:
            start = XZ if file.read(len(XZ)) == XZ else ZSTD
            file.seek(0)
            for stream in _streams(file, start):
                sizes = ValueSizes(MOST_BYTES, MOST_VALUES)
                for piece in stream:
                    sizes.feed(piece)
                    budget.tick()
    except Malformed as reason:
        raise InputError(f"{path} is not read: {reason}") from None


def _streams(file: Any, start: bytes) -> Iterator[Iterator[bytes]]:
    """Each stream's contents, in pieces; the next must be asked for once one has been read to its end."""
    rest = b""
    while True:
        begin = rest.find(start)
        if begin < 0:
            more = file.read(_PIECE)
            if not more:
                return
            rest = rest[-len(start) :] + more
            continue
        unpacker = _unpacker(start, file)
        pieces = _xz_pieces if start == XZ else _zstd_pieces
        yield pieces(unpacker, file, rest[begin:])
        if not unpacker.eof:  # damaged
            return
        rest = unpacker.unused_data


def _unpacker(start: bytes, file: Any) -> Any:
    if start == XZ:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_WINDOW)
    try:
        zstandard = import_module("zstandard")
    except ImportError:
        raise UsageError(
            f"{file.name} is compressed with zstd, for which zstandard is needed; run `pip install zstandard`"
        ) from None
    return zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW).decompressobj()


def _xz_pieces(unpacker: Any, file: Any, data: bytes) -> Iterator[bytes]:
    try:
        while not unpacker.eof:
            if unpacker.needs_input and not data:
                data = file.read(_PIECE)
                if not data:
                    return
            yield unpacker.decompress(data, _PIECE)
            data = b""
    except lzma.LZMAError:  # damaged
        return


def _zstd_pieces(unpacker: Any, file: Any, data: bytes) -> Iterator[bytes]:
    """In small pieces: this unpacker does not stop before it has unpacked all of its input."""
    error = import_module("zstandard").ZstdError
    at = 0
    try:
        while not unpacker.eof:
            if at >= len(data):
                data, at = file.read(_PIECE), 0
                if not data:
                    return
            yield unpacker.decompress(data[at : at + _SIP])
            at += _SIP
    except error:  # damaged
        return
    # What follows the stream has been read, but not given to the unpacker.
    file.seek(-max(len(data) - at, 0), 1)
