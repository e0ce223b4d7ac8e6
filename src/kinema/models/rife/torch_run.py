"""RIFE run on the CPU or a GPU: two frames in, the frame between them out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.errors import ShapeError
from kinema.models.rife.facts import MULTIPLE
from kinema.runtime import import_native
from kinema.storage.checkpoints import load_torch_checkpoint

if TYPE_CHECKING:
    from torch import Tensor

LARGE = 2560
"""Frames whose longer side exceeds this many pixels are compared at half their size, as the authors advise for 4K."""


class FrameInterpolator:
    """The network with the weights of a checkpoint file.

    path: `flownet.pkl` of version 4.18; nothing in it is executed. A GPU is used if torch can use one. threads: of
    torch on the CPU, for the whole process; None: torch's own choice. Raises InputError if torch is missing or the file
    is missing, corrupt or another network's, and UnsafeFileError.
    """

    def __init__(self, path: str | Path, *, threads: int | None = None) -> None:
        tensors = load_torch_checkpoint(path)
        torch = import_native("torch")
        from kinema.models.rife.network import RIFE

        if threads is not None:
            torch.set_num_threads(threads)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._net = RIFE.from_tensors(tensors, str(path)).to(self._device)
        self._run: Callable[[Tensor, float, float], Tensor] | None = None

    def __call__(self, first: np.ndarray, second: np.ndarray, when: float = 0.5) -> np.ndarray:
        """The frame at `when` in [0,1] of the way from the first to the second: (H,W,3) uint8 RGB, like both."""
        torch = import_native("torch")
        from kinema.models.rife.fast.network import fast_network

        if first.shape != second.shape or first.ndim != 3 or first.shape[2] != 3:
            raise ShapeError(f"two frames (H,W,3) of one size are needed, found {first.shape} and {second.shape}")
        height, width = first.shape[:2]
        scale = 0.5 if max(height, width) > LARGE else 1.0
        multiple = round(MULTIPLE / scale)
        pad = 0, -width % multiple, 0, -height % multiple
        with torch.inference_mode():
            pair = torch.from_numpy(np.stack([first, second])).to(self._device).permute(0, 3, 1, 2).float() / 255
            pair = torch.nn.functional.pad(pair, pad)
            if self._run is None:  # now the size of the images is known
                self._run = fast_network(self._net, self._device, pair, torch.get_num_threads())
            between = self._run(pair, when, scale)[0, :, :height, :width]
            levels = (between.clamp(0, 1) * 255).round().to(torch.uint8)
            return np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())
