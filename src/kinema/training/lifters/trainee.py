"""What the training loop needs of a network, and how lifters are judged on held-out clips."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from kinema.training.lifters.batches import mirrored
from kinema.training.lifters.clips import Order, TrainingClips

MILLIMETRES = 1000.0


class Trainee(Protocol):
    """One network in training.

    net: everything that is trained. order: of the samples in each epoch. keep_best: whether the result is the epoch
    with the best score instead of the last. file: the name of the result. metric: of the score, less is better.
    """

    net: nn.Module
    order: Order
    keep_best: bool
    metric: str

    @property
    def file(self) -> str: ...

    def steps(self, epoch: int) -> list[np.ndarray]:
        """The rows of each step of an epoch."""
        ...

    def begin(self, epoch: int) -> None:
        """What changes from epoch to epoch, the learning rate aside."""
        ...

    def loss(self, rows: np.ndarray, epoch: int, step: int) -> Tensor: ...

    def score(self) -> float | None:
        """On the held-out clips; None if there are none."""
        ...

    def write(self, path: Path, epoch: int, optimizer: torch.optim.Optimizer) -> None:
        """The result in the authors' format."""
        ...


class Lifting(Protocol):
    """Lifts a whole clip: (F, K, 2) -> (F, J, 3)."""

    def __call__(self, keypoints: Tensor) -> Tensor: ...


def in_steps(order: np.ndarray, batch: int) -> list[np.ndarray]:
    """The rows of each step; the last has what is left."""
    return [order[first : first + batch] for first in range(0, len(order), batch)]


@torch.no_grad()
def lifting_score(lift: Lifting, clips: TrainingClips, device: str, *, centred: bool, flip: bool = True) -> float:
    """MPJPE in millimetres: mean of the frames of each kind of action, then mean of the kinds.

    flip: average with the lifted mirror image. centred: the predicted root counts as 0.
    """
    sums: dict[str, list[float]] = {}
    for name, keypoints, joints in _each(clips, device):
        found = lift(keypoints)
        if flip:
            other = lift(mirrored(keypoints, torch.from_numpy(clips.keypoint_mirror).to(device)))
            found = (found + mirrored(other, torch.from_numpy(clips.joint_mirror).to(device))) / 2
        if centred:
            found[:, 0] = 0
        true = joints.clone()
        true[:, 0] = 0
        total = sums.setdefault(name, [0.0, 0.0])
        total[0] += float((found - true).norm(dim=-1).mean(dim=-1).double().sum())
        total[1] += len(true)
    return MILLIMETRES * float(np.mean([error / frames for error, frames in sums.values()]))


def _each(clips: TrainingClips, device: str) -> Iterator[tuple[str, Tensor, Tensor]]:
    assert clips.joints is not None, "these clips have no motion capture"
    for name, start, length in zip(clips.names, clips.starts, clips.lengths, strict=True):
        part = slice(int(start), int(start + length))
        yield (
            name,
            torch.from_numpy(clips.keypoints[part]).to(device),
            torch.from_numpy(clips.joints[part]).to(device),
        )
