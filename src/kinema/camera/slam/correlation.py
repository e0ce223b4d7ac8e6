"""How alike pixels of one frame and of another are, around the places where the pixels are thought to have moved.

Teed and Deng 2021, section 3.1 (after RAFT): dot products of features, of all pairs of pixels, at four resolutions of
the second frame. Halving its features and halving the products is the same, so the products of a few edges exist at a
time only: they are made from halved features when they are looked up. At the working size that saves 50 MB an edge.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from kinema.models.droid.facts import LEVELS, RADIUS, SPAN

_SHARE = 16.0
"""Products are of features that are each divided by 4."""


def pyramid(features: Tensor) -> tuple[Tensor, ...]:
    """Features (N,C,h,w) at four resolutions: columns (N,C,cells + 1) of which the last, what lies outside, is zero."""
    levels = []
    for level in range(LEVELS):
        if level:
            features = F.avg_pool2d(features, 2)
        levels.append(F.pad(features.flatten(2), (0, 1)))
    return tuple(levels)


def compared(first: Tensor, second: tuple[Tensor, ...], places: Tensor) -> Tensor:
    """Correlations (E,196,h,w): of every pixel of the first features (E,C,h,w) with 7x7 places in each level of the
    second's `pyramid`, of E rows, around places (E,h,w,2), x and y in pixels of the features.

    Of the 49, x is the slow index; between pixels they are bilinear, outside zero. In memory, channels are last.
    """
    edges, _, height, width = first.shape
    rows = first.flatten(2).transpose(1, 2) / _SHARE
    around = torch.arange(-RADIUS, RADIUS + 2, device=first.device)
    out = first.new_empty(edges, height * width, LEVELS, SPAN, SPAN)
    for level, columns in enumerate(second):
        high, wide = height >> level, width >> level
        where = places.reshape(edges, -1, 2) / 2**level
        corner = where.floor()
        fraction = where - corner
        # Far outside is outside, and does not overflow.
        x = corner[..., 0].clamp(-RADIUS - 2, wide + RADIUS + 1).long()[..., None] + around
        y = corner[..., 1].clamp(-RADIUS - 2, high + RADIUS + 1).long()[..., None] + around
        inside = ((x >= 0) & (x < wide))[..., :, None] & ((y >= 0) & (y < high))[..., None, :]
        cell = torch.where(inside, y[..., None, :] * wide + x[..., :, None], high * wide)
        found = torch.bmm(rows, columns).gather(2, cell.flatten(2)).view(*cell.shape)
        fx, fy = fraction[..., 0, None, None], fraction[..., 1, None, None]
        across = torch.lerp(found[:, :, :-1], found[:, :, 1:], fx)
        out[:, :, level] = torch.lerp(across[..., :-1], across[..., 1:], fy)
    return out.view(edges, height, width, -1).permute(0, 3, 1, 2)
