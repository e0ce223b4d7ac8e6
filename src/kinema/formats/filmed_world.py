"""Shared by the readers of data sets whose people are known in a world that a moving camera films."""

from __future__ import annotations

from typing import Any

import numpy as np

from kinema.errors import InputError
from kinema.formats.foreign import REST_PELVIS
from kinema.geometry.rotations import nearest_rotation, turned_root
from kinema.storage.fields import numbers

_NOT_RIGID = 0.01
"""Largest accepted difference of an entry from the nearest rotation's."""


def camera_poses(value: Any, key: str, what: str, frames: int | str) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (n,3,3) and translations (n,3) from the world to the camera, from matrices (n,4,4) or (n,3,4).

    Raises InputError for matrices that are no rigid motion.
    """
    poses = numbers(value, key, what, (frames, 4, 4), (frames, 3, 4))
    given = poses[:, :3, :3]
    rotation = nearest_rotation(given)
    if np.max(np.abs(rotation - given), initial=0.0) > _NOT_RIGID:
        raise InputError(f"{what}: {key} holds a matrix that is no rotation with a translation")
    return rotation, poses[:, :3, 3]


def in_both_frames(
    pose: np.ndarray,
    transl: np.ndarray,
    rotation: np.ndarray,
    translation: np.ndarray,
    *,
    upright: np.ndarray | None = None,
    pelvis: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """The fields pose, transl, pose_world and transl_world of a `Person`.

    pose (n,72), transl (n,3): SMPL's, in the world; rotation (n,3,3), translation (n,3): from the world to the camera.
    upright (3,3): from the world to one whose y is up; by default it is one. pelvis (3,): at rest; by default that of
    SMPL's average body, good to two centimetres.
    """
    rest = REST_PELVIS["smpl"] if pelvis is None else pelvis
    place = transl + rest
    upright = np.eye(3) if upright is None else upright
    return {
        "pose": turned_root(pose, rotation),
        "transl": np.einsum("tij,tj->ti", rotation, place) + translation - rest,
        "pose_world": turned_root(pose, upright),
        "transl_world": place @ upright.T - rest,
    }
