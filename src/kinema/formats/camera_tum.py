"""Trajectories of the TUM RGB-D benchmark: camera poses without a lens.

A line for each pose: time in seconds, position, and the quaternion (x, y, z, w) from the camera's axes to the world's.
Lines that begin with # are comments.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kinema.errors import InputError, quoted
from kinema.formats.camera_poses import LONGEST_CLOCK, CameraPoses
from kinema.geometry.camera_path import CameraPath
from kinema.geometry.rotations import matrix_to_quaternion, quaternion_to_matrix
from kinema.storage.atomic import atomic_path
from kinema.storage.budget import Budget, Malformed
from kinema.storage.fields import LARGEST
from kinema.storage.text_lines import next_line

_COLUMNS = 8
_UNIT = 0.02
"""Largest deviation of a quaternion's length from 1: programs write as few as two decimals."""


def read_tum(file: Path) -> CameraPoses:
    """The poses of a TUM trajectory, with its times. Raises InputError that names the line, ShapeError."""
    rows: list[list[float]] = []
    try:
        budget = Budget(file.stat().st_size)
        with file.open(encoding="utf-8-sig") as stream:
            number = 0
            while line := next_line(stream, file, number := number + 1):
                line = line.strip()
                if line and not line.startswith("#"):
                    budget.values(_COLUMNS + 1)
                    rows.append(_row(line, f"{file}, line {number}", rows[-1][0] if rows else -np.inf))
    except UnicodeDecodeError:
        raise InputError(f"{file} is not a TUM trajectory: it is not text") from None
    except Malformed as error:
        raise InputError(f"{file} is not a TUM trajectory: {error}") from None
    if not rows:
        raise InputError(f"{file} is not a TUM trajectory: it has no line with a pose")
    values = np.array(rows)
    rotation = np.swapaxes(quaternion_to_matrix(values[:, 4:]), -1, -2)
    return CameraPoses(CameraPath(rotation, values[:, 1:4], np.eye(3)), lens=False, times=values[:, 0])


def _row(line: str, where: str, before: float) -> list[float]:
    words = line.split(maxsplit=_COLUMNS)
    try:
        row = [float(word) for word in words]
    except ValueError:
        row = []
    if len(row) != _COLUMNS:
        raise InputError(
            f"{where} is not a line of a TUM trajectory: expected a time, three coordinates and a quaternion, found"
            f" {quoted(line, 60)}"
        )
    time, place, quaternion = row[0], row[1:4], row[4:]
    if not (abs(time) <= LONGEST_CLOCK and max(map(abs, place)) <= LARGEST and np.isfinite(row).all()):
        raise InputError(f"{where}: a number in it is not finite or far too large")
    if time <= before:
        raise InputError(f"{where}: its time {time:.9g} s is not after the one before; sort the lines by time")
    length = float(np.linalg.norm(quaternion))
    if abs(length - 1) > _UNIT:
        raise InputError(f"{where}: its quaternion has the length {length:.4g}, expected 1 (the order is x, y, z, w)")
    return row


def write_tum(poses: CameraPoses, file: Path) -> None:
    """Write a TUM trajectory; the lens is left out. `poses` has times."""
    path, times = poses.path, np.arange(len(poses.path)) if poses.times is None else poses.times
    turns = matrix_to_quaternion(np.swapaxes(path.rotation, -1, -2))
    with atomic_path(file) as temporary:
        np.savetxt(temporary, np.column_stack([times, path.centre, turns]), fmt="%.12g")
