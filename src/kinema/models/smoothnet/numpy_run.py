"""SmoothNet without torch: it is linear layers with leaky kinks, so NumPy runs the published checkpoints.

    net = NumpySmoothNet.load("checkpoint_32.pth.tar")
    smooth = net(windows)                       # (N, 32, C) -> (N, 32, C)

Architecture: Zeng et al., "SmoothNet: A Plug-and-Play Network for Refining Human Poses in Videos", ECCV 2022.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.errors import InputError

ROWS = 512
"""Rows that run through the layers together: their hidden values stay in the processor's cache."""


@dataclass(frozen=True)
class SmoothNetSizes:
    """window: frames in; outputs: frames out; hidden, inner: widths; blocks: how many residual blocks."""

    window: int
    outputs: int
    hidden: int
    inner: int
    blocks: int


def sizes_of(shapes: Mapping[str, tuple[int, ...]], name: str = "weights") -> SmoothNetSizes:
    """Read all sizes from the shapes of the tensors; nothing else about a file is reliable.

    Raises InputError where a tensor is missing, left over or does not fit the others.
    """
    for key in ("encoder.0.weight", "decoder.weight"):
        if len(shapes.get(key, ())) != 2:
            raise InputError(f"{name} is not a SmoothNet checkpoint: it has no matrix {key!r}")
    hidden, window = shapes["encoder.0.weight"]
    outputs = shapes["decoder.weight"][0]
    blocks = len({key.split(".")[1] for key in shapes if key.startswith("res_blocks.")})
    inner = shapes.get("res_blocks.0.linear1.weight", (0,))[0]
    expected: dict[str, tuple[int, ...]] = {
        "encoder.0.weight": (hidden, window),
        "encoder.0.bias": (hidden,),
        "decoder.weight": (outputs, hidden),
        "decoder.bias": (outputs,),
    }
    for i in range(blocks):
        expected[f"res_blocks.{i}.linear1.weight"] = (inner, hidden)
        expected[f"res_blocks.{i}.linear1.bias"] = (inner,)
        expected[f"res_blocks.{i}.linear2.weight"] = (hidden, inner)
        expected[f"res_blocks.{i}.linear2.bias"] = (hidden,)
    for key in sorted(expected.keys() | shapes.keys()):
        if shapes.get(key) != expected.get(key):
            found = f"has shape {shapes[key]}" if key in shapes else "is missing"
            wanted = f"expected {expected[key]}" if key in expected else "which no SmoothNet has"
            raise InputError(f"{name} is not a SmoothNet checkpoint: {key!r} {found}, {wanted}")
    return SmoothNetSizes(window, outputs, hidden, inner, blocks)


@dataclass(frozen=True, eq=False)
class NumpySmoothNet:
    """A trained SmoothNet. tensors: float32 arrays under the published names; sha256: of the file."""

    sizes: SmoothNetSizes
    tensors: Mapping[str, np.ndarray]
    name: str = "smoothnet"
    sha256: str = ""

    @classmethod
    def load(cls, path: str | Path) -> NumpySmoothNet:
        """Read a checkpoint of the authors, MMPose, MMHuman3D or `kinema train`; nothing in it is executed."""
        from kinema.storage.checkpoints import load_checkpoint

        path = Path(path)
        tensors = load_checkpoint(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return cls.from_tensors(tensors, name=path.name, sha256=digest)

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, np.ndarray], *, name: str = "weights", sha256: str = ""
    ) -> NumpySmoothNet:
        """From arrays by their published names, with or without DataParallel's `module.` before them."""
        tensors = {
            key.removeprefix("module."): np.ascontiguousarray(value, dtype=np.float32) for key, value in tensors.items()
        }
        sizes = sizes_of({key: value.shape for key, value in tensors.items()}, name)
        for key, value in tensors.items():
            if not np.isfinite(value).all():
                raise InputError(f"{name} holds a weight that is not finite in {key!r}; it cannot be used")
        return cls(sizes, tensors, name, sha256)

    @property
    def window(self) -> int:
        return self.sizes.window

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """(N, T, C) -> (N, T_out, C) float32; each coordinate's course through a window by itself.

        Raises InputError for windows of another length.
        """
        count, length, channels = windows.shape
        if length != self.window:
            raise InputError(f"{self.name} smooths windows of {self.window} frames, found {length}")
        rows = np.ascontiguousarray(np.swapaxes(windows, 1, 2), dtype=np.float32).reshape(-1, length)
        return np.swapaxes(self.rows(rows).reshape(count, channels, self.sizes.outputs), 1, 2)

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """Courses (N, T) float32 -> (N, T_out): the network itself."""
        out = np.empty((len(rows), self.sizes.outputs), dtype=np.float32)
        wide = np.empty((min(ROWS, len(rows)), self.sizes.hidden), dtype=np.float32)
        for first in range(0, len(rows), ROWS):
            piece = rows[first : first + ROWS]
            self._piece(piece, wide[: len(piece)], out[first : first + ROWS])
        return out

    def _piece(self, rows: np.ndarray, hidden: np.ndarray, out: np.ndarray) -> None:
        t = self.tensors
        np.matmul(rows, t["encoder.0.weight"].T, out=hidden)
        hidden += t["encoder.0.bias"]
        _leak(hidden, 0.1)
        for i in range(self.sizes.blocks):
            inner = rows_linear(hidden, t, f"res_blocks.{i}.linear1")
            _leak(inner, 0.2)
            more = rows_linear(inner, t, f"res_blocks.{i}.linear2")
            _leak(more, 0.2)
            hidden += more
        np.matmul(hidden, t["decoder.weight"].T, out=out)
        out += t["decoder.bias"]


def rows_linear(rows: np.ndarray, tensors: Mapping[str, np.ndarray], layer: str) -> np.ndarray:
    """(N, in) -> (N, out) by a layer's weight and bias."""
    out = rows @ tensors[f"{layer}.weight"].T
    out += tensors[f"{layer}.bias"]
    return out


def _leak(x: np.ndarray, slope: float) -> None:
    """Leaky ReLU of a slope below 1, in place."""
    np.maximum(x, np.float32(slope) * x, out=x)
