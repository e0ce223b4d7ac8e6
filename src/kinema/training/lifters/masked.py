"""P-STMO's first stage in training: hidden frames and joints of 2D windows are filled in (Shan et al., section 3.2)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kinema.errors import InputError
from kinema.models.pstmo.lifter import window_places
from kinema.models.pstmo.masked.network import MaskedPSTMO
from kinema.models.pstmo.masked.sizes import MaskedSizes
from kinema.training.lifters.batches import Batches
from kinema.training.lifters.clips import Order, Samples, TrainingClips, samples_of
from kinema.training.lifters.losses import filling_loss
from kinema.training.lifters.options import LifterTraining
from kinema.training.lifters.trainee import in_steps, write_bare

SPREAD = 4096
"""Largest number of held-out windows that are filled in after each epoch."""


class MaskedTraining:
    """See `Trainee`: the first stage, which fills in hidden frames and joints."""

    keep_best, metric = True, "filling error"

    def __init__(
        self, options: LifterTraining, clips: TrainingClips, test: TrainingClips | None, device: str, *, layout: str,
        initial: dict[str, Tensor] | None = None, initial_name: str = "",
    ) -> None:  # fmt: skip
        joints = clips.keypoints.shape[1]
        if options.hidden_joints >= joints:
            raise InputError(
                f"{options.hidden_joints} joints cannot be hidden of {joints}; set `hidden_joints` to fewer"
            )
        self.options, self.device, self._layout = options, device, layout
        d = options.channels
        sizes = MaskedSizes(
            options.frames, joints, d, 2 * d, 2 * d, options.layers, d // 2, d, max(1, options.layers - 1)
        )
        model = MaskedPSTMO(sizes, dropout=options.dropout)
        if initial is not None:
            model = _masked_from(initial, sizes, initial_name, options.dropout)
        self._model = model.to(device)
        self.net: nn.Module = self._model
        self._batches = Batches(clips, samples_of(clips.lengths, flip=options.flip), device)
        self._test = None if test is None else Batches(test, _thinned(test), device)
        self.order = Order(len(self._batches), options.seed)
        self._places = window_places(options.frames, options.frame_stride)

    @property
    def file(self) -> str:
        return f"pstmo_masked_{self._layout}.pth"

    def steps(self, epoch: int) -> list[np.ndarray]:
        return in_steps(self.order.of(epoch), self.options.batch)

    def begin(self, epoch: int) -> None:
        """Nothing changes."""

    def loss(self, rows: np.ndarray, epoch: int, step: int) -> Tensor:
        return self._error(self._batches, rows, np.random.default_rng((self.options.seed, epoch, step)))

    def _error(self, batches: Batches, rows: np.ndarray, chance: np.random.Generator) -> Tensor:
        windows = batches.keypoints(rows, self._places)
        masks = draw_masks(
            self.options.frames, windows.shape[2], self.options.hidden_frames, self.options.hidden_joints, chance
        )
        return filling_loss(self._model(windows, *(torch.from_numpy(mask).to(self.device) for mask in masks)), windows)

    @torch.no_grad()
    def score(self) -> float | None:
        """The same masks after every epoch."""
        if self._test is None:
            return None
        self._model.eval()
        steps = in_steps(np.arange(len(self._test)), self.options.batch)
        errors = [
            (len(rows), float(self._error(self._test, rows, np.random.default_rng((self.options.seed, i)))))
            for i, rows in enumerate(steps)
        ]
        return sum(count * error for count, error in errors) / len(self._test)

    def write(self, path: Path, epoch: int, optimizer: torch.optim.Optimizer) -> None:
        write_bare(self._model, path)


def draw_masks(
    frames: int, joints: int, hidden_frames: float, hidden_joints: int, chance: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Hidden frames (T,) and joints (T, J): a share of the frames, and a number of different joints of each frame.

    Every joint can be hidden; the authors' code leaves out the last one.
    """
    frame_mask = np.zeros(frames, dtype=bool)
    frame_mask[chance.permutation(frames)[: int(frames * hidden_frames)]] = True
    joint_mask = np.zeros((frames, joints), dtype=bool)
    places = np.argsort(chance.random((frames, joints)), axis=1)[:, :hidden_joints]
    np.put_along_axis(joint_mask, places, True, axis=1)
    return frame_mask, joint_mask


def _masked_from(tensors: dict[str, Tensor], sizes: MaskedSizes, name: str, dropout: float) -> MaskedPSTMO:
    model = MaskedPSTMO.from_tensors(tensors, dropout=dropout, name=name)
    if model.sizes != sizes:
        raise InputError(f"{name} is of another size: {model.sizes}, where {sizes} is to be trained")
    return model.train()


def _thinned(clips: TrainingClips) -> Samples:
    samples = samples_of(clips.lengths, flip=False)
    kept = slice(None, None, -(-len(samples) // SPREAD))
    return Samples(samples.clip[kept], samples.first[kept], samples.mirrored[kept])
