"""The interface of a network to the training loop, and the evaluation of lifters on held-out clips."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from kinema.storage.atomic import atomic_path
from kinema.training.lifters.batches import mirrored
from kinema.training.lifters.clips import Order, TrainingClips


class Trainee(Protocol):
    """One network in training.

    net: all trained modules. order: of the samples in each epoch. keep_best: whether the result is the epoch with the
    best score instead of the last. file: the name of the result. metric: name of the score; lower is better.
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
        """What changes from epoch to epoch besides the learning rate."""
        ...

    def loss(self, rows: np.ndarray, epoch: int, step: int) -> Tensor: ...

    def score(self) -> float | None:
        """The score on the held-out clips; None if there are none."""
        ...

    def write(self, path: Path, epoch: int, optimizer: torch.optim.Optimizer) -> None:
        """The result in the authors' format."""
        ...


class Lifting(Protocol):
    """Lifts a whole clip: (F, K, 2) -> (F, J, 3)."""

    def __call__(self, keypoints: Tensor) -> Tensor: ...


class Correction(Protocol):
    """Corrects lifted joints (F, J, 3) by keypoints (F, K, 2), the root's true depth (F,) and the lens (9,)."""

    def __call__(self, lifted: Tensor, keypoints: Tensor, depth: Tensor, lens: Tensor) -> Tensor: ...


def in_steps(order: np.ndarray, batch: int) -> list[np.ndarray]:
    """The rows of each step; the last has the remainder."""
    return [order[first : first + batch] for first in range(0, len(order), batch)]


def write_bare(net: nn.Module, path: Path) -> None:
    """The state dict alone, with the name prefix of the authors' DataParallel model."""
    tensors = OrderedDict((f"module.{name}", value.detach().cpu()) for name, value in net.state_dict().items())
    with atomic_path(path) as temporary:
        torch.save(tensors, temporary)


@torch.no_grad()
def lifting_score(
    lift: Lifting, clips: TrainingClips, device: str, *, centred: bool, flip: bool = True,
    correct: Correction | None = None,
) -> float:  # fmt: skip
    """MPJPE in millimetres: mean over the scored frames of each kind of action, then mean over the kinds.

    flip: average with the lifted mirror image. correct: applied afterwards. centred: the root is set to 0 at the end.
    """
    assert clips.joints is not None, "these clips have no motion capture"
    sums: dict[str, list[float]] = {}
    for number, (start, length) in enumerate(zip(clips.starts, clips.lengths, strict=True)):
        part = slice(int(start), int(start + length))
        keypoints, true = (torch.from_numpy(values[part]).to(device) for values in (clips.keypoints, clips.joints))
        found = lift(keypoints)
        if flip:
            other = lift(mirrored(keypoints, torch.from_numpy(clips.keypoint_mirror).to(device)))
            found = (found + mirrored(other, torch.from_numpy(clips.joint_mirror).to(device))) / 2
        if correct is not None:
            depth = true[:, clips.root, 2].clone()
            found = correct(found, keypoints, depth, torch.from_numpy(clips.lenses[number]).to(device))
        if centred:
            found[:, clips.root] = 0
        true = true.clone()
        true[:, clips.root] = 0
        errors = (found - true).norm(dim=-1).mean(dim=-1).double()
        if clips.judged is not None:
            errors = errors[torch.from_numpy(clips.judged[part]).to(device)]
        total = sums.setdefault(clips.names[number], [0.0, 0.0])
        total[0] += float(errors.sum())
        total[1] += len(errors)
    return clips.millimetres * float(np.mean([error / frames for error, frames in sums.values() if frames]))
