"""Cleaning a mask as the NLF video pipeline does: holes and gaps closed, parts far from the person removed."""

from __future__ import annotations

import cv2
import numpy as np

_MARGIN = 0.15
"""Of the largest part's size, on every side of its box."""

_KERNEL = np.ones((5, 5), np.uint8)
_KERNEL[[0, 0, -1, -1], [0, -1, 0, -1]] = 0


def cleaned(mask: np.ndarray) -> np.ndarray:
    """A mask (H,W) bool: dilated twice, eroded twice, and cleared outside the enlarged box of its largest part."""
    height, width = mask.shape
    # Beyond the image there is nothing that either could come from.
    grown = cv2.dilate(mask.astype(np.uint8), _KERNEL, iterations=2)
    closed = cv2.erode(grown, _KERNEL, iterations=2)
    count, _, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=4)
    if count < 2:
        return closed.astype(bool)
    x, y, w, h, _ = stats[1 + stats[1:, cv2.CC_STAT_AREA].argmax()]
    corners = np.array([x - _MARGIN * w, y - _MARGIN * h, x + w + _MARGIN * w, y + h + _MARGIN * h])
    left, top, right, bottom = np.clip(np.floor(corners + 0.5), 0, [width, height, width, height]).astype(int)
    out = np.zeros((height, width), bool)
    out[top:bottom, left:right] = closed[top:bottom, left:right]
    return out
