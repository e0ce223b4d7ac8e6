"""P-STMO with onnxruntime: without torch, the middle frame only, several windows at once.

The encoder of single poses runs once for every frame of a clip, not once for every window that the frame lies in. What
follows depends on the place in the window and runs for each. Norms are folded into the layers after them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from kinema.errors import InputError
from kinema.models.onnx_model import Model
from kinema.models.pstmo.sizes import HEADS, PLACED, PSTMOSizes, checked_tensors
from kinema.runtime import onnx_session

WINDOWS = 4
"""Windows per call: their values stay in the CPU cache."""

POSES = 4096
"""Poses that the first encoder takes at once."""

_SLOPE, _EPSILON = 0.2, 1e-5


class OnnxPSTMO:
    """Runs a P-STMO checkpoint. tensors: arrays under the published names, with or without the prefix `module.`."""

    def __init__(self, tensors: Mapping[str, np.ndarray], *, name: str = "weights", threads: int = 1) -> None:
        self.sizes, self._tensors = checked_tensors(tensors, name)
        self.name, self._threads = name, threads

    @cached_property
    def _poses(self) -> Any:
        return onnx_session(pose_model(self.sizes, self._tensors), threads=self._threads)

    @cached_property
    def _windows(self) -> Any:
        return onnx_session(window_model(self.sizes, self._tensors), threads=self._threads)

    def tokens(self, keypoints: np.ndarray) -> np.ndarray:
        """(T, d) float32: the poses (T, J, 2), each encoded by itself. Raises InputError for other joints."""
        if keypoints.ndim != 3 or keypoints.shape[1:] != (self.sizes.joints_in, 2):
            raise InputError(
                f"{self.name} lifts {self.sizes.joints_in} joints of x and y per frame, found {keypoints.shape[1:]}"
            )
        rows = np.ascontiguousarray(keypoints.reshape(len(keypoints), -1), dtype=np.float32)
        parts = [self._poses.run(None, {"poses": rows[i : i + POSES]})[0] for i in range(0, len(rows), POSES)]
        return np.concatenate(parts) if parts else np.zeros((0, self.sizes.width), dtype=np.float32)

    def middles(self, windows: np.ndarray) -> np.ndarray:
        """(N, J_out, 3) float32: the middle frames of windows (N, T, d) of tokens."""
        out = np.empty((len(windows), self.sizes.joints_out, 3), dtype=np.float32)
        for first in range(0, len(windows), WINDOWS):
            piece = np.ascontiguousarray(windows[first : first + WINDOWS], dtype=np.float32)
            out[first : first + WINDOWS] = self._windows.run(None, {"tokens": piece})[0].reshape(len(piece), -1, 3)
        return out

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """Windows (N, T, J, 2) of keypoints -> the joints (N, J_out, 3) of their middle frames."""
        if windows.shape[1] != self.sizes.frames:
            raise InputError(f"{self.name} lifts windows of {self.sizes.frames} frames, found {windows.shape[1]}")
        flat = self.tokens(windows.reshape(-1, *windows.shape[2:]))
        return self.middles(flat.reshape(*windows.shape[:2], -1))


def pose_model(sizes: PSTMOSizes, tensors: Mapping[str, np.ndarray]) -> bytes:
    """An ONNX model of the encoder of single poses: "poses" (T, 2 J) -> "tokens" (T, d)."""
    model, t = Model("pstmo-poses"), tensors

    def layer(rows: str, name: str, norm: str) -> str:
        scale, shift = _norm_of(t, norm)
        weight = scale[:, None] * t[f"{name}.weight"][..., 0]
        out = _linear(model, rows, weight, scale * t[f"{name}.bias"] + shift)
        return model.add("LeakyRelu", [out], alpha=_SLOPE)

    rows = layer(model.input("poses", (None, sizes.joints_in * 2)), "encoder.fc_1", "encoder.bn_1")
    inner = layer(rows, "encoder.layers.0.w1", "encoder.layers.0.batch_norm1")
    rows = model.add("Add", [rows, layer(inner, "encoder.layers.0.w2", "encoder.layers.0.batch_norm2")])
    tokens = _linear(model, rows, t["encoder.fc_2.weight"][..., 0], t["encoder.fc_2.bias"])
    return model.content({"tokens": (tokens, (None, sizes.width))})


def window_model(sizes: PSTMOSizes, tensors: Mapping[str, np.ndarray]) -> bytes:
    """An ONNX model of everything after it: "tokens" (N, T, d) -> "joints" (N, 3 J_out)."""
    return _Windows(sizes, tensors).content()


class _Windows:
    """Builds the graph. Tokens are rows (N*T, d) in products, (N, T, d) where time counts."""

    def __init__(self, sizes: PSTMOSizes, tensors: Mapping[str, np.ndarray]) -> None:
        self.sizes, self.t, self.model = sizes, tensors, Model("pstmo-windows")

    def content(self) -> bytes:
        model, sizes, t = self.model, self.sizes, self.t
        length, reduce = sizes.frames, "Transformer_reduce.model"
        x = model.input("tokens", (None, length, sizes.width))
        x = self._rows(model.add("Add", [x, model.constant(t["Transformer.pos_embedding"])]))
        for i in range(sizes.layers):
            name = f"Transformer.model.layers.{i}"
            x = self._attention(name, x, length)
            x = self._forward(name, x)
        for i, stride in enumerate(sizes.strides):
            if i < PLACED:
                places = model.constant(t[f"{reduce}.pos_embedding_{i + 1}"][:, :length])
                x = self._rows(model.add("Add", [self._tokens(x, length), places]))
            x = self._attention(f"{reduce}.layers.{i}", x, length)
            x = self._strided(f"{reduce}.layers.{i}", x, length, stride)
            length = sizes.lengths[i]
        scale, shift = _norm_of(t, "fcn.0")
        weight = t["fcn.1.weight"][..., 0]
        joints = _linear(model, x, weight * scale, weight @ shift + t["fcn.1.bias"])
        return model.content({"joints": (joints, (None, 3 * sizes.joints_out))})

    def _attention(self, layer: str, x: str, length: int) -> str:
        """Rows after self-attention with its residual."""
        model, name = self.model, f"{layer}.self_attn.linears"
        rows = self._normed(f"{layer}.sublayer.0.norm", x)
        weights = [(self.t[f"{name}.{k}.weight"], self.t[f"{name}.{k}.bias"]) for k in range(4)]
        mixed = [self._tokens(_linear(model, rows, *weights[k]), length) for k in range(3)]
        seen = model.add("MultiHeadAttention", mixed, num_heads=HEADS)
        return model.add("Add", [x, _linear(model, self._rows(seen), *weights[3])])

    def _forward(self, layer: str, x: str) -> str:
        name = f"{layer}.feed_forward"
        inner = _linear(self.model, *self._entering(layer, x))
        inner = self.model.add("Relu", [inner])
        more = _linear(self.model, inner, self.t[f"{name}.w_2.weight"], self.t[f"{name}.w_2.bias"])
        return self.model.add("Add", [x, more])

    def _strided(self, layer: str, x: str, length: int, stride: int) -> str:
        """The same with a filter of three frames and a stride: three products on every stride-th frame."""
        model, sizes, name = self.model, self.sizes, f"{layer}.feed_forward"
        rows, weight, bias = self._entering(layer, x)
        inner = model.add("Relu", [_linear(model, rows, weight[..., 0], bias)])
        padded = model.add(
            "Pad",
            [self._tokens(inner, length, sizes.inner), model.constant(np.array([0, 1, 0, 0, 1, 0]))],
        )
        taps = self.t[f"{name}.w_2.weight"]  # (d, inner, 3)
        kept = -(-length // stride)
        near = [self._every(padded, k, stride, kept) for k in range(3)]
        joined = self._shaped(model.add("Concat", near, axis=2), -1, 3 * sizes.inner)
        more = _linear(model, joined, np.concatenate(list(taps.transpose(2, 0, 1)), axis=1), self.t[f"{name}.w_2.bias"])
        own = self._rows(self._every(self._tokens(x, length), 0, stride, kept))
        return model.add("Add", [own, more])

    def _every(self, x: str, first: int, stride: int, count: int) -> str:
        """Frames first, first + stride, ... of (N, T, C)."""
        places = self.model.constant(first + stride * np.arange(count))
        return self.model.add("Gather", [x, places], axis=1)

    def _entering(self, layer: str, x: str) -> tuple[str, np.ndarray, np.ndarray]:
        """Normed rows, and the weight and bias of the first feed-forward layer."""
        name = f"{layer}.feed_forward.w_1"
        return self._normed(f"{layer}.sublayer.1.norm", x), self.t[f"{name}.weight"], self.t[f"{name}.bias"]

    def _normed(self, name: str, x: str) -> str:
        """The published norm divides by the unbiased deviation; its epsilon of 1e-6 there is left out."""
        d = self.sizes.width
        scale, shift = (
            self.model.constant(value)
            for value in (self.t[f"{name}.a_2"] * np.sqrt((d - 1) / d), self.t[f"{name}.b_2"])
        )
        return self.model.add("LayerNormalization", [x, scale, shift], axis=-1, epsilon=1e-12)

    def _rows(self, x: str) -> str:
        return self._shaped(x, -1, self.sizes.width)

    def _tokens(self, rows: str, length: int, width: int | None = None) -> str:
        return self._shaped(rows, -1, length, width or self.sizes.width)

    def _shaped(self, value: str, *shape: int) -> str:
        return self.model.add("Reshape", [value, self.model.constant(np.array(shape))])


def _linear(model: Model, rows: str, weight: np.ndarray, bias: np.ndarray) -> str:
    """Rows (R, in) times a matrix (out, in)."""
    return model.add("Gemm", [rows, model.constant(weight.T), model.constant(bias)])


def _norm_of(tensors: Mapping[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    """A batch norm as a factor and a shift."""
    weight, bias, mean, variance = (
        tensors[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = weight / np.sqrt(variance + _EPSILON)
    return scale, bias - mean * scale
