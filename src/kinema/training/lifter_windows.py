"""Rendered windows as training and validation samples of the pose lifter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kinema.models.pose_lifter.features import lifter_features
from kinema.models.pose_lifter.network import PoseLifter, PoseLifterConfig
from kinema.training.lifter_observation import degraded, film_rows
from kinema.training.lifter_samples import Batch, Samples, foot_contacts, landmark_batch
from kinema.training.lifter_scores import VerticalScores
from kinema.training.rendered import LIFTER_FILM
from kinema.training.torch_body import BodyTables
from kinema.training.torch_random import TorchRandom
from kinema.training.windows import load_windows, measured_errors, with_mirrored

STILL = 0.1
"""m/s: slower people are drawn as if they moved this fast."""


class RenderedWindows:
    """Stored windows, in which each frame is a sample: ground truth and network output."""

    def __init__(self, windows: dict[str, np.ndarray], body: BodyTables, config: PoseLifterConfig) -> None:
        self._raw = windows
        self.data = {name: torch.tensor(value, dtype=torch.float32) for name, value in windows.items()}
        self.body, self.config = body, config

    @classmethod
    def load(cls, folder: Path, split: str, body: BodyTables, config: PoseLifterConfig) -> RenderedWindows:
        """The windows of one split ("train" or "held_out") written to `folder` by `render_windows`, and their
        mirror images.
        """
        return cls(with_mirrored(load_windows(folder, split, LIFTER_FILM)), body, config)

    def __len__(self) -> int:
        return len(self.data["root"])

    def errors(self) -> dict[str, Tensor]:
        """The keypoint errors of all windows, for `observe`."""
        measured = vars(measured_errors(self._raw))
        return {name: torch.tensor(value, dtype=torch.float32) for name, value in measured.items()}

    @torch.no_grad()
    def movement(self) -> Tensor:
        """(N,) how much the person in each window moves: mean speed of the joints in m/s, at least STILL."""
        data = self.data
        betas = data["betas"][:, None].expand(-1, data["root"].shape[1], -1).reshape(-1, 10)
        _, joints = self.body.joints(data["rotation"].reshape(-1, 24, 3, 3), betas)
        placed = joints.reshape(*data["root"].shape[:2], 24, 3) + data["root"][:, :, None]
        speed: Tensor = LIFTER_FILM.rate * placed.diff(dim=1).norm(dim=-1).mean((1, 2))
        return speed.clamp(min=STILL)

    @torch.no_grad()
    def samples(self) -> tuple[Samples, tuple[Tensor, Tensor, Tensor]]:
        """Every frame of all windows as a sample, with the end frames repeated beyond the ends, and its observations:
        rays (N,W,33,2), confidence (N,W,33), landmarks (N,W,33,3). The samples' points are left empty.
        """
        data, taps = self.data, self.config.taps
        length = data["root"].shape[1]
        window = torch.arange(len(self)).repeat_interleave(length)
        rows = torch.arange(length).repeat(len(self))[:, None] + film_rows(taps, torch.device("cpu"))
        rows = rows.clamp(0, length - 1)
        betas, up = data["betas"][window], data["up"][window]
        betas_per_frame = data["betas"][:, None].expand(-1, length, -1).reshape(-1, 10)
        _, joints = self.body.joints(data["rotation"].reshape(-1, 24, 3, 3), betas_per_frame)
        placed = joints.reshape(len(self), length, 24, 3) + data["root"][:, :, None]
        contacts = foot_contacts(placed[window[:, None], rows], up, taps)
        local = data["rotation"].reshape(-1, 24, 3, 3)
        observed = tuple(data[n][window[:, None], rows] for n in ("rays", "confidence", "landmarks"))
        return Samples(betas[:, :0], local, joints, betas, up, contacts), (observed[0], observed[1], observed[2])


class RenderedSamples:
    """Draws batches of rendered samples, with observations slightly degraded anew each time.

    People who move are drawn more often than those who stand: by the square root of their `movement`.
    """

    def __init__(self, windows: RenderedWindows, rng: TorchRandom) -> None:
        self.truth, self.observed = windows.samples()
        self.rng, self.taps = rng, windows.config.taps
        length = len(self.truth.betas) // len(windows)
        self.weight = windows.movement().sqrt().repeat_interleave(length)

    @torch.no_grad()
    def draw(self, count: int) -> Batch:
        """`count` samples, any frame of any window."""
        which = torch.multinomial(self.weight, count, replacement=True, generator=self.rng.generator)
        truth = Samples(*(getattr(self.truth, n)[which] for n in Samples.__annotations__))
        rays, confidence, landmarks = (s[which].clone() for s in self.observed)
        # One metre at the person on the image plane, from the torso length.
        torso = (rays[:, :, [11, 12]].mean(2) - rays[:, :, [23, 24]].mean(2)).norm(dim=-1)
        metre = (torso / 0.5).clamp(min=0.05)[..., None, None]
        rays = rays + 0.008 * metre * self.rng.smooth(count, self.taps, 3.0, 33, 2)
        landmarks = landmarks + 0.02 * self.rng.normal(count, 1, 33, 3)
        observed = degraded(rays, confidence, landmarks, metre, self.rng, self.taps)
        return landmark_batch(truth, *observed, self.rng)


class Validator:
    """Scores a lifter on held-out windows."""

    def __init__(self, windows: RenderedWindows, body: BodyTables) -> None:
        truth, observed = windows.samples()
        subset = slice(None, len(truth.betas) // 2, 3)  # without the mirror images
        truth = Samples(*(getattr(truth, n)[subset] for n in Samples.__annotations__))
        rays, confidence, landmarks = (s[subset] for s in observed)
        self.scores = VerticalScores(truth, *lifter_features(rays, confidence, landmarks, torch), body)

    def __call__(self, net: PoseLifter) -> dict[str, float]:
        """The `VerticalScores` of the windows."""
        return self.scores(net)
