"""VideoPose3D without torch: its filters are matrices over the channels, one for each tap.

Norms are folded into the filters before them. The values of a layer lie frame by frame, so that a tap is one product of
all frames with a matrix, whatever the dilation; wide filters of three taps take half as many (`winograd`). Clips are
lifted in pieces, so that memory does not grow with their length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kinema.errors import InputError
from kinema.models.published_tensors import require_finite
from kinema.models.videopose3d.sizes import VideoPose3DSizes, sizes_of
from kinema.models.videopose3d.winograd import ThreeTaps

PIECE = 1944
"""Output frames that are computed at once: whole tiles of `ThreeTaps` in the last block of the usual networks."""

_WIDE = 64  # channels from which `ThreeTaps` saves time

_EPSILON = 1e-5  # of torch's batch norm


@dataclass(frozen=True, eq=False)
class _Filter:
    """Taps (K, C_in, C_out), bias (C_out,), frames between the taps. relu: set what is negative to 0."""

    taps: np.ndarray
    bias: np.ndarray
    dilation: int = 1
    relu: bool = True

    def __call__(self, x: np.ndarray) -> np.ndarray:  # (T, C_in) -> (T - (K - 1) dilation, C_out)
        length = len(x) - (len(self.taps) - 1) * self.dilation
        out = np.asarray(x[:length] @ self.taps[0])
        for k, tap in enumerate(self.taps[1:], start=1):
            out += x[k * self.dilation : k * self.dilation + length] @ tap
        out += self.bias
        return np.asarray(np.maximum(out, 0, out=out)) if self.relu else out


class NumpyVideoPose3D:
    """A trained VideoPose3D. tensors: arrays under the published names, with or without the prefix `module.`."""

    def __init__(self, tensors: Mapping[str, np.ndarray], *, causal: bool = False, name: str = "weights") -> None:
        given = {key.removeprefix("module."): np.asarray(value) for key, value in tensors.items()}
        self.sizes: VideoPose3DSizes = sizes_of({key: value.shape for key, value in given.items()}, name)
        require_finite(given, name)
        self.causal, self.name = causal, name
        self._expand = _folded(given, "expand_conv", "expand_bn", 1)
        self._blocks = [
            (
                _folded(given, f"layers_conv.{2 * i}", f"layers_bn.{2 * i}", dilation),
                _folded(given, f"layers_conv.{2 * i + 1}", f"layers_bn.{2 * i + 1}", 1),
            )
            for i, dilation in enumerate(self.sizes.dilations[1:])
        ]
        weight = given["shrink.weight"].astype(np.float32)
        bias = given["shrink.bias"].astype(np.float32)
        self._shrink = _Filter(np.ascontiguousarray(weight.transpose(2, 1, 0)), bias, relu=False)

    def __call__(self, keypoints: np.ndarray) -> np.ndarray:
        """Keypoints (T, J, 2) -> joints (T - 2 sum(pads), J_out, 3), float32.

        Raises InputError for another number of joints and for fewer frames than the receptive field.
        """
        field = self.sizes.receptive_field
        if keypoints.ndim != 3 or keypoints.shape[1:] != (self.sizes.joints_in, 2):
            raise InputError(
                f"{self.name} lifts {self.sizes.joints_in} joints of x and y per frame, found {keypoints.shape[1:]}"
            )
        if len(keypoints) < field:
            raise InputError(f"{self.name} needs {field} frames, found {len(keypoints)}; pad the clip at its ends")
        rows = np.ascontiguousarray(keypoints.reshape(len(keypoints), -1), dtype=np.float32)
        count = len(rows) - field + 1
        out = np.empty((count, self.sizes.joints_out, 3), dtype=np.float32)
        for first in range(0, count, PIECE):
            last = min(count, first + PIECE)
            out[first:last] = self._piece(rows[first : last + field - 1]).reshape(last - first, -1, 3)
        return out

    def _piece(self, x: np.ndarray) -> np.ndarray:
        x = self._expand(x)
        shifts = self.sizes.shifts(self.causal)
        for (wide, narrow), pad, shift in zip(self._blocks, self.sizes.pads[1:], shifts[1:], strict=True):
            more = narrow(wide(x))
            more += x[pad + shift : len(x) - pad + shift]
            x = more
        return self._shrink(x)


def _folded(tensors: Mapping[str, np.ndarray], conv: str, norm: str, dilation: int) -> _Filter | ThreeTaps:
    """A filter with the norm and the ReLU after it: in float64, rounded once."""
    weight, bias, mean, variance = (
        tensors[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = weight / np.sqrt(variance + _EPSILON)
    taps = tensors[f"{conv}.weight"].astype(np.float64).transpose(2, 1, 0) * scale
    shift = bias - mean * scale
    if len(taps) == 3 and min(taps.shape[1:]) >= _WIDE:
        return ThreeTaps(taps, shift, dilation)
    return _Filter(np.ascontiguousarray(taps, dtype=np.float32), shift.astype(np.float32), dilation)
