"""The camera's path of a result or a truth, from any file that has one: camera files, and motions with a camera."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kinema.errors import InputError, UnsafeFileError
from kinema.formats import FORMATS, load_motion
from kinema.formats.camera_files import read_camera_path
from kinema.formats.containers import RUN_RECORD
from kinema.geometry.camera_path import CameraPath, path_of
from kinema.motion import Motion


@dataclass(frozen=True, eq=False)
class FilmedPath:
    """A camera's path with the moments that it is known at.

    source: the file's name. times (T,): seconds. path: T frames. cuts (C,) int: the frames at which a new shot begins.
    notes: sentences.
    """

    source: str
    times: np.ndarray
    path: CameraPath
    cuts: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    notes: tuple[str, ...] = ()


def filmed_path(motion: Motion, source: str = "motion") -> FilmedPath:
    """The camera's path of a motion: in metres and the world if its camera has a pose there, else as it was found.

    Raises InputError if it has neither.
    """
    camera = motion.camera
    if camera is not None and camera.rotation is not None and camera.translation is not None:
        frames = motion.num_frames
        rotation = np.broadcast_to(camera.rotation, (frames, 3, 3))
        translation = np.broadcast_to(camera.translation, (frames, 3))
        found = path_of(motion.data)
        path = CameraPath(
            rotation=rotation,
            centre=-np.einsum("tji,tj->ti", rotation, translation),
            intrinsics=camera.intrinsics if found is None else found.intrinsics,
            kind="static" if camera.rotation.ndim == 2 else "full",
            metric=True,
            found=None if found is None else found.found,
        )
        return FilmedPath(source, motion.times, path, motion.cuts)
    path_found = path_of(motion.data)
    if path_found is None:
        raise InputError(f"{source} holds no path of a camera; `kinema run` and `kinema camera` find one")
    return FilmedPath(source, motion.times, path_found, motion.cuts)


def load_filmed_path(file: str | Path) -> FilmedPath:
    """The camera's path in a file of `kinema.formats.camera_files`, a motion file or a run's folder.

    Raises InputError if there is none.
    """
    file = Path(file)
    if (file / RUN_RECORD).is_file() or file.suffix.lower() not in (".npz", ".pkl"):
        known = any(file.suffix.lower() in entry.suffixes for entry in FORMATS if entry.reads)
        return filmed_path(load_motion(file), file.name) if known or file.is_dir() else _of_poses(file)
    try:
        return _of_poses(file)
    except UnsafeFileError:
        raise
    except InputError:  # a motion may have the same ending
        return filmed_path(load_motion(file), file.name)


def _of_poses(file: Path) -> FilmedPath:
    poses = read_camera_path(file)
    if poses.times is None:
        raise InputError(f"{file} does not say when its poses are; a comparison needs their times")
    return FilmedPath(file.name, poses.times, poses.path)
