"""MPI-INF-3DHP's test set in the layout that P-STMO's authors read (users' copies): joints, groups, reader.

    data_test_3dhp.npz        data: {TS1: {data_2d: (F, 17, 2) pixels, data_3d: (F, 17, 3) mm, valid: (F,)}, ... TS6}
    data_train_3dhp.npz       data: {"S1 Seq1": [{"0": {data_2d, data_3d}, ...}, frames a second], ...}

Each is a dict in an object array; the safe reader reads it, nothing is executed. (Mehta et al., 3DV 2017.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError, quoted
from kinema.storage.fields import numbers, require_keys
from kinema.storage.safe_npz import load_npz

JOINTS = 17
ROOT = 14
LEFT, RIGHT = (5, 6, 7, 11, 12, 13), (2, 3, 4, 8, 9, 10)
"""Joints of the left and of the right side, paired."""

GROUPS: dict[str, tuple[int, ...]] = {
    "head": (0,),
    "neck": (1,),
    "shoulders": (2, 5),
    "elbows": (3, 6),
    "wrists": (4, 7),
    "hips": (8, 11),
    "knees": (9, 12),
    "ankles": (10, 13),
}
"""What the benchmark's own program scores; pelvis, spine and the head's middle are left out."""

SCORED = tuple(joint for joints in GROUPS.values() for joint in joints)

SIZES = {"TS5": (1920, 1080), "TS6": (1920, 1080)}
TRAIN_SIZE = (2048, 2048)
"""Width and height in pixels of the training videos, and of the test videos that `SIZES` does not name."""


@dataclass(frozen=True, eq=False)
class TestSequence:
    """One video. keypoints (F, 17, 2) pixels; joints (F, 17, 3) mm, in the camera's axes; valid (F,) bool."""

    __test__ = False  # pytest takes it for a test otherwise

    name: str
    width: int
    height: int
    keypoints: np.ndarray
    joints: np.ndarray
    valid: np.ndarray


def read_test_3dhp(path: Path) -> tuple[TestSequence, ...]:
    """`data_test_3dhp.npz`. Raises InputError that names the sequence and what is wrong with it.

    Frames that are not valid may lack their joints.
    """
    content = load_npz(path)
    what = path.name
    value = content.get("data")
    inside = value.item() if value is not None and value.shape == () else None
    if not isinstance(inside, Mapping):
        raise InputError(f"{what} has no dict under data; it is not in the layout of P-STMO's 3DHP files")
    if not inside:
        raise InputError(f"{what} contains no sequence")
    return tuple(_sequence(str(name), parts, what) for name, parts in inside.items())


def _sequence(name: str, parts: Any, what: str) -> TestSequence:
    place = f"{what}, {quoted(name, 30)}"
    if not isinstance(parts, Mapping):
        raise InputError(f"{place} must be a dict of data_2d, data_3d and valid, as of the test set")
    require_keys(parts, ("data_2d", "data_3d", "valid"), place)
    keypoints = numbers(parts["data_2d"], "data_2d", place, ("F", JOINTS, 2))
    joints = numbers(parts["data_3d"], "data_3d", place, ("F", JOINTS, 3), nan=True)
    valid = numbers(parts["valid"], "valid", place, ("F",)) != 0
    if not len(joints) == len(keypoints) == len(valid):
        raise InputError(
            f"{place} has {len(keypoints)} frames of data_2d, {len(joints)} of data_3d and {len(valid)} of valid;"
            " they must be as many"
        )
    if not len(joints):
        raise InputError(f"{place} has no frames")
    lost = valid & ~np.isfinite(joints).all(axis=(1, 2))
    if lost.any():
        raise InputError(f"{place}: data_3d is not finite in frame {int(np.argmax(lost))}, which is marked as valid")
    return TestSequence(name, *SIZES.get(name, TRAIN_SIZE), keypoints, joints, valid)
