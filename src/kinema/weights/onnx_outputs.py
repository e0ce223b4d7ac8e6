"""The names of an ONNX network's outputs, read without the onnx package and without its weights.

The file is mapped into memory and irrelevant fields are skipped, so a network of 1 GB takes no memory. Field numbers
are those of onnx.proto.
"""

from __future__ import annotations

from mmap import ACCESS_READ, mmap
from pathlib import Path

from kinema.errors import InputError
from kinema.storage.protobuf import Unreadable, fields, message, text
from kinema.storage.unreadable import unreadable

_GRAPH, _NODE, _OUTPUT, _NAME = 7, 1, 12, 1


def onnx_outputs(path: Path) -> tuple[str, ...]:
    """The names of its outputs, in order. Raises InputError if it is not a complete ONNX network."""
    names: list[str] = []
    nodes = 0
    try:
        with path.open("rb") as file:
            model = memoryview(mmap(file.fileno(), 0, access=ACCESS_READ))
        for graph in (message(content) for number, content in fields(model) if number == _GRAPH):
            for number, content in fields(graph):
                nodes += number == _NODE
                if number == _OUTPUT:
                    names += [text(value) for each, value in fields(message(content)) if each == _NAME]
    except (Unreadable, ValueError):  # a ValueError for an empty file
        nodes = 0
    except OSError as error:
        raise unreadable(path, error) from None
    if not nodes or not names:
        raise InputError(f"{path} is not a complete ONNX network; get a fresh copy")
    return tuple(names)
