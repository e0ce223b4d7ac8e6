"""Features of regions: a grid of cells of each box, from the map of the pyramid that suits its size.

He et al. 2017, section 3 (RoIAlign); Lin et al. 2017, equation 1 (which map). torch is imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinema.models.maskrcnn.facts import SAMPLES

if TYPE_CHECKING:
    from torch import Tensor

_AT_ONCE = 128
"""Regions that are sampled at once, which bounds the memory."""


def levels(boxes: np.ndarray) -> np.ndarray:
    """(N,) int: index of the map, 0 to 3, for boxes (N,4) in pixels of the network's input."""
    sides = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    level = np.floor(4 + np.log2(np.maximum(sides, 1e-12) / np.float32(224)) + np.float32(1e-6))
    return np.asarray(np.clip(level, 2, 5).astype(np.int64) - 2)


def features_of(maps: list[Tensor], boxes: np.ndarray, cells: int) -> Tensor:
    """Features (N,C,cells,cells) of boxes (N,4) in pixels of the network's input.

    maps: the pyramid's (1,C,h,w), at 1/4, 1/8, 1/16 and 1/32 of it.
    """
    out = maps[0].new_zeros(len(boxes), maps[0].shape[1], cells, cells)
    level = levels(boxes)
    for number, one in enumerate(maps[:4]):
        members = np.flatnonzero(level == number)
        for start in range(0, len(members), _AT_ONCE):
            some = members[start : start + _AT_ONCE]
            out[some] = _sampled(one, boxes[some] / np.float32(4 << number), cells)
    return out


def _sampled(one: Tensor, boxes: np.ndarray, cells: int) -> Tensor:
    """Means of `SAMPLES` x `SAMPLES` bilinear samples of each cell (n,C,cells,cells); boxes in pixels of the map."""
    import torch
    from torch.nn import functional

    height, width = one.shape[2:]
    count = cells * SAMPLES
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], np.float32(1))
    steps = ((np.arange(count, dtype=np.float32) + np.float32(0.5)) / np.float32(count))[None]
    x, y = (boxes[:, axis, None] + sides[:, axis, None] * steps for axis in (0, 1))
    inside = ((y >= -1) & (y <= height))[:, :, None] & ((x >= -1) & (x <= width))[:, None, :]
    unit_x, unit_y = 2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1
    shape = (len(boxes), count, count)
    grid = np.stack([np.broadcast_to(unit_x[:, None], shape), np.broadcast_to(unit_y[:, :, None], shape)], axis=-1)
    places = torch.from_numpy(np.ascontiguousarray(grid, np.float32)).reshape(1, -1, count, 2)
    # Beyond the border the nearest value counts for one pixel, then nothing.
    samples = functional.grid_sample(one, places, mode="bilinear", padding_mode="border", align_corners=True)[0]
    samples = samples.reshape(len(samples), len(boxes), count, count).transpose(0, 1)
    return functional.avg_pool2d(samples * torch.from_numpy(inside)[:, None], SAMPLES)
