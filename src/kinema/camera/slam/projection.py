"""Where pixels of one frame are seen from another, given poses and disparities, and how far apart frames are.

Everything is at the resolution of the features; lenses are [fx, fy, cx, cy] in its pixels. A pixel's point is
((u-cx)/fx, (v-cy)/fy, 1, disparity).
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinema.camera.slam.poses import relative, turned

STEREO = -0.1
"""The baseline of an edge from a frame to itself."""

NEAREST, BEHIND = 0.2, 0.1
"""Depth from which a projection is valid, and below which it is computed as if the depth were one."""

SEEN = 0.25
"""Depth from which a pixel counts in a distance, and in the adjustment."""

OVERLAP = 0.75
"""Share of the pixels that must be seen for frames to have a distance."""

APART = 1000.0
"""The distance of frames that do not see the same."""


def pixels(height: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """Their places (h,w,2), x and y."""
    y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    return torch.stack([x, y], dim=-1).float()


def rays(height: int, width: int, lens: Tensor) -> Tensor:
    """The points (h,w,3) of pixels at depth one."""
    flat = (pixels(height, width, lens.device) - lens[2:]) / lens[:2]
    return torch.cat([flat, torch.ones_like(flat[..., :1])], -1)


def moves(poses: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """The motions (E,7) along edges."""
    out = relative(poses, start, end)
    same = start == end
    if bool(same.any()):
        out[same] = out.new_tensor([STEREO, 0, 0, 0, 0, 0, 1])
    return out


def transformed(motion: Tensor, disparity: Tensor, lens: Tensor) -> Tensor:
    """The points (E,h,w,3) of disparities (E,h,w) after motions (E,7), divided by their first depth."""
    points = rays(disparity.shape[1], disparity.shape[2], lens)
    return turned(motion[:, None, None, 3:], points) + motion[:, None, None, :3] * disparity[..., None]


def reprojected(poses: Tensor, disparities: Tensor, lens: Tensor, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Places (E,h,w,2) of the pixels of frames `start` in frames `end`, and which are valid (E,h,w).

    poses (N,7), disparities (N,h,w), start and end (E,) rows of them.
    """
    points = transformed(moves(poses, start, end), disparities[start], lens)
    depth = points[..., 2:]
    flat = points[..., :2] / torch.where(depth < BEHIND, torch.ones_like(depth), depth)
    return flat * lens[:2] + lens[2:], depth[..., 0] > NEAREST


def distances(poses: Tensor, disparities: Tensor, lens: Tensor, start: Tensor, end: Tensor, *, beta: float) -> Tensor:
    """How far pixels move between frames (E,), in pixels, as the mean of both directions.

    beta: the share of the whole motion; the rest is that of the translation alone.
    """
    there = _distance(poses, disparities, lens, start, end, beta)
    return (there + _distance(poses, disparities, lens, end, start, beta)) / 2


_EDGES = 256
"""Of which distances are computed together."""


def _distance(poses: Tensor, disparities: Tensor, lens: Tensor, start: Tensor, end: Tensor, beta: float) -> Tensor:
    found = []
    for first, second in zip(start.split(_EDGES), end.split(_EDGES), strict=True):
        motion = relative(poses, first, second)
        shift = motion.clone()
        shift[:, 3:] = shift.new_tensor([0, 0, 0, 1])
        total, seen = motion.new_zeros(len(first)), motion.new_zeros(len(first))
        for each, share in ((motion, beta), (shift, 1 - beta)):
            points = transformed(each, disparities[first], lens)
            valid = points[..., 2] > SEEN
            flat = points[..., :2] / torch.where(valid, points[..., 2], 1.0)[..., None]
            flow = (flat * lens[:2] + lens[2:] - pixels(valid.shape[1], valid.shape[2], lens.device)).norm(dim=-1)
            total += share * torch.where(valid, flow, 0.0).sum(dim=(1, 2))
            seen += share * valid.sum(dim=(1, 2))
        area = disparities.shape[1] * disparities.shape[2]
        found.append(torch.where(seen / area < OVERLAP, APART, total / seen.clamp(min=1e-8)))
    return torch.cat(found) if found else start.new_zeros(0).float()
