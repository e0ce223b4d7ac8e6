"""The recorded SmoothNet and SynSP networks, and how near their results are to be met."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from kinema.models.smoothnet.numpy_run import NumpySmoothNet
from tests.helpers.goldens import cases, recording, seeded_tensors

TOLERANCE = 1e-5
"""Of the largest value: float32 sums in another order."""

LONG_TOLERANCE = 5e-5
"""SynSP over more than 16 frames: the recorded outputs themselves lie up to 4.5e-5 from the float64 result. With
the matrix products of the processor that recorded them they are met within 1e-5 (64 frames: to the bit)."""


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float = TOLERANCE) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@functools.cache
def smoothnet(case: str) -> NumpySmoothNet:
    return NumpySmoothNet.from_tensors(seeded_tensors(f"smoothnet/manifest_{case}.json"))


def recorded_smoothnets() -> list[NumpySmoothNet]:
    """All of them: the recordings of sequences do not say which network ran."""
    return [smoothnet(case) for case in cases(recording("smoothnet/golden.npz"), r"(\w+)\.input_seed")]


def synsp_tolerance(frames: int) -> float:
    return TOLERANCE if frames <= 16 else LONG_TOLERANCE


def synsp_of(golden: Mapping[str, np.ndarray], coordinates: int) -> tuple[str, int]:
    """The first recorded SynSP for so many coordinates, and the frames of its windows."""
    shapes = {case: golden[f"{case}.single.input_shape"] for case in cases(golden, r"(\w+)\.single\.input_shape")}
    case = next(case for case, shape in shapes.items() if shape[-1] == coordinates)
    return case, int(shapes[case][-2])
