"""Inference with PARE: a checkpoint on the CPU or a GPU, crops in, bodies out.

Batch norms are folded into the convolutions and images are channels-last; on the CPU weights are packed once and a
batch is processed in small pieces, which stay in the cache. The outputs match the original network within 2e-5;
bfloat16 and float16 are faster if the hardware supports them, with the errors given in docs/pare.md.
"""

from __future__ import annotations

import copy
import sys
from dataclasses import dataclass, fields
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import UsageError, WeightsError
from kinema.models.pare.crops import normalized
from kinema.models.pare.facts import IMAGE_SIZE
from kinema.models.pare.options import DEVICES, PRECISIONS
from kinema.models.torch_inference import chosen_device

if TYPE_CHECKING:
    from kinema.models.pare.network import PareNetwork

NO_TORCH = (
    "PARE needs torch, which is not installed; run `pip install 'kinema[torch]'` (the default estimator needs no torch)"
)
_PIECE = {"cpu": 4, "cuda": 64}
"""Crops per call of the network: on a CPU what fits its cache, on a GPU what keeps it busy."""


@dataclass(frozen=True, eq=False)
class Regressed:
    """The network's output for n crops.

    rotations (n,24,3,3) float32: SMPL's joints relative to their parents; betas (n,10); camera (n,3): s tx ty of
    the crop's weak-perspective camera. parts (n,25,56,56): logits of the parts, class 0 the background;
    attention (n,24,56,56): of each joint, each map summing to 1; both None unless requested.
    """

    rotations: np.ndarray
    betas: np.ndarray
    camera: np.ndarray
    parts: np.ndarray | None = None
    attention: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.rotations)


def import_torch() -> Any:
    """The module torch. Raises a UsageError that says how to install it."""
    try:
        import torch
    except ImportError:
        raise UsageError(NO_TORCH) from None
    return torch


def require_torch() -> None:
    """Raise a UsageError that says how to install torch if it is missing, without importing it."""
    if sys.modules.get("torch", ...) is None or ("torch" not in sys.modules and find_spec("torch") is None):
        raise UsageError(NO_TORCH)


class PareEstimator:
    """The network with the weights of a checkpoint file.

    path: `pare_checkpoint.ckpt`, `pare_w_3dpw_checkpoint.ckpt`, or any file with their tensors; nothing in it is
    executed. device: "cpu", "cuda", or "auto" for the GPU if there is one. precision: one of `PRECISIONS`. threads:
    CPU threads (None: torch's default). Raises UsageError (torch missing, no such device), InputError (file missing or
    corrupt), UnsafeFileError, WeightsError (another network).
    """

    def __init__(
        self, path: str | Path, *, device: str = "auto", precision: str = "float32", threads: int | None = None
    ) -> None:
        torch = import_torch()
        if precision not in PRECISIONS:
            raise UsageError(f"precision must be one of {', '.join(PRECISIONS)}, found {precision!r}")
        if device not in DEVICES:
            raise UsageError(f"device must be one of {', '.join(DEVICES)}, found {device!r}")
        from kinema.models.pare.network import load_pare
        from kinema.storage.checkpoints import load_torch_checkpoint

        self.path = Path(path)
        self.device = chosen_device(device)
        self.precision = precision
        if threads is not None:
            torch.set_num_threads(threads)
        network = load_pare(load_torch_checkpoint(self.path), str(self.path))
        self._network = prepared(network, self.device, precision)

    @cached_property
    def sha256(self) -> str:
        """Of the checkpoint file, for provenance."""
        from kinema.weights.cache import file_sha256

        return file_sha256(self.path)

    def __call__(self, crops: np.ndarray, *, maps: bool = False) -> Regressed:
        """Bodies of the crops (n,224,224,3) uint8 RGB. maps: also the parts and the attention."""
        return self.run(normalized(crops), maps=maps)

    def run(self, images: np.ndarray, *, maps: bool = False) -> Regressed:
        """Bodies of normalised crops (n,224,224,3) float32 (`kinema.models.pare.crops.normalized`)."""
        torch = import_torch()
        if images.ndim != 4 or images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE, 3):
            raise WeightsError(f"PARE takes crops (n, 224, 224, 3), found {images.shape}")
        names = [field.name for field in fields(Regressed)][: 5 if maps else 3]
        parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
        piece = _PIECE[self.device]
        with torch.inference_mode():
            for start in range(0, len(images), piece):
                # The crops are channels-last in memory already: no copy is made.
                batch = torch.from_numpy(np.ascontiguousarray(images[start : start + piece], dtype=np.float32))
                batch = batch.permute(0, 3, 1, 2).to(self.device, getattr(torch, self.precision))
                out = self._network(batch)
                for name in names:
                    parts[name].append(getattr(out, name).float().cpu().numpy())
        if not parts["rotations"]:
            return Regressed(np.zeros((0, 24, 3, 3), np.float32), np.zeros((0, 10)), np.zeros((0, 3)))
        return Regressed(**{name: np.concatenate(values) for name, values in parts.items()})


def prepared(network: PareNetwork, device: str, precision: str) -> Any:
    """The network for fast inference; the layers after the two branches of its head stay in float32.

    Those layers are cheap and sensitive to rounding.
    """
    torch = import_torch()
    from kinema.models.fast_convolutions import can_pack, fold_batch_norms, pack_convolutions
    from kinema.models.pare.network import MixedPrecision

    fast: Any = fold_batch_norms(copy.deepcopy(network))
    fast = fast.to(device=device, memory_format=torch.channels_last)
    if precision != "float32":
        return MixedPrecision(fast, getattr(torch, precision))
    if device == "cpu" and can_pack():
        pack_convolutions(fast, keep=("final_layer", "smpl_final_layer"))
    return fast
