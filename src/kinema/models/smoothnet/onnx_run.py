"""SmoothNet with onnxruntime: an order of magnitude faster than NumPy, and still without torch.

`NumpySmoothNet` is the readable reference implementation.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError
from kinema.models.onnx_model import Model
from kinema.models.smoothnet.facts import BLOCK_SLOPE, ENCODER_SLOPE, TENSORS
from kinema.models.smoothnet.numpy_run import NumpySmoothNet
from kinema.runtime import onnx_session

KIND = "smoothnet"

PIECE = 512
"""Rows per call: their hidden values stay in the CPU cache."""


def recognises(tensors: Mapping[str, np.ndarray]) -> bool:
    """Whether these are the tensors of a SmoothNet."""
    return all(name in tensors for name in TENSORS)


def from_checkpoint(tensors: Mapping[str, np.ndarray], path: Path) -> OnnxSmoothNet:
    """The network with the tensors of the file `path`. Raises InputError if its windows change their length."""
    net = NumpySmoothNet.from_tensors(tensors, name=path.name)
    if net.sizes.window != net.sizes.outputs:
        raise InputError(
            f"{path} returns {net.sizes.outputs} frames for {net.sizes.window}; give a network that keeps their number"
        )
    return OnnxSmoothNet(net)


class OnnxSmoothNet:
    """Runs a SmoothNet. coordinates: None, any number of them."""

    coordinates = None

    def __init__(self, net: NumpySmoothNet) -> None:
        self.net, self.window = net, net.window

    @cached_property
    def _session(self) -> Any:
        return onnx_session(smoothnet_model(self.net))

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
    model = Model("smoothnet")

    def layer(into: str, name: str, slope: float | None) -> str:
        weight, bias = (model.constant(net.tensors[f"{name}.{part}"]) for part in ("weight", "bias"))
        out = model.add("Gemm", [into, weight, bias], transB=1)
        return out if slope is None else model.add("LeakyRelu", [out], alpha=slope)

    x = layer(model.input("rows", (None, net.sizes.window)), "encoder.0", ENCODER_SLOPE)
    for i in range(net.sizes.blocks):
        more = layer(layer(x, f"res_blocks.{i}.linear1", BLOCK_SLOPE), f"res_blocks.{i}.linear2", BLOCK_SLOPE)
        x = model.add("Add", [x, more])
    return model.content({"smooth": (layer(x, "decoder", None), (None, net.sizes.outputs))})
