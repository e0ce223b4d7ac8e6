"""Square tiles at several scales in which people are detected.

A detector finds people who fill a good part of its square input (`kinema.keypoints.source.TileRange`). Squares of
a few sizes, each half the previous one, therefore show everyone down to a chosen height large enough.
"""

from __future__ import annotations

import numpy as np

SMALLEST_PERSON = 0.18
"""Height of the smallest person to find by default, as a fraction of the frame's short side."""

_OVERLAP_X = 0.3  # fraction of a tile shared with its neighbours; people are narrow
_OVERLAP_Y = 0.5
_SMALLEST_TILE = 64.0  # pixels: people in smaller tiles cannot be detected


def whole_frame(width: int, height: int) -> np.ndarray:
    """The square (1, 3) = x, y, side that encloses the whole frame, letterboxed."""
    side = float(max(width, height))
    return np.array([[(width - side) / 2, (height - side) / 2, side]])


def cover(width: int, height: int, side: float) -> np.ndarray:
    """Overlapping squares (n, 3) of one size that cover the frame."""
    starts = []
    for extent, overlap in ((width, _OVERLAP_X), (height, _OVERLAP_Y)):
        room = extent - side
        if room <= 0:
            starts.append(np.array([room / 2]))
        else:
            count = int(np.ceil(room / (side * (1.0 - overlap)))) + 1
            starts.append(np.linspace(0.0, room, count))
    x, y = np.meshgrid(*starts)
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, float(side))], axis=1)


def tile_plan(
    width: int, height: int, *, smallest: float = SMALLEST_PERSON, smallest_in_tile: float
) -> list[np.ndarray]:
    """Tiles (n, 3) by scale, coarse to fine: the whole frame, then squares of the short side, repeatedly halved.

    smallest: the height of the smallest person to find, as a fraction of the frame's short side. smallest_in_tile: the
    height of the smallest person the detector finds, as a fraction of the tile's side. The last scale is the first
    in which the smallest person is large enough.
    """
    plan = [whole_frame(width, height)]
    side = float(min(width, height))
    if side > 0.8 * plan[0][0, 2]:
        side /= 2.0
    wanted = smallest * min(width, height)
    while side >= _SMALLEST_TILE and wanted < smallest_in_tile * plan[-1][0, 2]:
        plan.append(cover(width, height, side))
        side /= 2.0
    return plan
