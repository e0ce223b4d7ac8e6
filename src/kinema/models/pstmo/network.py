"""P-STMO as torch modules with the published parameter names, for training.

The same network without torch is `kinema.models.pstmo.onnx_run`. Names of modules are the authors'; some tensors are
loaded and never used (`model.norm`), as published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from kinema.models.pstmo.sizes import COORDINATES, HEADS, PLACED, PSTMOSizes, sizes_of


class PSTMOOutput(NamedTuple):
    """middle (B, J_out, 3): the middle frame. every (B, T, J_out, 3): all frames, from the first two encoders."""

    middle: Tensor
    every: Tensor


class Norm(nn.Module):
    """Layer norm with the unbiased deviation, epsilon added to it, as in "The Annotated Transformer"."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.a_2 = nn.Parameter(torch.ones(width))
        self.b_2 = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        mean, deviation = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
        result: Tensor = self.a_2 * (x - mean) / (deviation + 1e-6) + self.b_2
        return result


class Attention(nn.Module):
    """Multi-head self-attention: queries, keys, values and output are `linears`."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.linears = nn.ModuleList(nn.Linear(width, width) for _ in range(4))
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:  # (B, T, d)
        q, k, v = (layer(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for layer in self.linears[:3])
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout if self.training else 0.0)
        result: Tensor = self.linears[3](mixed.transpose(1, 2).flatten(-2))
        return result


class FeedForward(nn.Module):
    """Two layers on each token. (The published attribute for the activation says gelu; it is a ReLU.)"""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.w_1, self.w_2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.w_2(self.dropout(torch.relu(self.w_1(x))))
        return result


class StridedFeedForward(nn.Module):
    """The same over time, the second layer a filter of three frames with a stride."""

    def __init__(self, width: int, inner: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.w_1 = nn.Conv1d(width, inner, 1)
        self.w_2 = nn.Conv1d(inner, width, 3, stride=stride, padding=1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:  # (B, T, d) -> (B, T / stride, d)
        result: Tensor = self.w_2(self.dropout(torch.relu(self.w_1(x.transpose(1, 2))))).transpose(1, 2)
        return result


class Sublayer(nn.Module):
    """Holds the norm of one half of a layer, under its published name."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = Norm(width)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.norm(x)
        return result


class Layer(nn.Module):
    """Pre-norm attention and feed-forward layers; a stride keeps every stride-th token."""

    def __init__(self, width: int, inner: int, dropout: float, stride: int | None = None) -> None:
        super().__init__()
        self.self_attn = Attention(width, dropout)
        self.feed_forward = (
            FeedForward(width, inner, dropout) if stride is None else StridedFeedForward(width, inner, stride, dropout)
        )
        self.sublayer = nn.ModuleList(Sublayer(width) for _ in range(2))
        self.dropout = nn.Dropout(dropout)
        self.stride = stride or 1

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.self_attn(self.sublayer[0](x)))
        more = self.dropout(self.feed_forward(self.sublayer[1](x)))
        result: Tensor = x[:, :: self.stride] + more
        return result


class Stack(nn.Module):
    """Layers in sequence. The norm at their end is in the published files and never used."""

    def __init__(self, layers: list[Layer], width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.norm = Norm(width)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class Encoder(nn.Module):
    """A stack with the name `model`, as published; with learned positions where there are frames."""

    def __init__(self, layers: int, width: int, inner: int, dropout: float, frames: int | None = None) -> None:
        super().__init__()
        if frames is not None:
            self.pos_embedding = nn.Parameter(torch.randn(1, frames, width))
        self.model = Stack([Layer(width, inner, dropout) for _ in range(layers)], width)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.model(x)
        return result


class ReducingStack(Stack):
    """Layers with strides, the first three with learned positions."""

    def __init__(self, sizes: PSTMOSizes, dropout: float) -> None:
        super().__init__([Layer(sizes.width, sizes.inner, dropout, stride) for stride in sizes.strides], sizes.width)
        for i in range(PLACED):
            self.register_parameter(f"pos_embedding_{i + 1}", nn.Parameter(torch.randn(1, sizes.frames, sizes.width)))

    def forward(self, x: Tensor) -> Tensor:
        for i, layer in enumerate(self.layers):
            if i < PLACED:
                x = x + self.get_parameter(f"pos_embedding_{i + 1}")[:, : x.shape[1]]
            x = layer(x)
        return x


class ReducingEncoder(nn.Module):
    """The reducing stack under its published name."""

    def __init__(self, sizes: PSTMOSizes, dropout: float) -> None:
        super().__init__()
        self.model = ReducingStack(sizes, dropout)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.model(x)
        return result


class Residual(nn.Module):
    """Two layers on each pose with a skip connection."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.w1, self.w2 = nn.Conv1d(width, width, 1), nn.Conv1d(width, width, 1)
        self.batch_norm1, self.batch_norm2 = nn.BatchNorm1d(width), nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = self.dropout(_leaky(self.batch_norm1(self.w1(x))))
        y = self.dropout(_leaky(self.batch_norm2(self.w2(y))))
        result: Tensor = x + y
        return result


class PoseEncoder(nn.Module):
    """Single poses (B, 2 J, T) -> tokens (B, d, T)."""

    def __init__(self, joints: int, spatial: int, width: int, dropout: float) -> None:
        super().__init__()
        self.fc_1 = nn.Conv1d(joints * COORDINATES, spatial, 1)
        self.bn_1 = nn.BatchNorm1d(spatial)
        self.layers = nn.ModuleList([Residual(spatial, dropout)])
        self.fc_2 = nn.Conv1d(spatial, width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(_leaky(self.bn_1(self.fc_1(x))))
        for layer in self.layers:
            x = layer(x)
        result: Tensor = self.fc_2(x)
        return result


class PSTMO(nn.Module):
    """Windows (B, T, J, 2) -> `PSTMOOutput`."""

    def __init__(self, sizes: PSTMOSizes, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.sizes = sizes
        d = sizes.width
        self.encoder = PoseEncoder(sizes.joints_in, sizes.spatial, d, dropout)
        self.Transformer = Encoder(sizes.layers, d, sizes.inner, dropout, sizes.frames)
        self.Transformer_reduce = ReducingEncoder(sizes, dropout)
        self.fcn = head(d, 3 * sizes.joints_out)
        self.fcn_1 = head(d, 3 * sizes.joints_out)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], *, dropout: float = 0.1, name: str = "weights") -> PSTMO:
        """The network of a state dict, in evaluation mode. Raises InputError if the state dict is another network's."""
        tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
        net = cls(sizes_of({key: tuple(value.shape) for key, value in tensors.items()}, name), dropout=dropout)
        net.load_state_dict(dict(tensors), strict=True)
        return net.eval()

    def forward(self, windows: Tensor) -> PSTMOOutput:
        tokens = self.encoder(windows.flatten(2).transpose(1, 2)).transpose(1, 2)
        tokens = self.Transformer(tokens + self.Transformer.pos_embedding)
        every = self.fcn_1(tokens.transpose(1, 2)).transpose(1, 2).unflatten(-1, (-1, 3))
        middle = self.fcn(self.Transformer_reduce(tokens).transpose(1, 2))
        return PSTMOOutput(middle[..., 0].unflatten(-1, (-1, 3)), every)


def head(width: int, outputs: int) -> nn.Sequential:
    """A norm and a linear layer on (B, width, T)."""
    return nn.Sequential(nn.BatchNorm1d(width), nn.Conv1d(width, outputs, 1))


def _leaky(x: Tensor) -> Tensor:
    return nn.functional.leaky_relu(x, 0.2)
