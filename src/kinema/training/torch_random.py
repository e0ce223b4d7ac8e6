"""Random numbers on the training device."""

from __future__ import annotations

from collections.abc import Sequence

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

    def smooth(self, batch: int, times: Sequence[int], sigma: float, *channels: int) -> Tensor:
        """(N, T, *channels) standard normal, at the T `times`, with correlation exp(-(dt/sigma)^2 / 4)."""
        time = np.asarray(times, dtype=float)
        covariance = np.exp(-((time[:, None] - time) ** 2) / (4 * sigma**2)) + 1e-6 * np.eye(len(time))
        factor = torch.tensor(np.linalg.cholesky(covariance), dtype=torch.float32, device=self.device)
        white = self.normal(batch, len(time), int(np.prod(channels)))
        return (factor @ white).reshape(batch, len(time), *channels)
