"""P-STMO's refine module in training, on top of a frozen lifter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kinema.errors import InputError
from kinema.models.pstmo.lifter import window_places
from kinema.models.pstmo.network import PSTMO
from kinema.models.pstmo.refine.network import Refine, back_projected
from kinema.training.lifters.batches import Batches
from kinema.training.lifters.clips import Order, TrainingClips, samples_of
from kinema.training.lifters.losses import position_error
from kinema.training.lifters.options import LifterTraining
from kinema.training.lifters.pstmo import lifted_clip
from kinema.training.lifters.trainee import in_steps, lifting_score, write_bare


class RefineTraining:
    """See `Trainee`. initial: the lifter's tensors, which also determine the window sizes."""

    keep_best, metric = True, "MPJPE, mm"

    def __init__(
        self, options: LifterTraining, clips: TrainingClips, test: TrainingClips | None, device: str, *, layout: str,
        initial: dict[str, Tensor], initial_name: str,
    ) -> None:  # fmt: skip
        assert clips.joints is not None, "these clips have no motion capture"
        self._lifter = PSTMO.from_tensors(initial, name=initial_name).to(device).eval()
        sizes, joints = self._lifter.sizes, clips.joints.shape[1]
        if (sizes.joints_in, sizes.joints_out) != (clips.keypoints.shape[1], joints) or sizes.joints_in != joints:
            raise InputError(
                f"{initial_name} lifts {sizes.joints_in} joints to {sizes.joints_out}; refining needs the motion "
                f"capture's {joints} in the keypoints, too, which have {clips.keypoints.shape[1]}"
            )
        self.options, self.device, self._layout, self._test = options, device, layout, test
        self._refine = Refine(joints).to(device)
        self.net: nn.Module = self._refine
        self._batches = Batches(clips, samples_of(clips.lengths, flip=options.flip), device)
        self.order = Order(len(self._batches), options.seed)
        self._places = window_places(sizes.frames, options.frame_stride)

    @property
    def file(self) -> str:
        return f"pstmo_refine_{self._layout}.pth"

    def steps(self, epoch: int) -> list[np.ndarray]:
        return in_steps(self.order.of(epoch), self.options.batch)

    def begin(self, epoch: int) -> None:
        """Nothing changes."""

    def loss(self, rows: np.ndarray, epoch: int, step: int) -> Tensor:
        windows = self._batches.keypoints(rows, self._places)
        joints = self._batches.joints(rows, np.zeros(1, dtype=int))[:, 0]
        depth = joints[:, 0, 2].clone()
        joints[:, 0] = 0
        with torch.no_grad():
            lifted = self._lifter(windows).middle
        seen = windows[:, windows.shape[1] // 2]
        projected = back_projected(seen, lifted[..., 2], depth, self._batches.lenses(rows))
        return position_error(self._refine(lifted, projected), joints)

    def score(self) -> float | None:
        if self._test is None:
            return None
        self._refine.eval()
        return lifting_score(self._lifted, self._test, self.device, centred=True, correct=self._corrected)

    def _lifted(self, keypoints: Tensor) -> Tensor:
        return lifted_clip(self._lifter, keypoints, self._places)

    def _corrected(self, lifted: Tensor, keypoints: Tensor, depth: Tensor, lens: Tensor) -> Tensor:
        projected = back_projected(keypoints, lifted[..., 2], depth, lens.expand(len(lifted), -1))
        result: Tensor = self._refine(lifted, projected)
        return result

    def write(self, path: Path, epoch: int, optimizer: torch.optim.Optimizer) -> None:
        write_bare(self._refine, path)
