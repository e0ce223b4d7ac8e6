"""Darknet's `.weights` files: a header, then all numbers of the network without names.

The header is major, minor and revision as int32 and the number of images seen in training, an int64 from version 0.2
on and an int32 before. float32 values follow until the end, in the order of `architecture.tensors_in_order`; all are
little-endian.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from kinema.errors import InputError, WeightsError
from kinema.models.published_tensors import require_finite
from kinema.models.yolov3.architecture import LAYERS, TITLES, tensors_in_order

_VERSION = 12
"""Bytes of the three numbers of the version."""


def header_bytes(head: bytes) -> int:
    """Length of the header, from the first bytes of a file."""
    major, minor, _ = np.frombuffer(head[:_VERSION], "<i4")
    return _VERSION + (8 if int(major) * 10 + int(minor) >= 2 else 4)


def values_of(network: str) -> int:
    """How many numbers a network has."""
    return sum(math.prod(shape) for _, shape in tensors_in_order(LAYERS[network]))


def read_weights(path: str | Path, network: str) -> dict[str, np.ndarray]:
    """The tensors of a `.weights` file by name, for `network`, one of `LAYERS`.

    Raises WeightsError if its length is not that of the network, InputError if it cannot be read or holds a number
    that is not finite.
    """
    path, title = Path(path), TITLES[network]
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_VERSION)
            if len(head) < _VERSION:
                raise WeightsError(f"{path} is not the weights of {title}: it has only {size} bytes")
            start = header_bytes(head)
            _require_length(path, size - start, network)
            file.seek(start)
            values = np.fromfile(file, dtype="<f4", count=values_of(network))
    except OSError as error:
        raise InputError(f"cannot read the weights file {path}: {error.strerror or error}") from None
    if len(values) < values_of(network):
        raise InputError(f"cannot read the weights file {path}: it became shorter while it was read")
    tensors, place = {}, 0
    for name, shape in tensors_in_order(LAYERS[network]):
        count = math.prod(shape)
        tensors[name] = values[place : place + count].reshape(shape)
        place += count
    require_finite(tensors, str(path))
    return tensors


def _require_length(path: Path, found: int, network: str) -> None:
    expected = 4 * values_of(network)
    if found == expected:
        return
    for other, title in TITLES.items():
        if found == 4 * values_of(other):
            raise WeightsError(
                f"{path} is the weights of {title}, not of {TITLES[network]}; choose the detector {other}"
            )
    what = "it is cut off" if found < expected else "it belongs to another network"
    raise WeightsError(
        f"{path} is not the weights of {TITLES[network]}: it has {found} bytes of numbers instead of {expected}, so"
        f" {what}; fetch {network}.weights of the authors again"
    )
