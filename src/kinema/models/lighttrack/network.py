"""LightTrack's SGCN as a torch module with the published parameter names, for training; `numpy_run` runs it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from kinema.models.lighttrack.facts import FEATURES, JOINTS, LAYERS, PARTITIONS, WIDTH, adjacency


class GraphConvolution(nn.Module):
    """(N, C, T, V) and edges (K, V, V) -> (N, width, T, V)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, PARTITIONS * WIDTH, 1)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        parts = self.conv(x).unflatten(1, (PARTITIONS, WIDTH))
        result: Tensor = torch.einsum("nkctv,kvw->nctw", parts, edges)
        return result


class Layer(nn.Module):
    """One graph layer under its published name."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gcn = GraphConvolution(channels)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        return torch.relu(self.gcn(x, edges))


class SGCN(nn.Module):
    """Poses (N, 2, T, 15, 1) -> features (N, 128)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("A", torch.from_numpy(adjacency()))
        self.data_bn = nn.BatchNorm1d(2 * len(JOINTS))
        self.st_gcn_networks = nn.ModuleList(Layer(channels) for channels in LAYERS)
        edges = (PARTITIONS, len(JOINTS), len(JOINTS))
        self.edge_importance = nn.ParameterList(nn.Parameter(torch.ones(edges)) for _ in LAYERS)
        self.fcn = nn.Conv2d(WIDTH, FEATURES, 1)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> SGCN:
        """The network of a state dict, with or without the prefix `module.`, in evaluation mode; loaded strictly."""
        net = cls()
        net.load_state_dict({key.removeprefix("module."): value for key, value in tensors.items()}, strict=True)
        return net.eval()

    def forward(self, poses: Tensor) -> Tensor:
        x = poses[..., 0].permute(0, 3, 1, 2)  # (N, V, C, T)
        x = self.data_bn(x.flatten(1, 2)).unflatten(1, x.shape[1:3]).permute(0, 2, 3, 1)
        for layer, importance in zip(self.st_gcn_networks, self.edge_importance, strict=True):
            x = layer(x, self.get_buffer("A") * importance)
        result: Tensor = self.fcn(x.mean(dim=(2, 3), keepdim=True)).flatten(1)
        return result
