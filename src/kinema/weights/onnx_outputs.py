"""The names of an ONNX network's outputs, read without the onnx package and without its weights.

Protocol buffers are tags, lengths and contents; field numbers are those of onnx.proto. What is not looked for is
skipped in the file, so that a network of 1 GB takes no memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from kinema.errors import InputError

_GRAPH, _NODE, _OUTPUT, _NAME = 7, 1, 12, 1
_LONGEST_NAME = 1000
_FIXED = {1: 8, 5: 4}
"""Bytes of a field by its wire type, where they do not follow from its contents."""


class _Damaged(Exception):
    """The file is no protocol buffer of a network."""


def onnx_outputs(path: Path) -> tuple[str, ...]:
    """The names of its outputs, in order. Raises InputError if it is no ONNX network or not a complete one."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            names: list[str] = []
            nodes = 0
            for number, start, end in _fields(file, 0, size):
                if number != _GRAPH:
                    continue
                for inner, begin, stop in _fields(file, start, end):
                    nodes += inner == _NODE
                    if inner == _OUTPUT:
                        names += [_text(file, *span) for each, *span in _fields(file, begin, stop) if each == _NAME]
    except (_Damaged, UnicodeDecodeError):
        nodes, names = 0, []
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from None
    if not nodes or not names:
        raise InputError(f"{path} is not a complete ONNX network; get a fresh copy")
    return tuple(names)


def _fields(file: IO[bytes], start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, beginning and end of every field with contents between two places of the file."""
    place = start
    while place < end:
        file.seek(place)
        key = _varint(file)
        kind = key & 7
        if kind == 0:
            _varint(file)
            place = file.tell()
            continue
        if kind not in (1, 2, 5):
            raise _Damaged
        length = _varint(file) if kind == 2 else _FIXED[kind]
        begin = file.tell()
        place = begin + length
        if place > end:
            raise _Damaged
        if kind == 2:
            yield key >> 3, begin, place


def _varint(file: IO[bytes]) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise _Damaged
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
    raise _Damaged


def _text(file: IO[bytes], start: int, end: int) -> str:
    if end - start > _LONGEST_NAME:
        raise _Damaged
    file.seek(start)
    return file.read(end - start).decode()
