"""Protocol buffers, field by field: tags, lengths and contents, read without their schema.

Contents are views of the bytes, so reading copies nothing; only the accessed parts of a memory-mapped file are read.
"""

from __future__ import annotations

from collections.abc import Iterator

Content = int | memoryview

_FIXED = {1: 8, 5: 4}
"""Size in bytes of a field by its wire type, for fixed-size types."""


class Unreadable(Exception):
    """The bytes are not a protocol buffer with the expected fields."""


def fields(data: bytes | memoryview) -> Iterator[tuple[int, Content]]:
    """The fields of a protocol buffer: number, and an integer or bytes. Raises Unreadable."""
    data = memoryview(data)
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        if key & 7 == 0:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        if key & 7 == 2:
            length, place = _varint(data, place)
        elif key & 7 in _FIXED:
            length = _FIXED[key & 7]
        else:
            raise Unreadable
        if length > len(data) - place:
            raise Unreadable
        yield key >> 3, data[place : place + length]
        place += length


def message(content: Content) -> memoryview:
    """A field that is itself a protocol buffer. Raises Unreadable."""
    if isinstance(content, int):
        raise Unreadable
    return content


def text(content: Content) -> str:
    """A field that is text. Raises Unreadable."""
    try:
        return bytes(message(content)).decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable from None


def whole_numbers(content: Content) -> list[int]:
    """A field of integers, written one by one or packed. Raises Unreadable."""
    if isinstance(content, int):
        return [content]
    numbers, place = [], 0
    while place < len(content):
        number, place = _varint(content, place)
        numbers.append(number)
    return numbers


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise Unreadable
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise Unreadable
