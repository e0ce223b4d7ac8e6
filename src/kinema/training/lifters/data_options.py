"""Which files a lifter is trained on. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kinema.options import setting


@dataclass(frozen=True)
class LifterData:
    """The data of a training.

    positions, keypoints: the 3D and the 2D file, in the layout of `kinema.datasets.h36m`; or sequences, test_sequences:
    MPI-INF-3DHP's training and test file, in that of `kinema.datasets.mpi3dhp`. cameras: a file of cameras, if they are
    not Human3.6M's. subjects: to train on; test_subjects: to evaluate on, none if empty; by default the authors' split.
    unlabelled: subjects whose keypoints alone are used (VideoPose3D's semi-supervised loss). actions: prefixes of their
    names; all if empty. start: a checkpoint to start from.
    """

    keypoints: Path | None = setting(None, "2D file, data_2d_*.npz", metavar="NPZ")
    positions: Path | None = setting(None, "3D file, data_3d_*.npz; pstmo-masked needs none", metavar="NPZ")
    sequences: Path | None = setting(
        None, "MPI-INF-3DHP's data_train_3dhp.npz instead of both, for P-STMO", metavar="NPZ"
    )
    test_sequences: Path | None = setting(
        None, "its data_test_3dhp.npz, to evaluate on after each epoch (default: none)", metavar="NPZ"
    )
    cameras: Path | None = setting(None, "file of cameras (default: Human3.6M's and HumanEva's)", metavar="JSON")
    subjects: str | None = setting(None, "subjects to train on (default: S1,S5,S6,S7,S8; 3DHP: all)", metavar="S,S")
    test_subjects: str | None = setting(
        None, "subjects to evaluate on after each epoch, or none (default: S9,S11; 3DHP: TS1-TS6)", metavar="S,S"
    )
    unlabelled: str | None = setting(
        None, "subjects of whom VideoPose3D uses only the keypoints", public="unlabelled_subjects", metavar="S,S"
    )
    actions: str | None = setting(None, "actions to use, by prefixes of their names (default: all)", metavar="A,A")
    start: Path | None = setting(
        None, "checkpoint to start from: of pstmo-masked for pstmo, of pstmo for pstmo-refine, or of the same network",
        public="start_from", metavar="FILE",
    )  # fmt: skip
