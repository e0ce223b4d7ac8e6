"""How many metres the unit of a path is, from depth maps in metres and those of the path."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

FARTHEST = 10.0
"""Metres beyond which predicted depths are not relied on."""

_SOFT = 0.5
"""Metres at which a difference stops to count more."""

_ROUNDS = 10


def metric_scale(path_depth: np.ndarray, depth: np.ndarray, background: np.ndarray) -> float | None:
    """Metres of one unit of `path_depth`, None if too little is known.

    path_depth, depth (h,w): of the path, in its unit, and in metres; background (h,w) bool: where both are of what
    stands still. The median of their ratios, again over the pixels that it puts within `FARTHEST`, then the minimum of
    a robust error (Geman and McClure's).
    """
    known = background & np.isfinite(path_depth) & (path_depth > 0) & np.isfinite(depth) & (depth > 0)
    ours, theirs = path_depth[known].astype(np.float64), depth[known].astype(np.float64)
    if not len(ours):
        return None
    ratio = theirs / ours
    scale = float(np.median(ratio))
    near = np.ones(len(ours), bool)
    for _ in range(_ROUNDS):
        chosen = (scale * ours < FARTHEST) & (theirs < FARTHEST)
        if not chosen.any():
            break
        near = chosen
        scale = float(np.median(ratio[near]))

    def error(value: np.ndarray) -> float:
        square = (value[0] * ours[near] - theirs[near]) ** 2
        return float(np.mean(_SOFT**2 * square / (_SOFT**2 + square)))

    found = float(minimize(error, [scale], method="BFGS").x[0])
    return found if np.isfinite(found) and found > 0 else scale
