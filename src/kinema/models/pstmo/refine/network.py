"""The refine module as a torch module with the published parameter names, for training."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from kinema.models.pstmo.refine.numpy_run import joints_of


class Refine(nn.Module):
    """Lifted and projected joints (..., J, 3) -> (..., J, 3): see `NumpyRefine`."""

    def __init__(self, joints: int = 17, inner: int = 1024, *, dropout: float = 0.5) -> None:
        super().__init__()
        self.post_refine = nn.Sequential(
            nn.Linear(6 * joints, inner), nn.ReLU(), nn.Dropout(dropout), nn.Linear(inner, 2 * joints), nn.Sigmoid()
        )

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], *, name: str = "weights") -> Refine:
        """The network of a state dict, in evaluation mode. Raises InputError if the state dict is another network's."""
        tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
        net = cls(*joints_of({key: tuple(value.shape) for key, value in tensors.items()}, name))
        net.load_state_dict(dict(tensors), strict=True)
        return net.eval()

    def forward(self, lifted: Tensor, projected: Tensor) -> Tensor:
        share = self.post_refine(torch.cat([lifted, projected], dim=-1).flatten(-2)).unflatten(-1, (-1, 2))
        across = share * lifted[..., :2] + (1 - share) * projected[..., :2]
        return torch.cat([across, lifted[..., 2:]], dim=-1)


def back_projected(screen: Tensor, depths: Tensor, root_depth: Tensor, lens: Tensor) -> Tensor:
    """The same as `numpy_run.back_projected`."""
    z = torch.cat([root_depth[..., None], depths[..., 1:] + root_depth[..., None]], dim=-1)[..., None]
    points = torch.cat([(screen - lens[..., None, 2:4]) * z / lens[..., None, :2], z], dim=-1)
    return points - points[..., :1, :]
