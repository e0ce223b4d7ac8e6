"""Filters of three taps with 6 products for 4 output frames instead of 12: Winograd's minimal filtering, F(4, 3).

A filter of three taps over four output frames is a product of polynomials, which six of their values determine
(Winograd 1980, Arithmetic Complexity of Computations; Lavin and Gray, CVPR 2016, for networks; the points are 0, 1, -1,
2, -2 and infinity). With a dilation d, "frames" are blocks of d frames: the filter never mixes the frames within one.
In float32 the result is off by 2e-6 of the largest value with filters of 1024 channels (tests/models).
"""

from __future__ import annotations

import numpy as np

OUTPUTS, INPUTS = 4, 6
"""Blocks of output frames of one tile, and blocks of input frames that they depend on."""

_ROWS = 64  # of the transforms at once: their values stay in the CPU's cache

_TAPS = np.array(
    [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6],
     [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]]
)  # fmt: skip
"""Values of the taps' polynomial."""


class ThreeTaps:
    """A filter of three taps, with its bias and the ReLU after it."""

    def __init__(self, taps: np.ndarray, bias: np.ndarray, dilation: int) -> None:
        """taps (3, C_in, C_out), bias (C_out,), in float64; dilation: frames between the taps."""
        self._matrices = np.ascontiguousarray(np.einsum("ik,kab->iab", _TAPS, taps), dtype=np.float32)
        self._bias, self._dilation = bias.astype(np.float32), dilation

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(T, C_in) float32 -> (T - 2 dilation, C_out), what is negative set to 0."""
        step, count = self._dilation, len(x) - 2 * self._dilation
        tiles = -(-count // (OUTPUTS * step))
        needed = (tiles * OUTPUTS + 2) * step
        if needed > len(x):
            x = np.concatenate([x, np.zeros((needed - len(x), x.shape[1]), dtype=x.dtype)])
        blocks = x.reshape(-1, step, x.shape[1])
        values = np.empty((INPUTS, tiles, step, x.shape[1]), dtype=np.float32)
        chunk = max(1, _ROWS // step)
        for first in range(0, tiles, chunk):
            last = min(first + chunk, tiles)
            inside = [blocks[OUTPUTS * first + i : OUTPUTS * (last - 1) + i + 1 : OUTPUTS] for i in range(INPUTS)]
            _evaluate(inside, values[:, first:last])
        products = [
            value.reshape(tiles * step, -1) @ matrix for value, matrix in zip(values, self._matrices, strict=True)
        ]
        out = np.empty((tiles, OUTPUTS, step, len(self._bias)), dtype=np.float32)
        for first in range(0, tiles, chunk):
            last = min(first + chunk, tiles)
            parts = [each[first * step : last * step].reshape(last - first, step, -1) for each in products]
            _interpolate(parts, out[first:last])
            part = out[first:last]
            part += self._bias
            np.maximum(part, 0, out=part)
        return out.reshape(-1, len(self._bias))[:count]


def _evaluate(d: list[np.ndarray], out: np.ndarray) -> None:
    """The values (6, ...) of the input polynomial, for six blocks."""
    even, odd = d[4] - 4 * d[2], d[3] - 4 * d[1]
    np.add(even, odd, out=out[1])
    np.subtract(even, odd, out=out[2])
    np.subtract(d[4], d[2], out=even)
    np.subtract(d[3], d[1], out=odd)
    odd *= 2
    np.add(even, odd, out=out[3])
    np.subtract(even, odd, out=out[4])
    for k in (0, 1):  # 4 d0 - 5 d2 + d4, and the same of d1, d3, d5
        np.subtract(d[k], d[k + 2], out=even)
        even *= 4
        even -= d[k + 2]
        np.add(even, d[k + 4], out=out[5 * k])


def _interpolate(m: list[np.ndarray], out: np.ndarray) -> None:
    """The four output blocks (..., 4, step, C) of six products."""
    ones, one, twos, two = m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]
    np.add(ones, twos, out=out[:, 0])
    out[:, 0] += m[0]
    two *= 2
    np.add(one, two, out=out[:, 1])
    twos *= 4
    np.add(ones, twos, out=out[:, 2])
    two *= 4
    np.add(one, two, out=out[:, 3])
    out[:, 3] += m[5]
