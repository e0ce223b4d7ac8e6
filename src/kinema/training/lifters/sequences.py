"""MPI-INF-3DHP's sequences as clips to train and evaluate on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kinema.datasets import mpi3dhp
from kinema.errors import InputError
from kinema.lifting.inputs import to_screen
from kinema.training.lifters.clips import TrainingClips, chosen_part, joined
from kinema.training.lifters.options import LifterTraining

_NO_LENS = np.zeros(9)


def training_sequences(path: Path, subjects: Sequence[str] | None, options: LifterTraining) -> TrainingClips:
    """Every camera's view of every sequence of some subjects ("S1"), or of all. Raises InputError."""
    clips = []
    for view in mpi3dhp.read_training_3dhp(path, subjects):
        part = chosen_part(len(view.joints), f"{view.sequence} {view.camera}", options, whole=False)
        screen = to_screen(view.keypoints[part], *mpi3dhp.TRAIN_SIZE, mpi3dhp.TRAIN_SIZE[0])
        clips.append((screen, _about_root(view.joints[part]), _NO_LENS, view.sequence))
    return _joined(clips, path)


def judged_sequences(path: Path, names: Sequence[str] | None, options: LifterTraining) -> TrainingClips:
    """The test set's sequences ("TS1"), or some of them. Only their valid frames are scored. Raises InputError."""
    clips, valid = [], []
    for each in mpi3dhp.read_test_3dhp(path, names):
        part = slice(None, None, options.downsample)
        screen = to_screen(each.keypoints[part], each.width, each.height, each.width)
        clips.append((screen, _about_root(np.nan_to_num(each.joints[part])), _NO_LENS, each.name))
        valid.append(each.valid[part])
    judged = np.concatenate(valid)
    if not judged.any():
        raise InputError(f"{path.name} marks no frame as valid, so there is nothing to judge by; prepare it again")
    return _joined(clips, path, judged)


def _joined(clips: list[tuple], path: Path, judged: np.ndarray | None = None) -> TrainingClips:
    return joined(
        clips, mpi3dhp.MIRROR, mpi3dhp.MIRROR, f"{path.name} has no frames", judged=judged, root=mpi3dhp.ROOT,
        millimetres=1.0,
    )  # fmt: skip


def _about_root(joints: np.ndarray) -> np.ndarray:
    """(F, 17, 3) float32 mm: the root where it is, the others relative to it."""
    root = joints[:, mpi3dhp.ROOT].copy()
    out = np.asarray(joints - root[:, None], dtype=np.float32)
    out[:, mpi3dhp.ROOT] = root
    return out
