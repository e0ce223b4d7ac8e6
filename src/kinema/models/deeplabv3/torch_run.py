"""DeepLabV3 on images: the probability that each pixel is a person's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.models.deeplabv3.facts import PERSON, SHORT_SIDE
from kinema.models.imagenet import MEAN, STD

if TYPE_CHECKING:
    from torch import Tensor

    from kinema.models.deeplabv3.network import DeepLabV3


def normalised(image: np.ndarray) -> Tensor:
    """An image (H,W,3) uint8 RGB as the network's input (1,3,H,W), in its own size."""
    import torch

    pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255
    return ((pixels - torch.from_numpy(MEAN)[:, None, None]) / torch.from_numpy(STD)[:, None, None])[None]


def scaled(image: np.ndarray) -> Tensor:
    """The input (1,3,h,w) of an image (H,W,3) uint8 RGB: the shorter side becomes `SHORT_SIDE`, with
    antialiasing."""
    import torch
    from torch.nn import functional

    height, width = image.shape[:2]
    size = tuple(SHORT_SIDE if side == min(height, width) else int(SHORT_SIDE * side / min(height, width))
                 for side in (height, width))  # fmt: skip
    pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].float() / 255
    pixels = functional.interpolate(pixels, size=size, mode="bilinear", align_corners=False, antialias=True)
    return (pixels - torch.from_numpy(MEAN)[:, None, None]) / torch.from_numpy(STD)[:, None, None]


def probabilities(net: DeepLabV3, images: Tensor) -> np.ndarray:
    """The classes' probabilities (B,21,H,W) at the pixels of normalised images (B,3,H,W)."""
    import torch

    with torch.inference_mode():
        return np.asarray(net(images).softmax(dim=1).numpy())


class DeepLabRun:
    """The network with the weights of a checkpoint.

    threads: of torch, for the whole process. Raises InputError for a file that is corrupt or another network's,
    UnsafeFileError, ModuleNotFoundError without torch.
    """

    def __init__(self, path: str | Path, *, threads: int = 1) -> None:
        import torch

        from kinema.models.deeplabv3.network import DeepLabV3
        from kinema.storage.checkpoints import load_torch_checkpoint

        torch.set_num_threads(threads)
        self._net = DeepLabV3.from_tensors(load_torch_checkpoint(path), source=str(path))

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Probabilities (h,w) float32 that a pixel is a person's, of an image (H,W,3) uint8 RGB, at the resolution of
        the network's input."""
        return np.asarray(probabilities(self._net, scaled(image))[0, PERSON])
