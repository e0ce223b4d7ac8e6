"""Aligning vectors and point sets: rotation, rigid and similarity (Umeyama 1991, equations 34-42)."""

from __future__ import annotations

import numpy as np

from kinema.geometry.rotations import nearest_rotation, signed_svd


def kabsch(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The proper rotations (..., 3, 3) that best map vectors (..., N, 3) onto vectors (..., N, 3) (Kabsch 1976).

    Rotation about the origin: centre point sets first, or use `similarity`.
    """
    return nearest_rotation(np.swapaxes(target, -1, -2) @ source)


def similarity(
    source: np.ndarray, target: np.ndarray, *, scale: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The (s, R, t) that minimise |s R source + t - target|^2, for each leading index.

    source, target: (..., N, 3). Returns s (...), R (..., 3, 3) proper rotations, t (..., 3).
    s is 1 where `scale` is False or where the source is a single point.
    """
    source = np.asarray(source, dtype=np.float64)
    target = np.asarray(target, dtype=np.float64)
    mean_source = source.mean(axis=-2, keepdims=True)
    mean_target = target.mean(axis=-2, keepdims=True)
    centred = source - mean_source
    covariance = np.swapaxes(target - mean_target, -1, -2) @ centred
    rotation, values = signed_svd(covariance)
    variance = np.sum(centred**2, axis=(-1, -2))
    s = np.ones(source.shape[:-2])
    if scale:
        s = np.divide(np.sum(values, axis=-1), variance, out=s, where=variance > 1e-18)
    rotated = np.squeeze(rotation @ np.swapaxes(mean_source, -1, -2), -1)
    return s, rotation, np.squeeze(mean_target, -2) - s[..., None] * rotated


def align(source: np.ndarray, target: np.ndarray, *, scale: bool = True) -> np.ndarray:
    """`source` (..., N, 3) moved onto `target` by its best similarity (rigid if not `scale`)."""
    s, rotation, translation = similarity(source, target, scale=scale)
    return np.asarray(
        s[..., None, None] * (np.asarray(source) @ np.swapaxes(rotation, -1, -2)) + translation[..., None, :]
    )
