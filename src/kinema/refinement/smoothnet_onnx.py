"""SmoothNet by onnxruntime: an order of magnitude faster than NumPy, and still without torch.

The graph of a checkpoint is a handful of layers, so it is written here as the bytes of an ONNX model (protocol buffers:
a tag, a length, the content) and never touches the disk. `NumpySmoothNet` is the readable definition of the same.
"""

from __future__ import annotations

import struct
from functools import cached_property

import numpy as np

from kinema.errors import InputError
from kinema.refinement.smoothnet import NumpySmoothNet

PIECE = 512
"""Rows that run at once: their hidden values stay in the processor's cache."""

_FLOAT, _OPSET, _IR = 1, 17, 8


class OnnxSmoothNet:
    """Runs a SmoothNet. threads: how many onnxruntime may use."""

    def __init__(self, net: NumpySmoothNet, *, threads: int = 1) -> None:
        self.net, self.window, self._threads = net, net.window, threads

    @cached_property
    def _session(self):  # type: ignore[no-untyped-def]  # onnxruntime has no types
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(smoothnet_model(self.net), options, providers=["CPUExecutionProvider"])

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """(N, T, C) -> (N, T_out, C) float32. Raises InputError for windows of another length."""
        count, length, channels = windows.shape
        if length != self.window:
            raise InputError(f"{self.net.name} smooths windows of {self.window} frames, found {length}")
        rows = np.ascontiguousarray(np.swapaxes(windows, 1, 2), dtype=np.float32).reshape(-1, length)
        out = np.empty((len(rows), self.net.sizes.outputs), dtype=np.float32)
        for first in range(0, len(rows), PIECE):
            out[first : first + PIECE] = self._session.run(None, {"rows": rows[first : first + PIECE]})[0]
        return np.swapaxes(out.reshape(count, channels, -1), 1, 2)


def smoothnet_model(net: NumpySmoothNet) -> bytes:
    """An ONNX model of the network: input "rows" (N, T), output "smooth" (N, T_out), float32."""
    nodes: list[bytes] = []

    def layer(into: str, name: str, slope: float | None) -> str:
        nodes.append(_node("Gemm", [into, f"{name}.weight", f"{name}.bias"], f"{name}.out", _integer("transB", 1)))
        if slope is None:
            return f"{name}.out"
        nodes.append(_node("LeakyRelu", [f"{name}.out"], f"{name}.leak", _number("alpha", slope)))
        return f"{name}.leak"

    x = layer("rows", "encoder.0", 0.1)
    for i in range(net.sizes.blocks):
        more = layer(layer(x, f"res_blocks.{i}.linear1", 0.2), f"res_blocks.{i}.linear2", 0.2)
        nodes.append(_node("Add", [x, more], f"res_blocks.{i}.out"))
        x = f"res_blocks.{i}.out"
    nodes.append(_node("Identity", [layer(x, "decoder", None)], "smooth"))
    graph = b"".join(_field(1, node) for node in nodes)
    graph += _field(2, b"smoothnet")
    graph += b"".join(_field(5, _tensor(name, value)) for name, value in net.tensors.items())
    graph += _field(11, _value("rows", net.sizes.window)) + _field(12, _value("smooth", net.sizes.outputs))
    return _whole(1, _IR) + _field(7, graph) + _field(8, _whole(2, _OPSET))


# --- protocol buffers, as much as an ONNX model needs; field numbers are those of onnx.proto ---


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _whole(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _tensor(name: str, value: np.ndarray) -> bytes:
    dims = b"".join(_whole(1, size) for size in value.shape)
    return dims + _whole(2, _FLOAT) + _field(8, name.encode()) + _field(9, value.astype("<f4").tobytes())


def _node(kind: str, inputs: list[str], output: str, attribute: bytes = b"") -> bytes:
    names = b"".join(_field(1, name.encode()) for name in inputs) + _field(2, output.encode())
    return names + _field(4, kind.encode()) + (_field(5, attribute) if attribute else b"")


def _number(name: str, value: float) -> bytes:
    return _field(1, name.encode()) + _varint(2 << 3 | 5) + struct.pack("<f", value) + _whole(20, 1)


def _integer(name: str, value: int) -> bytes:
    return _field(1, name.encode()) + _whole(3, value) + _whole(20, 2)


def _value(name: str, width: int) -> bytes:
    shape = _field(1, _field(2, b"rows")) + _field(1, _whole(1, width))
    kind = _whole(1, _FLOAT) + _field(2, shape)
    return _field(1, name.encode()) + _field(2, _field(1, kind))
