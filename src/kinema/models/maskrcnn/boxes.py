"""Boxes of Mask R-CNN: anchors, offsets, suppression, and soft masks pasted into the image.

Boxes are (N,4) float32, corners x1 y1 x2 y2. Ren et al., "Faster R-CNN", 2015, section 3.1.2 (anchors and offsets).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from kinema.models.maskrcnn.facts import ANCHOR_RATIOS

_LARGEST_GROWTH = np.float32(np.log(1000.0 / 16.0))
"""Limit of the logarithm by which a box may grow, against overflow."""

_MARGIN = 1
"""Pixels of nothing around a soft mask before it is enlarged, so that its border is interpolated."""


def anchors(size: int, cells: tuple[int, int], image: tuple[int, int]) -> np.ndarray:
    """The anchors (h*w*3,4) of a map, row by row, the ratios innermost.

    size: side of a square one; cells, image: height and width of the map and of the padded image.
    """
    ratios = np.sqrt(np.array(ANCHOR_RATIOS, np.float32))
    wide, high = (1 / ratios) * np.float32(size), ratios * np.float32(size)
    shapes = np.round(np.stack([-wide, -high, wide, high], axis=1) / 2)
    step_y, step_x = image[0] // cells[0], image[1] // cells[1]
    y, x = np.meshgrid(np.arange(cells[0]) * step_y, np.arange(cells[1]) * step_x, indexing="ij")
    centres = np.stack([x, y, x, y], axis=-1).reshape(-1, 1, 4).astype(np.float32)
    return np.asarray((centres + shapes).reshape(-1, 4), np.float32)


def moved(boxes: np.ndarray, offsets: np.ndarray, weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0)) -> np.ndarray:
    """The boxes that the offsets (N,4) or (N,C,4) make of the boxes (N,4): centre x, y in sides, logarithm of sides."""
    if offsets.ndim == 3:
        boxes = boxes[:, None]
    offsets = offsets / np.array(weights, np.float32)
    sides = boxes[..., 2:] - boxes[..., :2]
    centres = offsets[..., :2] * sides + (boxes[..., :2] + sides * np.float32(0.5))
    half = np.exp(np.minimum(offsets[..., 2:], _LARGEST_GROWTH)) * sides * np.float32(0.5)
    return np.concatenate([centres - half, centres + half], axis=-1)


def clipped(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """The boxes' parts inside an image of that size."""
    return np.clip(boxes, 0, np.array([width, height, width, height], np.float32))


def large(boxes: np.ndarray, smallest: float) -> np.ndarray:
    """(N,) bool: whether both sides of a box have at least that length."""
    return np.asarray(((boxes[:, 2:] - boxes[:, :2]) >= np.float32(smallest)).all(axis=1))


def overlaps(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Intersection over union (n,m) of boxes (n,4) and (m,4)."""
    low, high = np.maximum(one[:, None, :2], two[None, :, :2]), np.minimum(one[:, None, 2:], two[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, two)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.asarray(shared / np.where(union > 0, union, 1))


def suppressed(boxes: np.ndarray, scores: np.ndarray, groups: np.ndarray, overlap: float) -> np.ndarray:
    """Indices of the boxes that no better one of their group covers, best first.

    scores, groups (N,). overlap: intersection over union above which a box is covered.
    """
    kept = np.zeros(len(boxes), dtype=bool)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        members = members[np.argsort(-scores[members], kind="stable")]
        covers = overlaps(boxes[members], boxes[members]) > np.float32(overlap)
        free = np.ones(len(members), dtype=bool)
        for place in range(len(members)):
            if free[place]:
                free[place + 1 :] &= ~covers[place, place + 1 :]
        kept[members[free]] = True
    found = np.flatnonzero(kept)
    return found[np.argsort(-scores[found], kind="stable")]


def pasted(masks: np.ndarray, boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Soft masks (N,height,width) float32 in [0,1] of an image, from masks (N,M,M) of boxes (N,4) in its pixels."""
    out = np.zeros((len(masks), height, width), np.float32)
    if not len(masks):
        return out
    wider = np.float32((masks.shape[1] + 2 * _MARGIN) / masks.shape[1])
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 * wider
    whole = np.concatenate([centre - half, centre + half], axis=1).astype(np.int64)  # towards zero
    padded = np.pad(masks, ((0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN)))
    for into, mask, (x1, y1, x2, y2) in zip(out, padded, whole, strict=True):
        sides = (int(max(x2 - x1 + 1, 1)), int(max(y2 - y1 + 1, 1)))
        enlarged = cv2.resize(mask, sides, interpolation=cv2.INTER_LINEAR)
        left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2 + 1, width), min(y2 + 1, height)
        if right > left and bottom > top:
            into[top:bottom, left:right] = enlarged[top - y1 : bottom - y1, left - x1 : right - x1]
    return out
