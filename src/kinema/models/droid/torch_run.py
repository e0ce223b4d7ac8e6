"""DROID-SLAM's networks run on the CPU or a GPU.

On a CPU weights are packed once and maps are channels-last. Everything is float32, and results are the original's
within rounding.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import UsageError
from kinema.models.torch_inference import chosen_device, require_torch

if TYPE_CHECKING:
    from torch import Tensor

    from kinema.models.droid.network import DroidNet, Updated

NO_TORCH = "DROID-SLAM needs torch, which is not installed; run `pip install 'kinema[torch]'`"


class DroidRun:
    """The networks with the weights of a checkpoint, or those in memory, which are changed.

    size: height and width of the images for which they are to be fast; others are possible. device: "cpu", "cuda", or
    "auto" for the GPU if there is one. threads: of torch on the CPU, for the whole process (None: torch's default).
    Raises UsageError (torch missing, no such device), InputError for a file that is corrupt or another network's,
    UnsafeFileError.
    """

    def __init__(
        self, weights: str | Path | DroidNet, size: tuple[int, int], *, device: str = "auto", threads: int | None = None
    ) -> None:
        try:
            require_torch()
        except ModuleNotFoundError:
            raise UsageError(NO_TORCH) from None
        import torch

        from kinema.models.droid.network import DroidNet, FastOperator
        from kinema.storage.checkpoints import load_torch_checkpoint

        if threads is not None:
            torch.set_num_threads(threads)
        self.device = chosen_device(device)
        net = weights
        if isinstance(net, (str, Path)):
            net = DroidNet.from_tensors(load_torch_checkpoint(net), str(net))
        with torch.inference_mode():
            self._operator: Any = FastOperator(net.update)
        self._encoders: list[Any] = [net.fnet, net.cnet]
        if self.device == "cpu":
            from kinema.models.fast_convolutions import can_pack, pack_convolutions
            from kinema.models.torch_inference import prepared
            from kinema.models.winograd_convolution import replace_convolutions

            threads = torch.get_num_threads()
            for each in self._encoders:
                replace_convolutions(each)
            self._encoders = [prepared(each, (1, 3, *size), threads=threads) for each in self._encoders]
            replace_convolutions(self._operator)
            if can_pack():
                pack_convolutions(self._operator)
        for each in (*self._encoders, self._operator):
            each.to(device=self.device, memory_format=torch.channels_last)

    def features(self, image: np.ndarray) -> Tensor:
        """(128,h,w) of an image (H,W,3) uint8 RGB, sides multiples of 8."""
        found: Tensor = self._encoders[0](self._given(image))[0]
        return found

    def context(self, image: np.ndarray) -> tuple[Tensor, Tensor]:
        """First state and context (128,h,w) of an image (H,W,3) uint8 RGB."""
        from kinema.models.droid.network import activated

        state, context = activated(self._encoders[1](self._given(image)))
        return state[0], context[0]

    def look(
        self, state: Tensor, contexts: Tensor, compared: Tensor, motion: Tensor, group: Tensor, *, upmask: bool = False
    ) -> Updated:
        """One look at every edge (`kinema.models.droid.network.FastOperator`)."""
        import torch

        given = (each.contiguous(memory_format=torch.channels_last) for each in (state, contexts, compared, motion))
        found: Updated = self._operator(*given, group, upmask)
        return found

    def _given(self, image: np.ndarray) -> Tensor:
        import torch

        from kinema.models.droid.network import normalised

        levels = torch.from_numpy(np.ascontiguousarray(image[..., ::-1])).to(self.device)
        return normalised(levels.permute(2, 0, 1)[None]).contiguous(memory_format=torch.channels_last)
