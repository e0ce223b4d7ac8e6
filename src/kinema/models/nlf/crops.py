"""Crops of people: an image is brought to linear light, sampled through a virtual camera, and gamma-encoded again.

Where a crop shrinks the image, it is sampled from the image halved once or twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from kinema.models.nlf.views import Lens, View, sampling_grid

if TYPE_CHECKING:
    from torch import Tensor

LINEAR = 2.2
"""The exponent that brings images to linear light."""

_LEVELS = 3
_BORDER = 2 ** (_LEVELS - 1)


def crops_of(
    image: np.ndarray,
    views: Sequence[View],
    lens: Lens,
    side: int,
    *,
    antialias: int = 1,
    white: bool = False,
    decodings: int = 1,
) -> Tensor:
    """Crops (n,3,side,side) float32 in [0,1] of an image (H,W,3) RGB, uint8, or a float in [0,1].

    antialias: factor at which they are sampled before they are averaged. white: what lies outside the image is
    white, not black. decodings: how often the gamma is decoded; 2 darkens the crops, as the original's `detect_*` do.
    Only the part of the image that a crop shows is read.
    """
    import torch

    if not views:
        return torch.zeros(0, 3, side, side)
    return torch.stack([_crop(image, view, lens, side, antialias, white, decodings) for view in views])


def _crop(image: np.ndarray, view: View, lens: Lens, side: int, antialias: int, white: bool, decodings: int) -> Tensor:
    import torch
    from torch.nn import functional

    grid = sampling_grid(view, lens, side, antialias)
    level = int(np.clip(np.floor(-np.log2(view.zoom * antialias)), 0, _LEVELS - 1))
    part, corner = _part(image, grid)
    gamma = view.augmentation.gamma / LINEAR
    if part.size == 0:
        return torch.full((3, side, side), 1.0 if white else 0.0)
    pixels = _linear(part, LINEAR**decodings)
    if white:
        pixels = 1 - pixels
    for _ in range(level):
        pixels = functional.avg_pool2d(pixels, 2)
    height, width = pixels.shape[2:]
    # Pixel centres at integers in the image, and between -1 and 1 from border to border for torch.
    places = (np.nan_to_num(grid, nan=-1e6) - corner + 0.5) / 2**level
    places = 2 * places / np.array([width, height]) - 1
    sampled = functional.grid_sample(
        pixels, torch.from_numpy(places.astype(np.float32))[None], padding_mode="zeros", align_corners=False
    )
    if white:
        sampled = 1 - sampled
    if antialias in (2, 4):
        sampled = functional.avg_pool2d(sampled, antialias)
    elif antialias > 1:
        sampled = functional.interpolate(sampled, size=(side, side), mode="bilinear", antialias=True)
    return sampled[0].clamp(min=0).pow(gamma)


def _part(image: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of the image that a grid (S,S,2) of pixels reads, and its corner (x, y); halvings of both are alike."""
    height, width = image.shape[:2]
    # One coordinate after the other: numpy takes four times as long over rows of two.
    low = np.array([np.nanmin(grid[..., axis], initial=np.inf) for axis in (0, 1)])
    high = np.array([np.nanmax(grid[..., axis], initial=-np.inf) for axis in (0, 1)])
    if not (np.all(np.isfinite(low)) and np.all(np.isfinite(high))):
        return image[:0, :0], np.zeros(2)
    first = np.floor((np.clip(low, 0, [width, height]) - _BORDER) / _BORDER) * _BORDER
    last = np.ceil((np.clip(high, 0, [width, height]) + 2 * _BORDER) / _BORDER) * _BORDER
    x0, y0 = np.clip(first, 0, None).astype(int)
    x1, y1 = np.clip(last, 0, [width, height]).astype(int)
    return image[y0:y1, x0:x1], np.array([x0, y0], float)


def _linear(part: np.ndarray, exponent: float) -> Tensor:
    """(1,3,h,w) float32, raised to the exponent."""
    import torch

    whole = part.dtype == np.uint8
    values = _table(exponent).take(part) if whole else np.asarray(part, np.float32) ** np.float32(exponent)
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]


@cache
def _table(exponent: float) -> np.ndarray:
    return (np.arange(256, dtype=np.float32) / 255) ** np.float32(exponent)
