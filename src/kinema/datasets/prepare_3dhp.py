"""Converts MPI-INF-3DHP's annotations to P-STMO's layout.

    S1/Seq1/annot.mat ... S8/Seq2/annot.mat     the training set, MATLAB 5 or 7.3: annot2, univ_annot3, cameras
    TS1/annot_data.mat ... TS6/annot_data.mat   the test set, MATLAB 7.3 or 5: annot2, univ_annot3, valid_frame

The same parts are kept as in the authors' script.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kinema.datasets.mpi3dhp import JOINTS
from kinema.datasets.writing import Prepared, write_data
from kinema.errors import InputError
from kinema.progress import Progress, silent
from kinema.storage.fields import numbers
from kinema.storage.matlab import load_mat

CAMERAS = (0, 1, 2, 4, 5, 6, 7, 8)
"""The cameras at chest and knee height, which all authors train on; there are 14 cameras."""

ORIGINAL = 28
KEPT = (7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6)
"""The test set's 17 joints among those of the training set."""

SEQUENCES: dict[str, tuple[int, int]] = {
    "S1 Seq1": (6416, 25), "S1 Seq2": (12430, 50), "S2 Seq1": (6502, 25), "S2 Seq2": (6081, 25),
    "S3 Seq1": (12488, 50), "S3 Seq2": (12283, 50), "S4 Seq1": (6171, 25), "S4 Seq2": (6675, 25),
    "S5 Seq1": (12820, 50), "S5 Seq2": (12312, 50), "S6 Seq1": (6188, 25), "S6 Seq2": (6145, 25),
    "S7 Seq1": (6239, 25), "S7 Seq2": (6320, 25), "S8 Seq1": (6468, 25), "S8 Seq2": (6054, 25),
}  # fmt: skip
"""Number of frames that have an image, and frames per second."""

TESTS = tuple(f"TS{number}" for number in range(1, 7))
_ABOVE = ("", "*/", "*/*/")


def prepare_3dhp(folder: Path, output: Path, *, progress: Progress = silent) -> Prepared:
    """Write data_train_3dhp.npz and data_test_3dhp.npz, from the parts that the folder has.

    Raises InputError if the folder has neither, for damaged files and for lengths that differ.
    """
    training = dict(_found(folder, "S*/Seq*/annot.mat", tuple(SEQUENCES), lambda p: f"{p.parts[-3]} {p.parts[-2]}"))
    testing = dict(_found(folder, "TS*/annot_data.mat", TESTS, lambda p: p.parts[-2]))
    if not training and not testing:
        raise InputError(
            f"{folder} has no annotations of MPI-INF-3DHP; it must hold S1/Seq1/annot.mat and so on, or"
            " TS1/annot_data.mat and so on"
        )
    done, total = 0, len(training) + len(testing)
    parts: dict[str, dict[str, Any]] = {"train": {}, "test": {}}
    for kind, files in (("train", training), ("test", testing)):
        for name, path in files.items():
            parts[kind][name] = _training(path, name) if kind == "train" else _test(path)
            done += 1
            progress(done, total)
    notes = []
    for known, found, what in ((SEQUENCES, training, "training"), (TESTS, testing, "test")):
        lost = [name for name in known if name not in found]
        if found and lost:
            notes.append(f"{folder} lacks {', '.join(lost)} of the {what} set, which are left out")
    written = [write_data(output / f"data_{kind}_3dhp.npz", data) for kind, data in parts.items() if data]
    return Prepared(tuple(written), tuple(notes))


def _found(folder: Path, pattern: str, known: tuple[str, ...], name_of: Any) -> Iterator[tuple[str, Path]]:
    """The files of known sequences, in their order; those nearest to the folder's top first."""
    paths: dict[str, Path] = {}
    for above in _ABOVE:
        for path in sorted(folder.glob(above + pattern)):
            paths.setdefault(name_of(path), path)
    for name in known:
        if name in paths:
            yield name, paths[name]


def _training(path: Path, name: str) -> list[Any]:
    """[{camera: {data_2d, data_3d}}, frames a second]."""
    content = load_mat(path, ("annot2", "univ_annot3"), ("cameras",))
    frames, rate = SEQUENCES[name]
    cameras = content.get("cameras")
    if cameras is not None and np.ravel(cameras).tolist() != list(range(np.size(cameras))):
        raise InputError(f"{path} lists the cameras in another order than 0, 1, 2, ...; get a fresh copy of it")
    views: dict[str, Any] = {}
    for camera in CAMERAS:
        place = f"{path}, camera {camera}"
        two, three = (
            _joints(content[key], camera, key, place, sides)[:frames, KEPT].astype(np.float32)
            for key, sides in (("annot2", 2), ("univ_annot3", 3))
        )
        if len(two) != len(three):
            raise InputError(f"{place} has {len(two)} frames of annot2 and {len(three)} of univ_annot3")
        views[str(camera)] = {"data_2d": two, "data_3d": three}
    return [views, rate]


def _joints(cells: np.ndarray, camera: int, key: str, place: str, sides: int) -> np.ndarray:
    flat = cells.reshape(-1)
    if cells.dtype != object or len(flat) <= camera:
        raise InputError(f"{place} is not in {key}, which must have a cell for each camera")
    rows = numbers(flat[camera], key, place, ("F", ORIGINAL * sides))
    if not len(rows):
        raise InputError(f"{place} has no frames in {key}")
    return rows.reshape(-1, ORIGINAL, sides)


def _test(path: Path) -> dict[str, np.ndarray]:
    content = load_mat(path, ("annot2", "univ_annot3", "valid_frame"))
    two, three = (_frames_first(content[key], key, path, sides) for key, sides in (("annot2", 2), ("univ_annot3", 3)))
    valid = np.ravel(numbers(content["valid_frame"], "valid_frame", str(path)))
    if not len(two) == len(three) == len(valid):
        raise InputError(
            f"{path} has {len(two)} frames of annot2, {len(three)} of univ_annot3 and {len(valid)} of valid_frame"
        )
    return {"data_2d": two, "data_3d": three, "valid": (valid != 0).astype(np.float64)}


def _frames_first(values: np.ndarray, key: str, path: Path, sides: int) -> np.ndarray:
    """MATLAB's (2 or 3, 17, 1, F) -> (F, 17, 2 or 3) float32."""
    shaped = values if values.ndim == 4 else values[..., None]
    points = numbers(shaped, key, str(path), (sides, JOINTS, 1, "F"))
    return np.asarray(points[:, :, 0].transpose(2, 1, 0).astype(np.float32))
