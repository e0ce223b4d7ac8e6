"""Files that hold where a camera is in each frame (`kinema.geometry.camera_path`).

`.npz`, Kinema's own: rotation (T,3,3), centre (T,3), intrinsics (3,3) or (T,3,3) in pixels, found (T,) bool, kind,
metric, up (3,) if known; times (T,) seconds, width and height of the clip. X_camera = rotation @ (X - centre).
`.txt`, the trajectories of the TUM RGB-D benchmark: lines of time, position, and the quaternion (x, y, z, w) from the
camera's axes to the shot's.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from kinema.errors import InputError, ShapeError, UsageError
from kinema.geometry.camera_path import CameraPath
from kinema.geometry.rotations import matrix_to_quaternion, quaternion_to_matrix
from kinema.storage.atomic import atomic_path
from kinema.storage.safe_npz import load_npz

NPZ, TUM = ".npz", ".txt"

_WORDS = ("kind", "metric")


def check_layout(file: Path) -> None:
    """Raise UsageError if the file's ending is none that `write_camera_path` knows."""
    if file.suffix.lower() not in (NPZ, TUM):
        raise UsageError(
            f"camera paths are written as {NPZ} or, as TUM trajectories, {TUM}, not {file.suffix or 'that'}"
        )


def write_camera_path(path: CameraPath, file: str | Path, times: np.ndarray, size: tuple[int, int]) -> Path:
    """Write a path; the ending chooses the layout. times (T,) seconds; size: width and height of the clip in pixels."""
    file = Path(file)
    check_layout(file)
    with atomic_path(file) as temporary:
        if file.suffix.lower() == TUM:
            turns = matrix_to_quaternion(np.swapaxes(path.rotation, -1, -2))
            np.savetxt(temporary, np.column_stack([times, path.centre, turns]), fmt="%.9g")
        else:
            values = {each.name: getattr(path, each.name) for each in dataclasses.fields(path)}
            arrays = {name: np.asarray(value) for name, value in values.items() if value is not None}
            np.savez(temporary, times=times, width=size[0], height=size[1], **arrays)  # type: ignore[arg-type]
    return file


def read_camera_path(file: str | Path) -> CameraPath:
    """The path in a file that `write_camera_path` wrote, or one of the same layout. Nothing in it is executed.

    TUM trajectories have no lens: their path has intrinsics of focal length 1. Raises InputError.
    """
    file = Path(file)
    if not file.is_file():
        raise InputError(f"no camera path {file}; give a file that `kinema camera` wrote")
    try:
        return _of_tum(file) if file.suffix.lower() == TUM else _of_npz(file)
    except ShapeError as error:
        raise InputError(f"{file}: {error}") from None


def _of_npz(file: Path) -> CameraPath:
    arrays = load_npz(file)
    known = {each.name for each in dataclasses.fields(CameraPath)}
    missing = [name for name in ("rotation", "centre", "intrinsics") if name not in arrays]
    if missing:
        raise InputError(f"{file} is no camera path: it has no {', '.join(missing)}")
    given = {name: value for name, value in arrays.items() if name in known and name not in _WORDS}
    kind, metric = (arrays.get(name, default) for name, default in (("kind", "full"), ("metric", False)))
    if np.size(kind) != 1 or np.size(metric) != 1:
        raise InputError(f"{file}: kind and metric must be one word and one truth value")
    return CameraPath(**given, kind=str(kind), metric=bool(metric))


def _of_tum(file: Path) -> CameraPath:
    try:
        rows = np.loadtxt(file, ndmin=2)
    except (ValueError, UnicodeDecodeError):
        rows = np.zeros((0, 0))
    if rows.ndim != 2 or not len(rows) or rows.shape[1] != 8:
        raise InputError(f"{file} is no TUM trajectory: lines of time, three coordinates and a quaternion are expected")
    if not np.isfinite(rows).all() or np.any(np.linalg.norm(rows[:, 4:], axis=1) < 1e-6):
        raise InputError(f"{file}: a line holds a number that is not finite or a quaternion of no length")
    rotation = np.swapaxes(quaternion_to_matrix(rows[:, 4:]), -1, -2)
    return CameraPath(rotation, rows[:, 1:4], np.eye(3))
