"""MPI-INF-3DHP in the layout of P-STMO's authors (users' copies): joints, groups, readers of both sets.

    data_test_3dhp.npz        data: {TS1: {data_2d: (F, 17, 2) pixels, data_3d: (F, 17, 3) mm, valid: (F,)}, ... TS6}
    data_train_3dhp.npz       data: {"S1 Seq1": [{"0": {data_2d, data_3d}, ...}, frames a second], ...}

Each is a dict in an object array, read by the safe reader; nothing is executed. (Mehta et al., 3DV 2017.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinema.datasets.h36m import mirror_order
from kinema.errors import InputError, quoted
from kinema.storage.fields import numbers, require_keys
from kinema.storage.safe_npz import load_npz

JOINTS = 17
ROOT = 14
LEFT, RIGHT = (5, 6, 7, 11, 12, 13), (2, 3, 4, 8, 9, 10)
"""Joints of the left and of the right side, paired."""

MIRROR = mirror_order(JOINTS, LEFT, RIGHT)

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
"""The joints scored by the benchmark's own program; pelvis, spine and mid-head are left out."""

SCORED = tuple(joint for joints in GROUPS.values() for joint in joints)

SIZES = {"TS5": (1920, 1080), "TS6": (1920, 1080)}
TRAIN_SIZE = (2048, 2048)
"""Width and height in pixels of the training videos, and of test videos not listed in `SIZES`."""


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


@dataclass(frozen=True, eq=False)
class TrainingView:
    """One sequence seen by one camera. keypoints (F, 17, 2) pixels; joints (F, 17, 3) mm, in the camera's axes."""

    subject: str
    sequence: str
    camera: str
    keypoints: np.ndarray
    joints: np.ndarray


def read_training_3dhp(path: Path, subjects: Sequence[str] | None = None) -> tuple[TrainingView, ...]:
    """`data_train_3dhp.npz`: the views of some subjects ("S1"), or all.

    Raises InputError that names the view and what is wrong with it, or the subject that the file lacks.
    """
    views = []
    for name, entry in _inside(path).items():
        place = f"{path.name}, {quoted(str(name), 30)}"
        if isinstance(entry, Mapping):
            raise InputError(f"{place} must be a list of the cameras' views and the frame rate, as in the training set")
        if not isinstance(entry, (list, tuple, np.ndarray)) or not len(entry) or not isinstance(entry[0], Mapping):
            raise InputError(f"{place} must be a list that begins with a dict of the cameras' views")
        subject = str(name).split(" ")[0]
        for camera, view in entry[0].items():
            here = f"{place}, camera {quoted(str(camera), 10, mark='')}"
            keypoints, joints = _points(view, here)
            if not np.isfinite(joints).all():
                raise InputError(f"{here}: data_3d is not finite")
            views.append(TrainingView(subject, str(name), str(camera), keypoints, joints))
    if not views:
        raise InputError(f"{path.name} has no view of any sequence")
    _require_known(subjects, [view.subject for view in views], f"{path.name} has no subject")
    return tuple(view for view in views if subjects is None or view.subject in subjects)


def read_test_3dhp(path: Path, names: Sequence[str] | None = None) -> tuple[TestSequence, ...]:
    """`data_test_3dhp.npz`: some sequences ("TS1"), or all, in the order of the file.

    Frames that are not valid may lack their joints. Raises InputError that names the sequence and what is wrong with
    it, or the one that the file lacks.
    """
    sequences = [_sequence(str(name), parts, path.name) for name, parts in _inside(path).items()]
    _require_known(names, [sequence.name for sequence in sequences], f"{path.name} has no sequence")
    return tuple(sequence for sequence in sequences if names is None or sequence.name in names)


def _require_known(wanted: Sequence[str] | None, known: Iterable[str], lacks: str) -> None:
    known = tuple(dict.fromkeys(known))
    lost = next((name for name in wanted or () if name not in known), None)
    if lost is not None:
        raise InputError(f"{lacks} {quoted(lost)}; it has {', '.join(quoted(name, 30, mark='') for name in known)}")


def _inside(path: Path) -> Mapping[Any, Any]:
    """The sequences of a file by name."""
    value = load_npz(path).get("data")
    inside = value.item() if value is not None and value.shape == () else None
    if not isinstance(inside, Mapping):
        raise InputError(f"{path.name} has no dict under data; it is not in the layout of P-STMO's 3DHP files")
    if not inside:
        raise InputError(f"{path.name} contains no sequence")
    return inside


def _sequence(name: str, parts: Any, what: str) -> TestSequence:
    place = f"{what}, {quoted(name, 30)}"
    if not isinstance(parts, Mapping):
        raise InputError(f"{place} must be a dict of data_2d, data_3d and valid, as in the test set")
    keypoints, joints = _points(parts, place)
    require_keys(parts, ("valid",), place)
    valid = numbers(parts["valid"], "valid", place, ("F",)) != 0
    if len(valid) != len(joints):
        raise InputError(f"{place} has {len(joints)} frames of data_3d and {len(valid)} of valid; they must be as many")
    lost = valid & ~np.isfinite(joints).all(axis=(1, 2))
    if lost.any():
        raise InputError(f"{place}: data_3d is not finite in frame {int(np.argmax(lost))}, which is marked as valid")
    return TestSequence(name, *SIZES.get(name, TRAIN_SIZE), keypoints, joints, valid)


def _points(parts: Any, place: str) -> tuple[np.ndarray, np.ndarray]:
    """data_2d and data_3d, with the same number of frames; some joints may not be finite."""
    if not isinstance(parts, Mapping):
        raise InputError(f"{place} must be a dict of data_2d and data_3d")
    require_keys(parts, ("data_2d", "data_3d"), place)
    keypoints = numbers(parts["data_2d"], "data_2d", place, ("F", JOINTS, 2))
    joints = numbers(parts["data_3d"], "data_3d", place, ("F", JOINTS, 3), nan=True)
    if len(joints) != len(keypoints):
        raise InputError(
            f"{place} has {len(keypoints)} frames of data_2d and {len(joints)} of data_3d; they must be as many"
        )
    if not len(joints):
        raise InputError(f"{place} has no frames")
    return keypoints, joints
