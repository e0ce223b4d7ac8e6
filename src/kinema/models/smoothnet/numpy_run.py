"""SmoothNet without torch: it is linear layers and leaky ReLUs, so NumPy runs the published checkpoints.

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
from kinema.models.published_tensors import require_finite
from kinema.models.smoothnet.facts import BLOCK_SLOPE, ENCODER_SLOPE
from kinema.models.smoothnet.sizes import SmoothNetSizes, sizes_of

ROWS = 512
"""Rows that are processed together: their hidden values stay in the CPU cache."""


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
        """From arrays by their published names, with or without DataParallel's prefix `module.`."""
        tensors = {
            key.removeprefix("module."): np.ascontiguousarray(value, dtype=np.float32) for key, value in tensors.items()
        }
        sizes = sizes_of({key: value.shape for key, value in tensors.items()}, name)
        require_finite(tensors, name)
        return cls(sizes, tensors, name, sha256)

    @property
    def window(self) -> int:
        return self.sizes.window

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """(N, T, C) -> (N, T_out, C) float32, each coordinate of a window separately.

        Raises InputError for windows of another length.
        """
        count, length, channels = windows.shape
        if length != self.window:
            raise InputError(f"{self.name} smooths windows of {self.window} frames, found {length}")
        rows = np.ascontiguousarray(np.swapaxes(windows, 1, 2), dtype=np.float32).reshape(-1, length)
        return np.swapaxes(self.rows(rows).reshape(count, channels, self.sizes.outputs), 1, 2)

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """Sequences (N, T) float32 -> (N, T_out): the network itself."""
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
        _leaky_relu(hidden, ENCODER_SLOPE)
        for i in range(self.sizes.blocks):
            inner = rows_linear(hidden, t, f"res_blocks.{i}.linear1")
            _leaky_relu(inner, BLOCK_SLOPE)
            more = rows_linear(inner, t, f"res_blocks.{i}.linear2")
            _leaky_relu(more, BLOCK_SLOPE)
            hidden += more
        np.matmul(hidden, t["decoder.weight"].T, out=out)
        out += t["decoder.bias"]


def rows_linear(rows: np.ndarray, tensors: Mapping[str, np.ndarray], layer: str) -> np.ndarray:
    """(N, in) -> (N, out) through a layer's weight and bias."""
    out = rows @ tensors[f"{layer}.weight"].T
    out += tensors[f"{layer}.bias"]
    return np.asarray(out)


def _leaky_relu(x: np.ndarray, slope: float) -> None:
    """Leaky ReLU with a slope below 1, in place."""
    np.maximum(x, np.float32(slope) * x, out=x)
