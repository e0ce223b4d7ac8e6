"""The fields of an ONNX file, read without the onnx package: protocol buffers are tags, lengths and contents.

Field numbers are those of onnx.proto. Contents are views of the file's bytes, so that reading copies no weights.
"""

from __future__ import annotations

from collections.abc import Iterator

Content = int | memoryview


class Unreadable(Exception):
    """The bytes are no protocol buffer with the fields of a model."""


def fields(data: bytes | memoryview) -> Iterator[tuple[int, Content]]:
    """The fields of a protocol buffer: number, and a whole number or bytes. Raises IndexError, Unreadable."""
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
        elif key & 7 in (1, 5):
            length = 8 if key & 7 == 1 else 4
        else:
            raise Unreadable
        if length > len(data) - place:
            raise IndexError
        yield key >> 3, data[place : place + length]
        place += length


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise Unreadable


def message(content: Content) -> memoryview:
    """A field that is itself a protocol buffer. Raises Unreadable."""
    if isinstance(content, int):
        raise Unreadable
    return content


def text(content: Content) -> str:
    """A field that is text. Raises Unreadable, UnicodeDecodeError."""
    return bytes(message(content)).decode("utf-8")


def first_filters(model: bytes) -> int | None:
    """The channels that the first convolution of an ONNX model takes; None if that cannot be told.

    Raises IndexError, Unreadable, UnicodeDecodeError for damaged files.
    """
    graph = next((message(content) for number, content in fields(model) if number == 7), None)
    if graph is None:
        return None
    sizes: dict[str, list[int]] = {}
    weights = None
    for number, content in fields(graph):
        if number == 1 and weights is None:
            node = [(key, value) for key, value in fields(message(content)) if key in (1, 4)]
            if any(key == 4 and text(value) == "Conv" for key, value in node):
                weights = [text(value) for key, value in node if key == 1][1]
        elif number == 5:
            name, dims = _tensor(message(content))
            sizes[name] = dims
    found = sizes.get(weights or "", [])
    return found[1] if len(found) > 1 else None


def _tensor(tensor: memoryview) -> tuple[str, list[int]]:
    """Name and sizes of a constant; sizes are written one by one, or packed."""
    name, dims = "", []
    for number, content in fields(tensor):
        if number == 8:
            name = text(content)
        elif number == 1 and isinstance(content, int):
            dims.append(content)
        elif number == 1:
            place = 0
            while place < len(message(content)):
                size, place = _varint(message(content), place)
                dims.append(size)
    return name, dims
