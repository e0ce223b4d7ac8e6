"""Legs that are never seen: whoever shows only the upper body stands, as far as anybody knows.

The priors guess from what they see, and for legs outside the image the keypoint network's guess is a seat on air.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.geometry.rotations import shortest_rotation
from kinema.skeleton import SMPL24

UNSEEN_SIGMA = np.radians(12.0)
"""Standard deviation of each leg joint about the stance."""

_HARDLY_EVER = 0.02  # share of the frames in which a leg may be seen that counts as never seen
_BELOW = ("knee", "ankle", "heel", "big_toe", "small_toe", "foot")
_UPRIGHT = 60.0  # degrees of the trunk from the vertical up to which somebody may stand
_CAMERA_UP = np.array([0.0, -1.0, 0.0])


def legs_unseen(names: Sequence[str], weight: np.ndarray) -> bool:
    """Whether a set with points below the hips hardly ever shows one. names (K), weight (F,K): as below."""
    below = [k for k, name in enumerate(names) if name.split("_", 1)[-1] in _BELOW]
    return bool(below) and bool(np.mean((weight[:, below] > 0).any(axis=1)) <= _HARDLY_EVER)


def with_standing_legs(
    rotation: np.ndarray, sigma: np.ndarray, names: Sequence[str], weight: np.ndarray, up: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The prior (F,24,3,3) and its sigma (F,24), with legs that stand where nothing below the hips is ever seen.

    names (K) and weight (F,K) of the points that the fit reads; up (3,): the vertical in the camera's frame, None for
    that of the image. Whoever lies or bends far is left as guessed. Left alone as well if a set has no points there.
    """
    if not legs_unseen(names, weight):
        return rotation, sigma
    vertical = _CAMERA_UP if up is None else up
    root = rotation[:, 0]
    lean = np.degrees(np.arccos(np.clip(root[:, :, 1] @ vertical, -1.0, 1.0)))
    stands = lean < _UPRIGHT
    rotation, sigma = rotation.copy(), sigma.copy()
    upright = shortest_rotation(root[:, :, 1], np.broadcast_to(vertical, (len(root), 3))) @ root
    hip = np.swapaxes(root, -1, -2) @ upright
    for side in ("left", "right"):
        joints = SMPL24.indices([f"{side}_{part}" for part in ("hip", "knee", "ankle")])
        rotation[np.ix_(stands, joints[1:])] = np.eye(3)
        rotation[stands, joints[0]] = hip[stands]
        sigma[np.ix_(stands, joints)] = UNSEEN_SIGMA
    return rotation, sigma
