"""ONNX models as bytes, written without the onnx package: protocol buffers (a tag, a length, the content).

    model = Model("line")
    y = model.add("Gemm", [model.input("rows", (None, 8)), model.constant(w), model.constant(b)], transB=1)
    run = onnx_session(model.content({"smooth": (y, (None, 8))})).run

The graphs of refiners are built from their checkpoints on demand and never written to disk. Field numbers are those of
onnx.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np

_FLOAT, _INT64 = 1, 7
_OPSET, _IR = 17, 8
_OWN = "com.microsoft"
"""Domain of onnxruntime's non-standard operators."""

_OF_ONNXRUNTIME = frozenset({"FusedMatMul", "MultiHeadAttention", "SkipLayerNormalization"})


class Model:
    """A graph under construction. Values are referred to by the names that `add`, `constant` and `input` return."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._inputs: list[bytes] = []
        self._count = 0

    def input(self, name: str, shape: Sequence[int | None]) -> str:
        """A float32 input; None is a dynamic dimension."""
        self._inputs.append(_value(name, shape))
        return name

    def constant(self, value: np.ndarray) -> str:
        """A constant of the graph: float32, or int64 for integers."""
        name = self._fresh("constant")
        self._constants.append(_tensor(name, np.asarray(value)))
        return name

    def add(self, kind: str, inputs: Sequence[str], **attributes: float | int | Sequence[int]) -> str:
        """Add an operator with one output and return the output's name."""
        output = self._fresh(kind)
        node = b"".join(_field(1, name.encode()) for name in inputs) + _field(2, output.encode())
        node += _field(4, kind.encode())
        node += b"".join(_field(5, _attribute(name, value)) for name, value in attributes.items())
        if kind in _OF_ONNXRUNTIME:
            node += _field(7, _OWN.encode())
        self._nodes.append(node)
        return output

    def content(self, outputs: Mapping[str, tuple[str, Sequence[int | None]]]) -> bytes:
        """The model's bytes. outputs: name -> value and its shape."""
        nodes = [*self._nodes]
        for name, (value, _) in outputs.items():
            nodes.append(_field(1, value.encode()) + _field(2, name.encode()) + _field(4, b"Identity"))
        graph = b"".join(_field(1, node) for node in nodes) + _field(2, self._name.encode())
        graph += b"".join(_field(5, constant) for constant in self._constants)
        graph += b"".join(_field(11, value) for value in self._inputs)
        graph += b"".join(_field(12, _value(name, shape)) for name, (_, shape) in outputs.items())
        versions = _field(8, _integer(2, _OPSET)) + _field(8, _field(1, _OWN.encode()) + _integer(2, 1))
        return _integer(1, _IR) + _field(7, graph) + versions

    def _fresh(self, kind: str) -> str:
        self._count += 1
        return f"{kind}.{self._count}"


# --- protocol buffers ---


def _varint(value: int) -> bytes:
    value &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _tensor(name: str, value: np.ndarray) -> bytes:
    integer = value.dtype.kind in "iu"
    dims = b"".join(_integer(1, size) for size in value.shape)
    content = np.ascontiguousarray(value, dtype="<i8" if integer else "<f4").tobytes()
    return dims + _integer(2, _INT64 if integer else _FLOAT) + _field(8, name.encode()) + _field(9, content)


def _attribute(name: str, value: float | int | Sequence[int]) -> bytes:
    if isinstance(value, Sequence):
        return _field(1, name.encode()) + b"".join(_integer(8, each) for each in value) + _integer(20, 7)
    if isinstance(value, int):
        return _field(1, name.encode()) + _integer(3, value) + _integer(20, 2)
    return _field(1, name.encode()) + _varint(2 << 3 | 5) + struct.pack("<f", value) + _integer(20, 1)


def _value(name: str, shape: Sequence[int | None]) -> bytes:
    sizes = b"".join(
        _field(1, _field(2, f"{name}{i}".encode()) if size is None else _integer(1, size))
        for i, size in enumerate(shape)
    )
    kind = _integer(1, _FLOAT) + _field(2, sizes)
    return _field(1, name.encode()) + _field(2, _field(1, kind))
