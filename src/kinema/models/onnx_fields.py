"""What an ONNX file says of its network, read without the onnx package. Field numbers are those of onnx.proto."""

from __future__ import annotations

from kinema.storage.protobuf import fields, message, text, whole_numbers

_GRAPH = 7  # of a model
_NODE, _CONSTANT = 1, 5  # of a graph
_INPUT, _OPERATOR = 1, 4  # of a node
_SIZES, _NAME = 1, 8  # of a constant


def first_filters(model: bytes) -> int | None:
    """The channels that the first convolution of an ONNX model takes; None if that is unknown.

    Raises Unreadable for damaged files.
    """
    graph = next((message(content) for number, content in fields(model) if number == _GRAPH), None)
    if graph is None:
        return None
    sizes: dict[str, list[int]] = {}
    weights = None
    for number, content in fields(graph):
        if number == _NODE and weights is None:
            node = [(key, value) for key, value in fields(message(content)) if key in (_INPUT, _OPERATOR)]
            if any(key == _OPERATOR and text(value) == "Conv" for key, value in node):
                weights = [text(value) for key, value in node if key == _INPUT][1]
        elif number == _CONSTANT:
            name, dims = _constant(message(content))
            sizes[name] = dims
    found = sizes.get(weights or "", [])
    return found[1] if len(found) > 1 else None


def _constant(tensor: memoryview) -> tuple[str, list[int]]:
    """Its name and sizes."""
    name, dims = "", []
    for number, content in fields(tensor):
        if number == _NAME:
            name = text(content)
        elif number == _SIZES:
            dims += whole_numbers(content)
    return name, dims
