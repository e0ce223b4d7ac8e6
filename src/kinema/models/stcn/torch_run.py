"""STCN through a video: a first frame with masks, then the masks of one frame after another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.models.imagenet import MEAN, STD
from kinema.models.stcn.facts import MEMORY, MULTIPLE, SMALLEST, TEMPORARY
from kinema.models.stcn.memory import Memory

if TYPE_CHECKING:
    from torch import Tensor

    from kinema.models.stcn.network import STCN


def open_stcn(path: str | Path, *, threads: int = 1) -> STCN:
    """The network with the weights of a checkpoint, on a GPU if torch sees one.

    threads: of torch, for the whole process. Raises InputError for a file that is corrupt or another network's,
    UnsafeFileError, ModuleNotFoundError without torch.
    """
    import torch

    from kinema.models.stcn.network import STCN
    from kinema.storage.checkpoints import load_torch_checkpoint

    torch.set_num_threads(threads)
    net = STCN.from_tensors(load_torch_checkpoint(path), source=str(path))
    return net.to("cuda") if torch.cuda.is_available() else net


def padding(height: int, width: int) -> tuple[int, int, int, int]:
    """Pixels to add left, right, above and below: as many on both sides, an odd one right or below."""
    wide, high = -width % MULTIPLE, -height % MULTIPLE
    return wide // 2, wide - wide // 2, high // 2, high - high // 2


def normalised(image: np.ndarray) -> Tensor:
    """An image (H,W,3) uint8 RGB as the network's input (1,3,h,w): normalised, then padded with zeros."""
    import torch
    from torch.nn import functional

    pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255
    pixels = (pixels - torch.from_numpy(MEAN)[:, None, None]) / torch.from_numpy(STD)[:, None, None]
    return functional.pad(pixels[None], padding(*image.shape[:2]))


def aggregated(probabilities: Tensor) -> Tensor:
    """Probabilities (1+P,1,H,W) of the background and the objects, sum 1, of those of each object by itself (P,1,H,W).

    The background is where no object is; odds are compared, not probabilities (Oh et al. 2019, soft aggregation).
    """
    import torch

    background = (1 - probabilities).prod(dim=0, keepdim=True)
    return shared(torch.cat([background, probabilities]))


def shared(probabilities: Tensor) -> Tensor:
    """The odds of probabilities (n,...), divided by their sum over the first axis."""
    kept = probabilities.clamp(SMALLEST, 1 - SMALLEST)
    odds = kept / (1 - kept)
    return odds / odds.sum(dim=0, keepdim=True)


class Propagation:
    """Masks of `objects` objects through frames of one size, in any order.

    height, width: of the frames. memory, temporary: frames that are remembered for good, of which cells are overwritten
    at random when it is full, and frames that are remembered for a while. seed: of that choice.
    """

    def __init__(
        self, net: STCN, objects: int, height: int, width: int, *,
        memory: int = MEMORY, temporary: int = TEMPORARY, seed: int = 0,
    ) -> None:  # fmt: skip
        self._net, self._size, self._pad = net, (height, width), padding(height, width)
        left, right, above, below = self._pad
        cells = (height + above + below) * (width + left + right) // MULTIPLE**2
        self._like = like = next(net.parameters())
        self.memory = Memory(objects, cells, like, frames=memory, temporary=temporary, seed=seed)

    def show(self, image: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Remember an image (H,W,3) uint8 RGB with the masks (P,H,W) in [0,1] of its objects.

        Returns the probabilities (1+P,H,W) of background and objects that the masks stand for.
        """
        import torch
        from torch.nn import functional

        with torch.inference_mode():
            given = torch.from_numpy(np.asarray(masks, np.float32))[:, None].to(self._like)
            every = shared(torch.cat([1 - given.sum(dim=0, keepdim=True), given]))
            pixels = normalised(image).to(self._like)
            key, _, f16, _, _ = self._net.keys(pixels)
            self.memory.add(key, self._net.values(pixels, f16, functional.pad(every[1:], self._pad)))
        return np.asarray(every[:, 0].cpu().numpy())

    def step(self, image: np.ndarray, *, temporary: bool = False) -> np.ndarray:
        """The probabilities (1+P,H,W) of background and objects in an image (H,W,3) uint8 RGB, which is remembered
        with them, for good or in the temporary memory."""
        import torch

        with torch.inference_mode():
            pixels = normalised(image).to(self._like)
            key, thin, f16, f8, f4 = self._net.keys(pixels)
            every = aggregated(self._net.probabilities(self.memory.read(key), thin, f8, f4))
            self.memory.add(key, self._net.values(pixels, f16, every[1:]), temporary=temporary)
        left, _, above, _ = self._pad
        height, width = self._size
        return np.asarray(every[:, 0, above : above + height, left : left + width].cpu().numpy())
