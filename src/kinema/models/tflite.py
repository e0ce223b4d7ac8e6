"""Pruning a `.tflite` network: operators that only unused outputs need are removed from the graph, the weights stay.

The file is a FlatBuffer (TensorFlow's schema.fbs, identifier TFL3). A table begins with the offset back to its vtable,
which gives the position of each field in the table; a field that is a vector or table holds the offset forward to it; a
vector is its length and its elements. Only the lists of operators, outputs and signatures are changed, so that pruning
takes a millisecond and builds no copy of the graph in Python objects.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

_MODEL_SUBGRAPHS, _MODEL_SIGNATURES = 2, 7
_GRAPH_OUTPUTS, _GRAPH_OPERATORS = 2, 3
_OPERATOR_INPUTS, _OPERATOR_OUTPUTS = 1, 2


def only_outputs(content: bytes, outputs: Sequence[int]) -> bytes:
    """The network `content`, reduced to the given outputs (indices) of its first graph and what they need.

    Raises ValueError if `content` is not a network or has no such output.
    """
    if content[4:8] != b"TFL3":
        raise ValueError("not a TFLite file")
    file = bytearray(content)
    try:
        model = _target(file, 0)
        graph = _target(file, _vector(file, model, _MODEL_SUBGRAPHS)[0])
        places = _vector(file, graph, _GRAPH_OUTPUTS)
        wanted = [_number(file, places[place]) for place in outputs]
        operators = _vector(file, graph, _GRAPH_OPERATORS)
        tables = [_target(file, place) for place in operators]
        needed = _needed(file, tables, wanted)
        for place, row in zip(operators, needed, strict=False):
            struct.pack_into("<I", file, place, tables[row] - place)
        if operators:
            struct.pack_into("<I", file, operators[0] - 4, len(needed))
        signatures = _vector(file, model, _MODEL_SIGNATURES)
        if signatures:  # they name all outputs
            struct.pack_into("<I", file, signatures[0] - 4, 0)
        _append_outputs(file, graph, wanted)
    except (struct.error, IndexError) as error:
        raise ValueError(f"unreadable graph: {error}") from None
    return bytes(file)


def _needed(file: bytearray, operators: list[int], tensors: list[int]) -> list[int]:
    """The operators (rows of `operators`, ascending) that produce the tensors, directly or through others."""
    producer: dict[int, int] = {}
    for row, operator in enumerate(operators):
        for place in _vector(file, operator, _OPERATOR_OUTPUTS):
            producer[_number(file, place)] = row
    needed: set[int] = set()
    waiting = list(tensors)
    while waiting:
        row = producer.get(waiting.pop(), -1)
        if row >= 0 and row not in needed:
            needed.add(row)
            waiting += [_number(file, place) for place in _vector(file, operators[row], _OPERATOR_INPUTS)]
    return sorted(needed)


def _append_outputs(file: bytearray, graph: int, tensors: list[int]) -> None:
    """Give the graph a new list of outputs at the end of the file: the old one may be shared."""
    file += bytes(-len(file) % 4)
    field = _field(file, graph, _GRAPH_OUTPUTS)
    struct.pack_into("<I", file, field, len(file) - field)
    file += struct.pack(f"<I{len(tensors)}i", len(tensors), *tensors)


def _target(file: bytearray, place: int) -> int:
    """The position to which the offset stored at `place` points."""
    return place + int(struct.unpack_from("<I", file, place)[0])


def _number(file: bytearray, place: int) -> int:
    return int(struct.unpack_from("<i", file, place)[0])


def _field(file: bytearray, table: int, number: int) -> int:
    """The position of a table's field, 0 if the table does not have it."""
    vtable = table - _number(file, table)
    (size,) = struct.unpack_from("<H", file, vtable)
    entry = 4 + 2 * number
    if entry >= size:
        return 0
    (offset,) = struct.unpack_from("<H", file, vtable + entry)
    return table + offset if offset else 0


def _vector(file: bytearray, table: int, number: int) -> range:
    """The positions of a vector's four-byte elements; empty if the table does not have the field."""
    field = _field(file, table, number)
    if not field:
        return range(0)
    start = _target(file, field)
    (length,) = struct.unpack_from("<I", file, start)
    if start + 4 + 4 * length > len(file):
        raise struct.error("a list extends beyond the end of the file")
    return range(start + 4, start + 4 + 4 * length, 4)
