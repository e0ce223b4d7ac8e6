"""The camera path of a result or a truth, from any file that has one: camera files, and motions with a camera."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kinema.errors import InputError, UnsafeFileError
from kinema.formats import load_motion
from kinema.formats.camera_files import read_camera_path
from kinema.formats.containers import RUN_RECORD
from kinema.geometry.camera_path import CameraPath, path_in_world, path_of
from kinema.motion import Motion


@dataclass(frozen=True, eq=False)
class FilmedPath:
    """A camera path with the moments at which it is known.

    source: the file's name. times (T,): seconds, None if only frame numbers are known. path: T poses. cuts (C,) int:
    the poses at which a new shot begins. numbers (T,) int: the video's frames, from 0, None if unknown. width: pixels,
    of the images that the intrinsics refer to, None if unknown; lens: whether the intrinsics are meaningful. notes:
    sentences.
    """

    source: str
    times: np.ndarray | None
    path: CameraPath
    cuts: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    numbers: np.ndarray | None = None
    width: int | None = None
    lens: bool = True
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.times is None and self.numbers is None:
            raise InputError(f"{self.source} does not say when its poses are; it needs times or frame numbers")


def filmed_path(motion: Motion, source: str = "motion") -> FilmedPath:
    """The camera path of a motion: in metres and the world if its camera has a pose there, else as it was found.

    Raises InputError if it has neither.
    """
    found = path_of(motion.data)
    path = path_in_world(motion.camera, motion.num_frames)
    if path is None:
        path = found
    elif found is not None:
        path = path.replace(intrinsics=found.intrinsics, found=found.found)
    if path is None:
        raise InputError(f"{source} holds no camera path; `kinema run` and `kinema camera` find one")
    numbers = np.arange(motion.num_frames)
    return FilmedPath(source, motion.times, path, motion.cuts, numbers, motion.width or None)


def load_filmed_path(file: str | Path) -> FilmedPath:
    """The camera path in a file of `kinema.formats.camera_files`, a motion file or a run's folder.

    Raises InputError if there is none.
    """
    file = Path(file)
    if (file / RUN_RECORD).is_file():
        return filmed_path(load_motion(file), file.name)
    if file.suffix.lower() not in (".npz", ".pkl"):  # of motions, too
        return _of_poses(file)
    try:
        return _of_poses(file)
    except UnsafeFileError:
        raise
    except InputError as error:
        try:
            motion = load_motion(file)
        except InputError:
            raise error from None
    return filmed_path(motion, file.name)


def _of_poses(file: Path) -> FilmedPath:
    poses = read_camera_path(file)
    return FilmedPath(
        file.name,
        poses.times,
        poses.path,
        numbers=poses.numbers,
        width=None if poses.size is None else poses.size[0],
        lens=poses.lens,
        notes=poses.notes,
    )
