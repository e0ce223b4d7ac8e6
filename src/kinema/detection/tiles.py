"""Where to look for people: square tiles at several scales.

BlazePose's detector finds a person who fills about a quarter of its input or more. A whole frame holds
small people too, so the frame is covered by overlapping squares of several sizes.
"""

from __future__ import annotations

import numpy as np

OVERLAP = 0.4
_SCALES = (1.0, 2 / 3, 1 / 2)


def whole_frame(width: int, height: int) -> np.ndarray:
    """The square (1, 3) = x, y, side that holds the whole frame, letterboxed."""
    side = float(max(width, height))
    return np.array([[(width - side) / 2, (height - side) / 2, side]])


def cover(width: int, height: int, side: float) -> np.ndarray:
    """Squares (n, 3) of one size that cover the frame, overlapping by at least `OVERLAP` of their side."""
    starts = []
    for extent in (width, height):
        room = extent - side
        if room <= 0:
            starts.append(np.array([room / 2]))
        else:
            count = int(np.ceil(room / (side * (1.0 - OVERLAP)))) + 1
            starts.append(np.linspace(0.0, room, count))
    x, y = np.meshgrid(*starts)
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, float(side))], axis=1)


def tile_plan(width: int, height: int, *, scales: tuple[float, ...] = _SCALES) -> list[np.ndarray]:
    """Tiles by scale, coarse to fine: the whole frame, then squares whose side is a part of the short side."""
    plan = [whole_frame(width, height)]
    short = min(width, height)
    for scale in scales:
        if scale * short < 0.95 * plan[-1][0, 2]:
            plan.append(cover(width, height, scale * short))
    return plan
