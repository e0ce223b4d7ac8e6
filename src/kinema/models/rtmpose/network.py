"""The network: a crop of 3 : 4 to keypoints, by the greatest value along each axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kinema.errors import InputError
from kinema.runtime import onnx_session

MEAN = np.array([123.675, 116.28, 103.53], dtype=np.float32)
STD = np.array([58.395, 57.12, 57.375], dtype=np.float32)
"""Of ImageNet's red, green and blue."""

BINS = 2
"""Classes per pixel of the crop."""


class RTMPose:
    """An RTMPose file. width, height: pixels of its crops. Called with crops (N, height, width, 3) uint8 RGB."""

    def __init__(self, path: str | Path, *, threads: int = 1) -> None:
        self._session = onnx_session(str(path), threads=threads)
        shape = self._session.get_inputs()[0].shape
        outputs = [out.name for out in self._session.get_outputs()]
        if len(shape) != 4 or shape[1] != 3 or len(outputs) != 2:
            raise InputError(f"{path} is no RTMPose network: it takes {shape} and gives {len(outputs)} outputs")
        self.height, self.width = int(shape[2]), int(shape[3])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (N, K, 2) in pixels of the crop, centres at integers, and confidences (N, K) in [0, 1]."""
        tensor = ((crops - MEAN) / STD).transpose(0, 3, 1, 2)
        x, y = self._session.run(None, {self._input: np.ascontiguousarray(tensor, dtype=np.float32)})
        return decode(x, y)


def decode(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, K, 2) and confidences (N, K) from the classes' values (N, K, BINS width), (N, K, BINS height)."""
    points = np.stack([x.argmax(axis=-1), y.argmax(axis=-1)], axis=-1) / BINS
    confidence = np.minimum(x.max(axis=-1), y.max(axis=-1))
    return points, np.clip(confidence, 0.0, 1.0)
