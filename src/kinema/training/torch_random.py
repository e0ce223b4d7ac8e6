"""Random numbers on the training device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class TorchRandom:
    """Seeded random numbers on a device."""

    def __init__(self, seed: int, device: str) -> None:
        self.device = device
        self.generator = torch.Generator(device=device).manual_seed(seed)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=self.device)

    def below(self, probability: float, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator, device=self.device) < probability

    def integers(self, high: int, *shape: int) -> Tensor:
        return torch.randint(high, shape, generator=self.generator, device=self.device)

    def smooth(self, batch: int, frames: int, step: float, sigma: float, *channels: int) -> Tensor:
        """(N, frames, *channels) standard normal, frames `step` apart, with correlation exp(-(dt/sigma)^2 / 4)."""
        time = step * np.arange(frames)
        covariance = np.exp(-((time[:, None] - time) ** 2) / (4 * sigma**2)) + 1e-6 * np.eye(frames)
        factor = torch.tensor(np.linalg.cholesky(covariance), dtype=torch.float32, device=self.device)
        white = self.normal(batch, frames, int(np.prod(channels)))
        return (factor @ white).reshape(batch, frames, *channels)
