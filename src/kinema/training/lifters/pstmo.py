"""P-STMO in training: both encoders and the head over all frames, the last encoder for the middle frame (section
3.3)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kinema.errors import InputError
from kinema.models.pstmo.lifter import window_places
from kinema.models.pstmo.masked.sizes import SHARED
from kinema.models.pstmo.masked.sizes import sizes_of as masked_sizes_of
from kinema.models.pstmo.network import PSTMO
from kinema.models.pstmo.sizes import PSTMOSizes
from kinema.training.lifters.batches import Batches
from kinema.training.lifters.clips import Order, TrainingClips, samples_of
from kinema.training.lifters.losses import lifting_terms
from kinema.training.lifters.options import LifterTraining
from kinema.training.lifters.trainee import in_steps, lifting_score, write_bare

WINDOWS = 256
"""Number of windows of a held-out clip that are lifted at once."""


class PSTMOTraining:
    """See `Trainee`. initial: tensors of the first stage, or of a whole lifter, to start from."""

    keep_best, metric = True, "MPJPE, mm"

    def __init__(
        self, options: LifterTraining, clips: TrainingClips, test: TrainingClips | None, device: str, *, layout: str,
        initial: dict[str, Tensor] | None = None, initial_name: str = "",
    ) -> None:  # fmt: skip
        self.options, self.device, self._layout, self._test = options, device, layout, test
        assert clips.joints is not None, "these clips have no motion capture"
        d = options.channels
        sizes = PSTMOSizes(
            options.frames, clips.keypoints.shape[1], clips.joints.shape[1], d, 2 * d, 2 * d, options.layers
        )
        lifter = PSTMO(sizes, dropout=options.dropout)
        if initial is not None:
            _take_over(lifter, initial, initial_name)
        self._lifter = lifter.to(device)
        self.net: nn.Module = self._lifter
        self._batches = Batches(clips, samples_of(clips.lengths, flip=options.flip), device)
        self.order = Order(len(self._batches), options.seed)
        self._places = window_places(options.frames, options.frame_stride)

    @property
    def file(self) -> str:
        """The file's name, from which `kinema lift` knows the joints."""
        return f"pstmo_{self._layout}.pth"

    def steps(self, epoch: int) -> list[np.ndarray]:
        return in_steps(self.order.of(epoch), self.options.batch)

    def begin(self, epoch: int) -> None:
        """Nothing changes."""

    def loss(self, rows: np.ndarray, epoch: int, step: int) -> Tensor:
        joints = self._batches.joints(rows, self._places)
        joints[:, :, self._batches.clips.root] = 0
        every, middle = lifting_terms(self._lifter(self._batches.keypoints(rows, self._places)), joints)
        return every + middle

    def score(self) -> float | None:
        if self._test is None:
            return None
        self._lifter.eval()
        return lifting_score(self._lifted, self._test, self.device, centred=True)

    def _lifted(self, keypoints: Tensor) -> Tensor:
        return lifted_clip(self._lifter, keypoints, self._places)

    def write(self, path: Path, epoch: int, optimizer: torch.optim.Optimizer) -> None:
        write_bare(self._lifter, path)


def lifted_clip(lifter: PSTMO, keypoints: Tensor, places: np.ndarray) -> Tensor:
    """(F, K, 2) -> (F, J, 3): each frame is the centre of a window of frames at the offsets `places`."""
    around = torch.from_numpy(places).to(keypoints.device)
    out = []
    for frames in torch.arange(len(keypoints), device=keypoints.device).split(WINDOWS):
        windows = keypoints[(frames[:, None] + around).clamp(0, len(keypoints) - 1)]
        out.append(lifter(windows).middle)
    return torch.cat(out)


def _take_over(lifter: PSTMO, tensors: dict[str, Tensor], name: str) -> None:
    """Start from the first stage's encoders, or from a whole lifter. Raises InputError if they are of another size."""
    tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
    if "mask_token" in tensors:
        masked_sizes_of({key: tuple(value.shape) for key, value in tensors.items()}, name)
        tensors = {key: value for key, value in tensors.items() if key.startswith(SHARED)}
    else:
        PSTMO.from_tensors(tensors, name=name)
    own = lifter.state_dict()
    wrong = sorted(
        key
        for key, value in tensors.items()
        if not key.endswith("num_batches_tracked") and (key not in own or own[key].shape != value.shape)
    )
    if wrong:
        found = tuple(tensors[wrong[0]].shape)
        wanted = (
            f"{tuple(own[wrong[0]].shape)} is to be trained" if wrong[0] in own else "no such layer is to be trained"
        )
        raise InputError(f"{name} is of another size: {wrong[0]!r} is {found}, where {wanted}")
    lacking = [key for key in own if key.startswith(SHARED) and key not in tensors and "num_batches" not in key]
    if lacking:
        raise InputError(f"{name} is of another size: it has no {lacking[0]!r}; train with fewer `layers`")
    lifter.load_state_dict(tensors, strict=False)
