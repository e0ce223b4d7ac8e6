"""The bytes of a pickle or joblib file, plain or compressed, read within limits.

joblib compresses a whole file with zlib, gzip, bz2, xz or lzma, recognizable only by the first bytes.
A declared length is never trusted: an uncompressed file cannot hold more than its size, and the unpacked size of a
compressed one is charged to its budget.
"""

from __future__ import annotations

import bz2
import io
import lzma
import os
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from kinema.errors import InputError
from kinema.storage.budget import Budget, Malformed
from kinema.storage.unreadable import unreadable

_CHUNK = 2**20
_AHEAD = 8192
"""Bytes that are read ahead, so few that looking at all of them costs little."""
_LZMA_MEMORY = 512 * 2**20
_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"\x78": "zlib",
    b"BZh": "bz2",
    b"\xfd7zXZ": "lzma",
    b"\x5d\x00": "lzma",
}


class PickleStream:
    """A file read sequentially. `file.read` may be called for single bytes; long reads go through this class.

    size: of the file, None if it is compressed. budget: of the file, charged by everyone who reads from it.
    """

    def __init__(self, file: BinaryIO, size: int | None, budget: Budget) -> None:
        self.file = file
        self.budget = budget
        self._size = size
        self._peek = getattr(file, "peek", None)

    def read(self, count: int) -> bytes:
        """Exactly `count` bytes, or Malformed."""
        if count > _CHUNK:
            if self._size is None:
                self.budget.charge(count)
                return bytes(self.read_buffer(count))
            if count > self._size - self.file.tell():
                raise Malformed("it is truncated")
        data = self.file.read(count)
        if len(data) != count:
            raise Malformed("it is truncated")
        return data

    def following(self, code: bytes, count: int) -> bytes:
        """The operations of this opcode, with `count` bytes of data each, that are next and already read ahead."""
        ahead = b"" if self._peek is None else self._peek(1)
        if not ahead.startswith(code):
            return b""
        codes = ahead[: len(ahead) // (1 + count) * (1 + count) : 1 + count]
        return self.read((len(codes) - len(codes.lstrip(code))) * (1 + count))

    def read_buffer(self, count: int) -> bytearray:
        """Exactly `count` bytes in a new buffer; never allocates more than the file holds."""
        if self._size is not None:
            if count > self._size - self.file.tell():
                raise Malformed("it is truncated")
            buffer = bytearray(count)
            if self.file.readinto(buffer) != count:  # type: ignore[attr-defined]
                raise Malformed("it is truncated")
            return buffer
        buffer = bytearray()
        while len(buffer) < count:
            chunk = self.file.read(min(_CHUNK, count - len(buffer)))
            if not chunk:
                raise Malformed("it is truncated")
            buffer += chunk
        return buffer

    def readline(self) -> bytes:
        """A line of a text opcode, without its newline."""
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise Malformed("it is truncated")
        return line[:-1]

    def finish(self) -> None:
        """Read a compressed file to its end, so that its checksum is verified; the rest of the data is ignored."""
        if self._size is None:
            while self.file.read(_CHUNK):
                pass


def open_stream(path: Path) -> PickleStream:
    """Open a pickle or joblib file. Raises InputError if it cannot be read or is of another format."""
    try:
        file = path.open("rb", _AHEAD)
        size = os.fstat(file.fileno()).st_size
        head = file.read(16)
        file.seek(0)
    except OSError as error:
        raise unreadable(path, error) from None
    if not head:
        file.close()
        raise InputError(f"{path} is empty; copy or download it again")
    refusal = _other_format(head)
    if refusal is not None:
        file.close()
        raise InputError(f"{path} {refusal}")
    budget = Budget(size)
    for magic, method in _COMPRESSED.items():
        if head.startswith(magic):
            unpacked: Any = io.BufferedReader(_Unpacked(file, method, budget), _CHUNK)
            return PickleStream(io.BufferedReader(unpacked, _AHEAD), None, budget)
    return PickleStream(file, size, budget)


def _other_format(head: bytes) -> str | None:
    """Why a file cannot be a pickle, judged by its first bytes; None if it may be one."""
    if head.startswith(b"\x04\x22\x4d\x18"):
        return "is compressed with lz4, which Kinema does not read; save it again with joblib's compress='zlib'"
    if head.startswith(b"ZF"):
        return "was written by a joblib older than 0.10; load it there and save it again with a newer one"
    if head.startswith(b"PK\x03\x04"):
        return "is a zip archive, not a pickle; rename it to .npz, or .pth if torch wrote it"
    if head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "is a web page: the download went wrong; fetch the file itself"
    if head.startswith(b"version https://"):
        return "is only a Git LFS pointer; run `git lfs pull` to get the file itself"
    return None


class _Unpacked(io.RawIOBase):
    """The decompressed contents of a file as a stream, up to the bytes that its budget allows."""

    def __init__(self, file: BinaryIO, method: str, budget: Budget) -> None:
        self._file = file
        self._method = method
        self._budget = budget
        self._decoder = self._new_decoder()
        self._position = 0
        self._pending = b""

    def _new_decoder(self) -> Any:
        if self._method == "bz2":
            return bz2.BZ2Decompressor()
        if self._method == "lzma":
            return lzma.LZMADecompressor(memlimit=_LZMA_MEMORY)
        return zlib.decompressobj(wbits=47)  # zlib or gzip, detected by the header

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        data = b""
        try:
            while not data:
                ended = self._decoder.eof
                if not self._pending and (ended or getattr(self._decoder, "needs_input", True)):
                    self._pending = self._file.read(_CHUNK)
                    if not self._pending and ended:
                        return 0
                    if not self._pending:
                        raise Malformed("it is truncated")
                if ended:  # gzip and bz2 files may consist of several members
                    self._decoder = self._new_decoder()
                data = self._decoder.decompress(self._pending, len(buffer))
                self._pending = self._decoder.unused_data or getattr(self._decoder, "unconsumed_tail", b"")
        except (zlib.error, OSError, EOFError, lzma.LZMAError) as error:
            raise Malformed(f"its {self._method} compression is corrupt ({error})") from None
        self._position += len(data)
        self._budget.charge(len(data))
        self._budget.tick()
        buffer[: len(data)] = data
        return len(data)
