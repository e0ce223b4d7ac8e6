"""Unnatural standstill: a pelvis that stays while the body moves, a pose that stays while it travels.

Both are displacements over a fixed time, so that they mean the same at any frame rate.
"""

from __future__ import annotations

import itertools

import numpy as np

from kinema.quality.trajectory import BodyTrajectory
from kinema.skeleton import SMPL24
from kinema.temporal.gaps import runs

SPAN = 0.25
"""Seconds over which movement is measured."""

STILL = 5e-5
"""Metres in `SPAN`: a pelvis that moves less is stiller than any living person's, who sways by millimetres."""

TRAVELS = 0.2
"""Smallest speed of the pelvis, m/s, of somebody who travels."""

STIFF = 0.02
"""Speed at which the body changes its shape, as a fraction of the pelvis' speed, below which the pose is stuck."""

_POINTS = SMPL24.indices(("pelvis", "head", "left_wrist", "right_wrist", "left_ankle", "right_ankle"))
_PAIRS = np.array(list(itertools.combinations(_POINTS, 2)))


def frozen(trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,) seconds for which the pelvis is motionless around each frame; None where the frame of reference moves."""
    if trajectory.joints is None or not trajectory.steady or len(trajectory.times) < 2:
        return None
    k = _stride(trajectory)
    root = trajectory.joints[:, 0]
    return _lasting(trajectory, np.linalg.norm(root[k:] - root[:-k], axis=-1) < STILL, k)


def stuck(trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,) seconds for which the pose is stuck around each frame while the person travels; None as `frozen`.

    The pose as the distances between the trunk and the limbs' joints, which no turn of the body changes.
    """
    if trajectory.joints is None or not trajectory.steady or len(trajectory.times) < 2:
        return None
    k = _stride(trajectory)
    root = trajectory.joints[:, 0]
    apart = trajectory.joints[:, _PAIRS[:, 0]] - trajectory.joints[:, _PAIRS[:, 1]]
    shape = np.sqrt(np.einsum("fpd,fpd->fp", apart, apart))
    moved = np.linalg.norm(root[k:] - root[:-k], axis=-1)
    changed = np.abs(shape[k:] - shape[:-k]).mean(axis=1)
    travels = moved > TRAVELS * (trajectory.times[k:] - trajectory.times[:-k])
    return _lasting(trajectory, travels & (changed < STIFF * moved), k)


def _stride(trajectory: BodyTrajectory) -> int:
    return min(max(1, round(SPAN / max(trajectory.interval, 1e-6))), len(trajectory.times) - 1)


def _lasting(trajectory: BodyTrajectory, state: np.ndarray, stride: int) -> np.ndarray:
    """(F,) seconds of the run of steps (F - stride,) in that state that each frame belongs to; none across a cut."""
    if trajectory.shots is not None:
        state = state & (trajectory.shots[stride:] == trajectory.shots[:-stride])
    out = np.zeros(len(trajectory.times))
    for first, last in runs(state):
        rows = slice(first, last + stride)
        out[rows] = np.maximum(out[rows], trajectory.times[last - 1 + stride] - trajectory.times[first])
    return out
