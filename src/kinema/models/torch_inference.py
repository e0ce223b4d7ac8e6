"""What published torch networks for images share: reading a checkpoint, and preparing the network to run fast.

Imported by the modules that run a network, which are themselves imported when a network is opened. torch is imported in
functions, so that a missing torch is found where it can be explained.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn


def require_torch() -> None:
    """Raise ModuleNotFoundError if torch is not installed; called before weights are asked for."""
    import torch  # noqa: F401


def chosen_device(device: str) -> str:
    """The device, "cpu" or "cuda"; "auto": a GPU if there is one. Raises UsageError where torch can use none."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("there is no GPU that torch can use; choose the device cpu or auto")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"


def prepared(net: nn.Module, shape: tuple[int, ...], *, threads: int) -> nn.Module:
    """The network for inference on the CPU, changed in place: the same numbers within rounding, in less time.

    Batch norms are folded into the convolutions, images are channels-last, and weights are packed once. shape:
    (B,3,H,W) of the images for which it is to be fast. threads: of torch, for the whole process.
    """
    import torch

    from kinema.models.fast_convolutions import can_pack, fold_batch_norms, input_sizes, pack_convolutions

    torch.set_num_threads(threads)
    fold_batch_norms(net)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return pack_convolutions(net, sizes=input_sizes(net, torch.zeros(shape))) if can_pack() else net


def run(net: nn.Module, images: np.ndarray) -> np.ndarray:
    """A network's output for images (B,3,H,W) float32, as an array."""
    import torch

    with torch.inference_mode():
        given = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
        out: Any = net(given)
    return np.asarray(out.float().numpy())


def read_network(
    path: str | Path,
    build: Callable[[dict[str, Tensor], str], nn.Module],
    shape: tuple[int, ...],
    *,
    threads: int,
) -> nn.Module:
    """The network of a checkpoint file, `prepared`; nothing in the file is executed.

    build: from the state dict and the file's name. Raises InputError for a file that is corrupt or another network's,
    UnsafeFileError.
    """
    from kinema.storage.checkpoints import load_torch_checkpoint

    return prepared(build(load_torch_checkpoint(path), str(path)), shape, threads=threads)
