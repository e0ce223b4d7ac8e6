"""Where in front of the camera the points of a crop are: from their pixels and relative metric coordinates.

The root is found by weighted least squares (section 3.3 of the paper and its predecessor, Sárándi et al., "MeTRAbs",
2021): every point that lies well inside the crop and is certain says that the root plus its relative position must
project to its pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinema.models.nlf.facts import INNER_BORDER, NEAREST, STRIDE, SURE, UNCERTAINTY_FACTOR

if TYPE_CHECKING:
    from torch import Tensor

    from kinema.models.nlf.point_network import Localized

_RIDGE = 1e-4
_SMALL = 1e-8
_NEAREST_PROJECTED = 0.1


def reconstruct(found: Localized, intrinsics: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Points (B,N,3) metres in the crop camera's frame, and their uncertainties (B,N) metres.

    intrinsics (B,3,3): of the crops, `side` pixels wide and high.
    """
    import torch

    pixels, metric = found.pixels, found.metric
    inside = ((pixels >= STRIDE) & (pixels <= side - STRIDE)).all(dim=-1)
    valid = (inside & (found.uncertainty < SURE)).to(pixels.dtype)
    rays = _homogeneous(pixels) @ torch.linalg.inv(intrinsics).mT
    rays = rays[..., :2]
    root = _root(rays, metric, valid)
    by_metric = metric + root[:, None]
    by_ray = _homogeneous(rays) * by_metric[..., 2:]
    mean = (by_metric + by_ray) / 2
    depth = by_metric[..., 2:].clamp(min=_NEAREST_PROJECTED)
    projected = (by_metric / depth) @ intrinsics.mT
    margin = INNER_BORDER * STRIDE
    seen = ((projected[..., :2] >= margin) & (projected[..., :2] <= side - margin)).all(dim=-1)
    seen &= by_metric[..., 2] > NEAREST
    return torch.where(seen[..., None], mean, by_metric), found.uncertainty * UNCERTAINTY_FACTOR


def _root(rays: Tensor, metric: Tensor, valid: Tensor) -> Tensor:
    """(B,3) metres. rays (B,N,2) at depth 1, metric (B,N,3), valid (B,N) in {0,1}.

    For every point: t_xy - ray t_z = ray metric_z - metric_xy. The rays and the right side are divided by
    their root mean square length over the valid points.
    """
    import torch

    weight = valid + _SMALL
    share = valid / valid.sum(dim=1, keepdim=True).clamp(min=_SMALL)
    right = rays * metric[..., 2:] - metric[..., :2]

    def size(values: Tensor) -> Tensor:
        return ((values.square() * share[..., None]).sum(dim=(1, 2), keepdim=True) + 1e-10).sqrt()

    ray_size, right_size = size(rays), size(right)
    scaled = rays / ray_size
    ones, zeros = torch.ones_like(scaled[..., 0]), torch.zeros_like(scaled[..., 0])
    rows = torch.stack(
        [torch.stack([ones, zeros, -scaled[..., 0]], dim=-1), torch.stack([zeros, ones, -scaled[..., 1]], dim=-1)],
        dim=2,
    ).flatten(1, 2)
    target = (right / right_size).flatten(1)
    weights = weight.repeat_interleave(2, dim=1).sqrt()
    rows, target = rows * weights[..., None], target * weights
    normal = rows.mT @ rows + _RIDGE * torch.eye(3, dtype=rows.dtype, device=rows.device)
    solved = torch.cholesky_solve(rows.mT @ target[..., None], torch.linalg.cholesky(normal))[..., 0]
    solved = solved * right_size[:, 0]
    return torch.cat([solved[:, :2], solved[:, 2:] / ray_size[:, 0]], dim=1)


def _homogeneous(points: Tensor) -> Tensor:
    import torch

    return torch.cat([points, torch.ones_like(points[..., :1])], dim=-1)
