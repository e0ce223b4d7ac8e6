"""VideoPose3D in training: supervised, and semi-supervised with a trajectory model (Pavllo et al., sections 3, 4)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kinema.errors import InputError
from kinema.models.videopose3d.network import VideoPose3D
from kinema.models.videopose3d.sizes import VideoPose3DSizes
from kinema.storage.atomic import atomic_path
from kinema.training.lifters.batches import Batches
from kinema.training.lifters.clips import Order, TrainingClips, samples_of
from kinema.training.lifters.losses import bone_length_error, position_error, projected, trajectory_error
from kinema.training.lifters.options import LifterTraining
from kinema.training.lifters.trainee import in_steps, lifting_score

PARENTS = {
    17: (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
    15: (-1, 0, 1, 2, 3, 1, 5, 6, 0, 8, 9, 0, 11, 12, 1),
}
"""Parents of the 3D joints by their number: Human3.6M's and HumanEva-I's."""

MOMENTUM, LAST_SHARE = 0.1, 0.01
"""Momentum of the batch norms in the first epoch, and the share of it that remains after the last."""

UNLABELLED_SEED = 4321

PIECE = 1024
"""Number of frames of a held-out clip that are lifted at once."""


class VideoPose3DTraining:
    """See `Trainee`. unlabelled: clips whose keypoints are in the 3D joints' order."""

    keep_best, metric = False, "MPJPE, mm"

    def __init__(
        self, options: LifterTraining, clips: TrainingClips, test: TrainingClips | None, device: str, *, layout: str,
        unlabelled: TrainingClips | None = None, initial: dict[str, Tensor] | None = None, initial_name: str = "",
    ) -> None:  # fmt: skip
        self.options, self.device, self._layout, self._test = options, device, layout, test
        assert clips.joints is not None, "these clips have no motion capture"
        joints_in, joints_out = clips.keypoints.shape[1], clips.joints.shape[1]
        self.sizes = VideoPose3DSizes(joints_in, joints_out, options.channels, options.filter_widths, options.dense)
        given: dict[str, Any] = {"causal": options.causal, "dropout": options.dropout}
        self.position = VideoPose3D(self.sizes, **given)
        if initial is not None:
            self.position = started_from(initial, self.sizes, initial_name, **given)
        self.net: nn.Module = self.position
        self._batches = Batches(clips, samples_of(clips.lengths, options.stride, flip=options.flip), device)
        self.order = Order(len(self._batches), options.seed)
        self._unlabelled: Batches | None = None
        if unlabelled is not None:
            if joints_in != joints_out:
                raise InputError(
                    f"unlabelled clips are compared with projected joints, so that both need the same; the keypoints "
                    f"have {joints_in}, the motion capture {joints_out}"
                )
            self.trajectory = VideoPose3D(
                VideoPose3DSizes(joints_in, 1, options.channels, options.filter_widths, options.dense), **given
            )
            self.net = nn.ModuleList([self.position, self.trajectory])
            self._parents = PARENTS[joints_out]
            samples = samples_of(unlabelled.lengths, options.stride, flip=options.flip)
            self._unlabelled = Batches(unlabelled, samples, device)
            self._other_count = len(samples)
            self._other_order = Order(self._other_count, UNLABELLED_SEED)
        self.net.to(device)

    @property
    def file(self) -> str:
        """The file's name, from which `kinema lift` knows the joints."""
        return f"videopose3d_{self._layout}.bin"

    @property
    def places(self) -> np.ndarray:
        """Frames that a sample sees, relative to the first one it predicts."""
        pad = sum(self.sizes.pads)
        shift = pad if self.options.causal else 0
        return np.arange(-pad - shift, self.options.stride + pad - shift)

    def steps(self, epoch: int) -> list[np.ndarray]:
        return in_steps(self.order.of(epoch), max(1, self.options.batch // self.options.stride))

    def begin(self, epoch: int) -> None:
        momentum = MOMENTUM * math.exp(epoch / self.options.epochs * math.log(LAST_SHARE))
        self.position.set_momentum(momentum)
        if self._unlabelled is not None:
            self.trajectory.set_momentum(momentum)

    def loss(self, rows: np.ndarray, epoch: int, step: int) -> Tensor:
        keypoints = self._batches.keypoints(rows, self.places)
        joints = self._batches.joints(rows, np.arange(self.options.stride))
        root = joints[:, :, :1].clone()
        joints[:, :, 0] = 0
        if self._unlabelled is None:
            return position_error(self._predicted(self.position, keypoints), joints)
        if epoch < self.options.warmup:
            lifted = position_error(self._predicted(self.position, keypoints), joints)
            return lifted + trajectory_error(self._predicted(self.trajectory, keypoints), root)
        return self._with_unlabelled(keypoints, joints, root, self._other_rows(epoch, step))

    def _with_unlabelled(self, keypoints: Tensor, joints: Tensor, root: Tensor, rows: np.ndarray) -> Tensor:
        """Both kinds of clips go through the networks in one batch, so that the batch norms see both."""
        assert self._unlabelled is not None
        known = len(keypoints)
        seen = torch.cat([keypoints, self._unlabelled.keypoints(rows, self.places)])
        lifted, roots = self._predicted(self.position, seen), self._predicted(self.trajectory, seen)
        loss = position_error(lifted[:known], joints) + trajectory_error(roots[:known], root)
        target = self._unlabelled.keypoints(rows, np.arange(self.options.stride))
        points = lifted[known:] + roots[known:]
        lenses = self._unlabelled.lenses(rows)
        loss = loss + position_error(projected(points, lenses, distorted=not self.options.linear), target)
        if self.options.bones:
            loss = loss + bone_length_error(lifted, self._parents, known)
        return loss

    def _other_rows(self, epoch: int, step: int) -> np.ndarray:
        """The rows of unlabelled samples of a step: pass after pass, independent of epochs."""
        steps = in_steps(np.arange(self._other_count), max(1, self.options.batch // self.options.stride))
        number = epoch * len(self.steps(epoch)) + step
        turn, place = divmod(number, len(steps))
        return np.asarray(self._other_order.of(turn)[steps[place]])

    def _predicted(self, net: VideoPose3D, keypoints: Tensor) -> Tensor:
        alone = self.options.stride == 1
        result: Tensor = net.single(keypoints) if alone else net(keypoints)
        return result

    def score(self) -> float | None:
        if self._test is None:
            return None
        self.position.eval()
        return lifting_score(self._lifted, self._test, self.device, centred=False, flip=self.options.flip)

    def _lifted(self, keypoints: Tensor) -> Tensor:
        before, after = -int(self.places[0]), int(self.places[-1]) - self.options.stride + 1
        padded = torch.cat([keypoints[:1].expand(before, -1, -1), keypoints, keypoints[-1:].expand(after, -1, -1)])
        pieces = [
            self.position(padded[None, first : first + PIECE + before + after])[0]
            for first in range(0, len(keypoints), PIECE)
        ]
        return torch.cat(pieces)

    def write(self, path: Path, epoch: int, optimizer: torch.optim.Optimizer) -> None:
        semi = self._unlabelled is not None
        content: dict[str, Any] = {
            "epoch": epoch,
            "lr": optimizer.param_groups[0]["lr"] * self.options.decay,
            "random_state": self.order.state,
            "optimizer": optimizer.state_dict(),
            "model_pos": self.position.state_dict(),
            "model_traj": self.trajectory.state_dict() if semi else None,
            "random_state_semi": self._other_order.state if semi else None,
        }
        with atomic_path(path) as temporary:
            torch.save(content, temporary)


def started_from(tensors: dict[str, Tensor], sizes: VideoPose3DSizes, name: str, **given: Any) -> VideoPose3D:
    """A trained network to continue with. Raises InputError for one of another size."""
    net = VideoPose3D.from_tensors(tensors, name=name, **given)
    if net.sizes != sizes:
        raise InputError(f"{name} is of another size: {net.sizes}, where {sizes} is to be trained")
    return net.train()
