"""The published losses of lifters, in torch. Lengths are in metres, image positions in half widths of the image.

VideoPose3D: Pavllo et al., CVPR 2019, sections 3 and 4. P-STMO: Shan et al., ECCV 2022, sections 3.2 and 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kinema.models.pstmo.masked.network import Filled
from kinema.models.pstmo.network import PSTMOOutput


def position_error(found: Tensor, true: Tensor) -> Tensor:
    """Mean distance of points (..., 2 or 3)."""
    error: Tensor = (found - true).norm(dim=-1).mean()
    return error


def weighted_position_error(found: Tensor, true: Tensor, weights: Tensor) -> Tensor:
    """Mean of weighted distances; weights have, or broadcast to, the points' shape without the last axis."""
    error: Tensor = (weights * (found - true).norm(dim=-1)).mean()
    return error


def trajectory_error(found: Tensor, true: Tensor) -> Tensor:
    """Error of root positions (B, F, 1, 3), each divided by its true depth: distant roots may be less accurate."""
    return weighted_position_error(found, true, 1 / true[..., 2])


def projected(points: Tensor, lens: Tensor, *, distorted: bool = True) -> Tensor:
    """Points (B, ..., 3) in the cameras' axes -> image positions (B, ..., 2), for lenses (B, 9).

    A lens is two focal lengths, principal point, k1 k2 k3, p1 p2. The slopes x/z and y/z are limited to 1, so that
    points beside or behind the camera leave the loss finite. distorted: with the lens distortion.
    """
    lens = lens.reshape(len(lens), *[1] * (points.dim() - 2), 9)
    focal, centre, radial, tangential = lens[..., :2], lens[..., 2:4], lens[..., 4:7], lens[..., 7:]
    slope = (points[..., :2] / points[..., 2:]).clamp(-1, 1)
    if not distorted:
        return focal * slope + centre
    square = slope.square().sum(-1, keepdim=True)
    powers = torch.cat([square, square**2, square**3], dim=-1)
    factor = 1 + (radial * powers).sum(-1, keepdim=True) + (tangential * slope).sum(-1, keepdim=True)
    return focal * (slope * factor + tangential * square) + centre


def bone_length_error(joints: Tensor, parents: Sequence[int], known: int) -> Tensor:
    """Mean difference between the mean bone lengths of the first `known` clips and of the others: joints (B, F, J,
    3)."""
    child = torch.tensor([j for j, parent in enumerate(parents) if parent >= 0], device=joints.device)
    lengths = (joints[:, :, child] - joints[:, :, [parents[j] for j in child.tolist()]]).norm(dim=-1).mean(dim=1)
    error: Tensor = (lengths[:known].mean(dim=0) - lengths[known:].mean(dim=0)).abs().mean()
    return error


def filling_loss(filled: Filled, windows: Tensor) -> Tensor:
    """Mean distance of P-STMO's first stage over all frames (B, T, J, 2) and joints, visible ones included."""
    return position_error(filled.poses, windows[:, filled.order])


def lifting_terms(out: PSTMOOutput, joints: Tensor) -> tuple[Tensor, Tensor]:
    """P-STMO's errors of all frames, and of the middle frame; joints (B, T, J, 3) have their root at 0."""
    return position_error(out.every, joints), position_error(out.middle, joints[:, joints.shape[1] // 2])
