"""SynSP with onnxruntime, one view, the final output only: without torch and much faster than the published code.

The graph computes what `kinema.models.synsp.network` computes, up to float32 rounding, with a quarter fewer operations.
Consecutive constant matrices are merged (in float64): both input layers and the decoders' first queries; both output
layers; of the two heads only their difference, which is all that the final output uses. If that is cheaper, the queries
and keys of a head are merged, and so are values and output: a head then attends to the tokens directly, so that a
memory needs no projection and all heads of a window are one product. The last layer, which the published network
computes once for each head, is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError
from kinema.models.onnx_model import Model
from kinema.models.synsp.facts import POSITIONS, TENSORS
from kinema.models.synsp.sizes import SynSPSizes, checked_tensors, cosines
from kinema.runtime import onnx_session

KIND = "synsp"

MANY = 96
"""Windows of eight frames per call: their intermediate values stay in the CPU cache."""


def recognises(tensors: Mapping[str, np.ndarray]) -> bool:
    """Whether these are the tensors of a SynSP."""
    return all(name in tensors for name in TENSORS)


def from_checkpoint(tensors: Mapping[str, np.ndarray], path: Path) -> OnnxSynSP:
    """The network with the tensors of the file `path`. Raises InputError."""
    return OnnxSynSP(tensors, path.name)


class OnnxSynSP:
    """Runs a SynSP checkpoint. coordinates: numbers per frame; window: None, any up to 100 frames."""

    window = None

    def __init__(self, tensors: Mapping[str, np.ndarray], name: str) -> None:
        self._sizes, self._tensors = checked_tensors(tensors, name)
        self.coordinates = self._sizes.coordinates
        self._session = lru_cache(maxsize=4)(self._make_session)

    def _make_session(self, frames: int) -> Any:
        return onnx_session(synsp_model(self._sizes, self._tensors, frames))

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """(N, W, C) -> (N, W, C) float32. Raises InputError for windows of more than 100 frames."""
        frames = windows.shape[1]
        if not 1 <= frames <= POSITIONS:
            raise InputError(f"SynSP takes windows of at most {POSITIONS} frames, found {frames}")
        run, many = self._session(frames), max(1, MANY * 8 // frames)
        out = np.empty(windows.shape, dtype=np.float32)
        for first in range(0, len(windows), many):
            piece = np.ascontiguousarray(windows[first : first + many], dtype=np.float32)
            out[first : first + many] = run.run(None, {"windows": piece})[0]
        return out


def synsp_model(sizes: SynSPSizes, tensors: Mapping[str, np.ndarray], frames: int) -> bytes:
    """An ONNX model of the network: input "windows" (N, F, C), output "smooth" (N, F, C), float32."""
    return _Graph(sizes, {key: np.asarray(value, np.float64) for key, value in tensors.items()}, frames).content()


class _Graph:
    """Builds the graph. Tokens are rows (N*F, d); a memory (N, M, d) is what they attend to."""

    def __init__(self, sizes: SynSPSizes, tensors: Mapping[str, np.ndarray], frames: int) -> None:
        self.sizes, self.tensors, self.frames = sizes, tensors, frames
        self.model = Model("synsp")
        self.folded = sizes.width <= 2 * sizes.head

    def content(self) -> bytes:
        model, t, channels = self.model, self.tensors, self.sizes.coordinates
        windows = model.input("windows", (None, self.frames, channels))
        spectrum = model.add("MatMul", [model.constant(cosines(self.frames)), windows])
        self.rows = self._shaped(spectrum, -1, channels)
        self.enter = _chained(t, "proj_i_a")
        self.own = self._linear(self.rows, *self.enter)
        local, shared = self._encoder("encoder_local"), self._encoder("encoder_global")
        # With one view, the agreement of two views is perfect: exp(0) is added to the shared tokens.
        shared = model.add("Add", [shared, model.constant(np.ones(1))])
        both = self._decoder("decoder", model.add("Concat", [local, shared], axis=1), again=True)
        precise, smooth = _chained(t, "proj_o_p"), _chained(t, "proj_o_a")
        apart = self._linear(both, (precise[0] - smooth[0]) / 2, (precise[1] - smooth[1]) / 2)
        sure = model.add("Add", [shared, self._quality(self._shaped(apart, -1, self.frames, channels))])
        memory = model.add("Concat", [self._tokens(both), sure], axis=1)
        final = self._linear(self._decoder("decoder_2", memory), *_chained(t, "proj_o_2"))
        shape = (None, self.frames, channels)
        return model.content({"smooth": (self._shaped(final, -1, self.frames, channels), shape)})

    def _encoder(self, stack: str) -> str:
        """Memory (N, F, d)."""
        model, frames = self.model, self.frames
        places = self.tensors[f"{stack}.position_enc.pos_table"][0, :frames]
        rows = self._shaped(model.add("Add", [self._tokens(self.own), model.constant(places)]), -1, self.sizes.width)

        def of_spectrum(matrix: np.ndarray) -> str:
            asked = self._shaped(self._entering(matrix), -1, frames, len(matrix))
            return model.add("Add", [asked, model.constant(places @ matrix.T)])

        for i in range(self.sizes.layers):
            layer = f"{stack}.layer_stack.{i}"
            asked = self._queries(f"{layer}.slf_attn", self._queries_of(rows) if i else of_spectrum)
            rows = self._forward(layer, self._attention(f"{layer}.slf_attn", rows, asked, self._tokens(rows), frames))
        return self._tokens(rows)

    def _decoder(self, stack: str, memory: str, *, again: bool = False) -> str:
        """Rows. again: apply the last layer once more."""
        rows = self.own
        for i in [*range(self.sizes.layers), *[self.sizes.layers - 1] * again]:
            layer = f"{stack}.layer_stack.{i}"
            asked = self._queries(f"{layer}.enc_attn", self._entering if rows is self.own else self._queries_of(rows))
            rows = self._forward(layer, self._attention(f"{layer}.enc_attn", rows, asked, memory, 2 * self.frames))
        return self.model.add("Add", [rows, self.own])

    def _queries_of(self, rows: str) -> Callable[[np.ndarray], str]:
        return lambda matrix: self._linear(rows, matrix)

    def _entering(self, matrix: np.ndarray) -> str:
        """The input tokens times a matrix: directly from the spectrum, which is narrower."""
        weight, bias = self.enter
        return self._linear(self.rows, matrix @ weight, matrix @ bias)

    def _queries(self, name: str, ask: Callable[[np.ndarray], str]) -> str:
        """The tokens' queries of all heads, concatenated (N*F, heads * width of a key)."""
        queries = self.tensors[f"{name}.w_qs.weight"] / np.sqrt(self.sizes.head)
        if not self.folded:
            return ask(queries)
        keys = self._by_head(self.tensors[f"{name}.w_ks.weight"])
        return ask((np.swapaxes(keys, 1, 2) @ self._by_head(queries)).reshape(-1, self.sizes.width))

    def _attention(self, name: str, rows: str, asked: str, memory: str, length: int) -> str:
        """Rows after attention to a memory of `length` tokens, with residual and norm."""
        model, sizes, t = self.model, self.sizes, self.tensors
        values, leave = t[f"{name}.w_vs.weight"], t[f"{name}.fc.weight"]
        if self.folded:
            asked = self._shaped(asked, -1, self.frames * sizes.heads, sizes.width)
            share = model.add("Softmax", [model.add("FusedMatMul", [asked, memory], transB=1)], axis=-1)
            seen = self._shaped(model.add("MatMul", [share, memory]), -1, sizes.heads * sizes.width)
            by_head = np.swapaxes(leave.reshape(sizes.width, sizes.heads, -1), 0, 1) @ self._by_head(values)
            mixed = self._linear(seen, np.concatenate(by_head, axis=1))
        else:
            flat = self._shaped(memory, -1, sizes.width)
            keys = self._heads_first(self._linear(flat, t[f"{name}.w_ks.weight"]), length)
            held = self._heads_first(self._linear(flat, values), length)
            asked = self._heads_first(asked, self.frames)
            share = model.add("Softmax", [model.add("FusedMatMul", [asked, keys], transB=1)], axis=-1)
            seen = model.add("Transpose", [model.add("MatMul", [share, held])], perm=(0, 2, 1, 3))
            mixed = self._linear(self._shaped(seen, -1, sizes.heads * sizes.head), leave)
        return self._normed(f"{name}.layer_norm", mixed, rows)

    def _forward(self, layer: str, rows: str) -> str:
        """The feed-forward layers with their residual and norm."""
        t, name = self.tensors, f"{layer}.pos_ffn"
        inner = self.model.add("Relu", [self._linear(rows, t[f"{name}.w_1.weight"], t[f"{name}.w_1.bias"])])
        more = self._linear(inner, t[f"{name}.w_2.weight"])
        return self._normed(f"{name}.layer_norm", more, rows, t[f"{name}.w_2.bias"])

    def _quality(self, apart: str) -> str:
        """How little the heads differ in a frame, relative to the window's worst: (N, F, C) -> (N, F, 1)."""
        model = self.model
        size = model.add("Abs", [apart])
        worst = model.add("Add", [model.add("ReduceMax", [size], axes=(1,), keepdims=1), model.constant(_one(1e-5))])
        ratio = model.add("Div", [model.add("Add", [size, model.constant(_one(1e-6))]), worst])
        return model.add("ReduceMean", [model.add("Exp", [model.add("Neg", [ratio])])], axes=(2,), keepdims=1)

    def _normed(self, name: str, rows: str, residual: str, bias: np.ndarray | None = None) -> str:
        scale, shift = (self.model.constant(self.tensors[f"{name}.{part}"]) for part in ("weight", "bias"))
        more = [] if bias is None else [self.model.constant(bias)]
        return self.model.add("SkipLayerNormalization", [rows, residual, scale, shift, *more], epsilon=1e-6)

    def _linear(self, rows: str, weight: np.ndarray, bias: np.ndarray | None = None) -> str:
        """Rows (R, in) times a matrix (out, in)."""
        if bias is None:
            return self.model.add("MatMul", [rows, self.model.constant(weight.T)])
        return self.model.add("Gemm", [rows, self.model.constant(weight.T), self.model.constant(bias)])

    def _heads_first(self, rows: str, length: int) -> str:
        parts = self._shaped(rows, -1, length, self.sizes.heads, self.sizes.head)
        return self.model.add("Transpose", [parts], perm=(0, 2, 1, 3))

    def _by_head(self, weight: np.ndarray) -> np.ndarray:
        """(heads * head, d) -> (heads, head, d)."""
        return weight.reshape(self.sizes.heads, -1, weight.shape[1])

    def _tokens(self, rows: str) -> str:
        return self._shaped(rows, -1, self.frames, self.sizes.width)

    def _shaped(self, value: str, *shape: int) -> str:
        return self.model.add("Reshape", [value, self.model.constant(np.array(shape))])


def _chained(tensors: Mapping[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    """A module's two linear layers merged into one matrix and bias."""
    first, second = tensors[f"{name}.0.weight"], tensors[f"{name}.1.weight"]
    return second @ first, second @ tensors[f"{name}.0.bias"] + tensors[f"{name}.1.bias"]


def _one(value: float) -> np.ndarray:
    return np.full(1, value)
