"""What a BodyCompress file may unpack to: honest files pass, bombs of every kind are refused before they unpack."""

from __future__ import annotations

import lzma
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError
from kinema.formats.bodycompress_limits import MOST_BYTES, require_modest
from kinema.storage.budget import Malformed
from kinema.storage.msgpack_sizes import ValueSizes


def packed(value) -> bytes:
    """MessagePack of nested lists, maps, bytes, text, numbers and None, each in one of the forms for its size."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return struct.pack(">Bq", 0xD3, value) if not 0 <= value < 128 else bytes([value])
    if isinstance(value, float):
        return struct.pack(">Bd", 0xCB, value)
    if isinstance(value, bytes):
        return (bytes([0xC4, len(value)]) if len(value) < 256 else struct.pack(">BI", 0xC6, len(value))) + value
    if isinstance(value, str):
        text = value.encode()
        return (bytes([0xA0 | len(text)]) if len(text) < 32 else struct.pack(">BH", 0xDA, len(text))) + text
    if isinstance(value, list):
        head = bytes([0x90 | len(value)]) if len(value) < 16 else struct.pack(">BH", 0xDC, len(value))
        return head + b"".join(map(packed, value))
    head = bytes([0x80 | len(value)]) if len(value) < 16 else struct.pack(">BI", 0xDF, len(value))
    return head + b"".join(packed(key) + packed(each) for key, each in value.items())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.binary(max_size=400) | st.text(),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=40), inner, max_size=20),
    max_leaves=25,
)


@given(st.lists(VALUES, min_size=1, max_size=4), st.integers(1, 50))
def test_sizes_are_those_of_the_values(values, piece):
    """A limit of the largest value's size passes, one byte less does not, however the stream is cut."""
    parts = [packed(value) for value in values]
    stream, largest = b"".join(parts), max(map(len, parts))
    fed = ValueSizes(largest, 10_000)
    for start in range(0, len(stream), piece):
        fed.feed(stream[start : start + piece])
    with pytest.raises(Malformed, match="unpacks to more than"):
        ValueSizes(largest - 1, 10_000).feed(stream)


def file_of(path, *streams: bytes):
    """As the library writes them: compressed streams, with spare bytes after the first."""
    path.write_bytes((b"\0" * 128).join(lzma.compress(each) for each in streams))
    return path


def test_frames_of_a_common_size_pass(tmp_path):
    frame = packed({"vertices": b"\1" * 2_000_000, "boxes": [[1.0] * 5] * 10})
    require_modest(file_of(tmp_path / "a.xz", packed({"length": 50}), packed({}), 50 * frame))


@pytest.mark.parametrize("where", [0, 1, 2])
def test_a_frame_of_a_gigabyte_is_refused(tmp_path, where):
    """150 kB that unpack to as much, in the header, the metadata or a frame; so are a million values in one."""
    parts = [packed({"length": 1}), packed({}), packed({"joints": b"1"})]
    bomb = struct.pack(">BBBI", 0x81, 0xA1, ord("v"), 0)[:3] + struct.pack(">BI", 0xC6, 2**30)
    parts[where] = bomb + bytes(MOST_BYTES + 1)
    with pytest.raises(InputError, match="unpacks to more than 64 MiB"):
        require_modest(file_of(tmp_path / "bomb.xz", *parts))
    parts[where] = struct.pack(">BI", 0xDD, 10**6) + b"\1" * 10**6
    with pytest.raises(InputError, match="holds more than 100000 others"):
        require_modest(file_of(tmp_path / "many.xz", *parts))


def test_damaged_files_are_left_to_the_library(tmp_path):
    whole = file_of(tmp_path / "a.xz", packed({"length": 3}), packed([1, 2, 3])).read_bytes()
    for content in (whole[:-20], whole[:40], whole[:6] + b"\1" * 50, b"\xfd7zXZ\0"):
        (tmp_path / "b.xz").write_bytes(content)
        require_modest(tmp_path / "b.xz")


def test_zstd(tmp_path):
    zstandard = pytest.importorskip("zstandard")
    compress = zstandard.ZstdCompressor(level=3).compress
    (tmp_path / "a.xz").write_bytes(compress(packed({"length": 1})) + compress(packed({"joints": b"1" * 1000})))
    require_modest(tmp_path / "a.xz")
    (tmp_path / "a.xz").write_bytes(compress(struct.pack(">BI", 0xC6, 2**30) + bytes(MOST_BYTES + 1)))
    with pytest.raises(InputError, match="unpacks to more than 64 MiB"):
        require_modest(tmp_path / "a.xz")
