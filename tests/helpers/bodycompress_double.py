"""In the place of the library bodycompress: its published interface, on files of its own that are xz as well."""

from __future__ import annotations

import io
import lzma
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any


class BodyCompressor:
    """with BodyCompressor(path, metadata={}) as file: file.append(joints=..., ...)"""

    def __init__(self, path: str, metadata: dict | None = None) -> None:
        self._path, self._frames = Path(path), []

    def __enter__(self) -> BodyCompressor:
        return self

    def append(self, **entries: Any) -> None:
        self._frames.append(entries)

    def __exit__(self, *_: object) -> None:
        head = lzma.compress(pickle.dumps(len(self._frames)))
        frames = b"".join(pickle.dumps(frame) for frame in self._frames)
        self._path.write_bytes(b"\xfd7zXZ\0" + len(head).to_bytes(4, "big") + head + lzma.compress(frames))


class BodyDecompressor:
    """The frames one after the other; `msgpack_numpy` unpickles the entry "evil", as it does arrays of objects."""

    def __init__(self, path: str) -> None:
        content = Path(path).read_bytes()
        size = int.from_bytes(content[6:10], "big")
        try:
            self._count = pickle.loads(lzma.decompress(content[10 : 10 + size]))
        except lzma.LZMAError:
            raise ValueError("Unknown compression format") from None
        self._rest = content[10 + size :]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        unpacked = lzma.LZMADecompressor()
        stream = unpacked.decompress(self._rest)
        if not unpacked.eof:
            raise EOFError("Compressed file ended before the end-of-stream marker was reached")
        file = io.BytesIO(stream)
        for _ in range(self._count):
            frame = pickle.load(file)
            if "evil" in frame:
                sys.modules["msgpack_numpy"].pickle.loads(frame["evil"])  # type: ignore[attr-defined]
            yield frame


def install(monkeypatch: Any) -> None:
    """Let `import bodycompress` find this module."""
    codec = ModuleType("msgpack_numpy")
    codec.pickle = pickle  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "msgpack_numpy", codec)
    monkeypatch.setitem(sys.modules, "bodycompress", sys.modules[__name__])
