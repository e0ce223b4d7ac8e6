"""Merging the results of several variants of a crop: a weighted geometric median of their poses."""

from __future__ import annotations

import numpy as np

_EXPONENT = -1.5
_ITERATIONS = 10
_EPSILON = 0.05
"""Metres, below which a difference counts no less."""


def merged(poses: np.ndarray, uncertainties: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Poses (A,...,N,3) metres in the camera's frame and uncertainties (A,...,N) of A variants -> (...,N,3), (...,N).

    Every pose is scaled about the camera so that all are equally large, since variants disagree most about the
    distance.
    """
    poses = np.asarray(poses, np.float64)
    if len(poses) == 1:
        return poses[0], np.asarray(uncertainties[0], np.float64)
    squares = np.square(poses).mean(axis=(-2, -1), keepdims=True)
    poses = poses * np.sqrt(squares.mean(axis=0, keepdims=True) / squares)
    middle = poses.mean(axis=(0, -2), keepdims=True)[0]
    found, weights = geometric_median(poses - middle, np.asarray(uncertainties, np.float64) ** _EXPONENT)
    uncertainty = (uncertainties * weights).sum(axis=0) / weights.sum(axis=0)
    return found + middle, np.asarray(uncertainty)


def geometric_median(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of points (A,...,3) with weights (A,...): the point (...,3) and the weights (A,...) with which it is a mean.

    Iteratively reweighted means (Weiszfeld), a fixed number of them.
    """
    used = weights
    for iteration in range(_ITERATIONS + 1):
        middle = (points * used[..., None]).sum(axis=0) / used.sum(axis=0)[..., None]
        if iteration == _ITERATIONS:
            break
        used = weights / (np.linalg.norm(points - middle, axis=-1) + _EPSILON)
    return np.asarray(middle), used
