"""Checks of a checkpoint's tensors against those of a network: names, shapes, finite values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from kinema.errors import InputError, quoted

if TYPE_CHECKING:
    from torch import Tensor, nn

    Network = TypeVar("Network", bound=nn.Module)

Shapes = Mapping[str, tuple[int, ...]]

COUNTER = "num_batches_tracked"
"""End of the name of a batch norm's counter, which files of old versions of torch lack, and inference ignores."""


def require_shapes(shapes: Shapes, expected: Shapes, network: str, name: str) -> None:
    """Raise InputError unless the file `name` holds exactly the expected tensors, counters aside."""
    for key in sorted(expected.keys() | shapes.keys()):
        if not key.endswith(COUNTER) and shapes.get(key) != expected.get(key):
            found = f"has shape {shapes[key]}" if key in shapes else "is missing"
            wanted = f"expected {expected[key]}" if key in expected else f"which no {network} has"
            raise InputError(f"{name} is not a {network} checkpoint: {quoted(key)} {found}, {wanted}")


def require_finite(tensors: Mapping[str, np.ndarray], name: str) -> None:
    """Raise InputError for a weight that is not a number."""
    for key, value in tensors.items():
        if not np.isfinite(value).all():
            raise InputError(f"{name} holds a weight that is not finite in {quoted(key)}; it cannot be used")


def load_published(net: Network, tensors: Mapping[str, Tensor], network: str, name: str) -> Network:
    """Give a torch module the weights of a state dict and return it, for inference (eval mode, no gradients).

    Names may have DataParallel's prefix "module."; counters may be missing. network: what it is called in messages;
    name: the file. Raises InputError if a tensor is missing, superfluous, of another shape, or not finite.
    """
    tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
    own = net.state_dict()
    shapes = {key: tuple(value.shape) for key, value in tensors.items()}
    require_shapes(shapes, {key: tuple(value.shape) for key, value in own.items()}, network, name)
    weights = {key: value for key, value in tensors.items() if not key.endswith(COUNTER)}
    require_finite({key: value.detach().cpu().numpy() for key, value in weights.items()}, name)
    counters = {key: value for key, value in own.items() if key.endswith(COUNTER)}
    net.load_state_dict({**counters, **weights}, strict=True)
    return net.eval().requires_grad_(False)
