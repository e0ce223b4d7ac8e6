"""How alike pixels of one frame and of another are, around the places where the pixels are thought to have moved.

Teed and Deng 2021, section 3.1 (after RAFT): dot products of features, of all pairs of pixels, at four resolutions of
the second frame. Halving its features and halving the products is the same.
"""

from __future__ import annotations

from collections.abc import Sequence

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


def products(first: Tensor, second: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Of every pixel of the first features (E,C,h,w) with every column of the second's `pyramid`, of E rows:
    (E,h*w,cells + 1) for each level, 50 MB an edge at the working size."""
    rows = first.flatten(2).transpose(1, 2) / _SHARE
    return tuple(torch.bmm(rows, columns) for columns in second)


def compared(levels: Sequence[Tensor], places: Tensor) -> Tensor:
    """Correlations (E,196,h,w) of every pixel with 7x7 places in each level of the second frame.

    levels: `products` of E edges, of any float type; places (E,h,w,2): where the pixels are in the second frame, x and
    y in pixels of the features. Of the 49, x is the slow index; between pixels they are bilinear, outside zero. In
    memory, channels are last.
    """
    edges, height, width, _ = places.shape
    around = torch.arange(-RADIUS, RADIUS + 2, device=places.device)
    out = places.new_empty(edges, height * width, LEVELS, SPAN, SPAN)
    for level, product in enumerate(levels):
        high, wide = height >> level, width >> level
        where = places.reshape(edges, -1, 2) / 2**level
        corner = where.floor()
        fraction = where - corner
        # Far outside is outside, and does not overflow.
        x = corner[..., 0].clamp(-RADIUS - 2, wide + RADIUS + 1).long()[..., None] + around
        y = corner[..., 1].clamp(-RADIUS - 2, high + RADIUS + 1).long()[..., None] + around
        inside = ((x >= 0) & (x < wide))[..., :, None] & ((y >= 0) & (y < high))[..., None, :]
        cell = torch.where(inside, y[..., None, :] * wide + x[..., :, None], high * wide)
        found = product.gather(2, cell.flatten(2)).view(*cell.shape).float()
        fx, fy = fraction[..., 0, None, None], fraction[..., 1, None, None]
        across = torch.lerp(found[:, :, :-1], found[:, :, 1:], fx)
        out[:, :, level] = torch.lerp(across[..., :-1], across[..., 1:], fy)
    return out.view(edges, height, width, -1).permute(0, 3, 1, 2)
