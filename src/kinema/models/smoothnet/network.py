"""SmoothNet (Zeng et al., ECCV 2022): one small network over time, shared by all coordinates.

The parameter names are the published ones, so that every published checkpoint loads strictly. The same network without
torch is `kinema.models.smoothnet.numpy_run`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from kinema.models.smoothnet.facts import BLOCK_SLOPE, ENCODER_SLOPE
from kinema.models.smoothnet.sizes import SmoothNetSizes, sizes_of


class SmoothNetBlock(nn.Module):
    """Two layers with a skip connection. Dropout precedes the activation, as published."""

    def __init__(self, hidden: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.linear1 = nn.Linear(hidden, inner)
        self.linear2 = nn.Linear(inner, hidden)
        self.dropout = nn.Dropout(dropout)
        self.activation = nn.LeakyReLU(BLOCK_SLOPE)

    def forward(self, x: Tensor) -> Tensor:  # (..., hidden)
        x_in = x
        x = self.activation(self.dropout(self.linear1(x)))
        x = self.activation(self.dropout(self.linear2(x)))
        return x + x_in


class SmoothNet(nn.Module):
    """Windows (..., C, T) -> smooth windows (..., C, T_out): each of the C coordinates separately.

    sizes: window T, outputs T_out, hidden and inner width, number of blocks. dropout: in training.
    """

    def __init__(self, sizes: SmoothNetSizes, *, dropout: float = 0.5) -> None:
        super().__init__()
        self.sizes = sizes
        self.encoder = nn.Sequential(nn.Linear(sizes.window, sizes.hidden), nn.LeakyReLU(ENCODER_SLOPE))
        self.res_blocks = nn.Sequential(
            *(SmoothNetBlock(sizes.hidden, sizes.inner, dropout) for _ in range(sizes.blocks))
        )
        self.decoder = nn.Linear(sizes.hidden, sizes.outputs)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.decoder(self.res_blocks(self.encoder(x)))
        return result

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], *, dropout: float = 0.5, name: str = "weights") -> SmoothNet:
        """The network of a state dict, in evaluation mode. Raises InputError if the state dict is another network's."""
        tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
        net = cls(sizes_of({key: tuple(value.shape) for key, value in tensors.items()}, name), dropout=dropout)
        net.load_state_dict(dict(tensors), strict=True)
        return net.eval()


def windows_first(x: Tensor) -> Tensor:
    """Windows (N, T, C), time before coordinates, to the network's order (N, C, T), and back."""
    return torch.transpose(x, -1, -2)
