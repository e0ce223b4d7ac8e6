"""Files of camera paths (`kinema.geometry.camera_path`): the layouts by name.

A new layout is one module and one row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError, ShapeError, UsageError
from kinema.formats.camera_poses import CameraPoses
from kinema.geometry.camera_path import CameraPath
from kinema.registry import resolve


@dataclass(frozen=True)
class CameraLayout:
    """A row: name; what it is, in a few words; suffix of its files; read, write: "module:function" of functions `(path)
    -> CameraPoses` and `(poses, path)`, None for a layout that is not written; names: of files, instead of a suffix;
    beside: further files in the same folder that belong to it."""

    name: str
    summary: str
    suffix: str
    read: str
    write: str | None = None
    names: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    def holds(self, file: Path) -> bool:
        """Whether a file is of this layout, by its name."""
        return file.name.lower() in self.names if self.names else file.suffix.lower() == self.suffix


_ARRAYS, _TUM, _COLMAP = (f"kinema.formats.camera_{name}" for name in ("arrays", "tum", "colmap"))

LAYOUTS = (
    CameraLayout("colmap-binary", "COLMAP's binary model, beside its cameras.bin", ".bin", f"{_COLMAP}:read_binary",
                 names=("images.bin",), beside=("cameras.bin",)),
    CameraLayout("colmap-text", "COLMAP's text model, beside its cameras.txt", ".txt", f"{_COLMAP}:read_text",
                 names=("images.txt",), beside=("cameras.txt",)),
    CameraLayout("npz", "Kinema's arrays", ".npz", f"{_ARRAYS}:read_npz", f"{_ARRAYS}:write_npz"),
    CameraLayout("json", "Kinema's keys as JSON", ".json", f"{_ARRAYS}:read_json", f"{_ARRAYS}:write_json"),
    CameraLayout("tum", "a trajectory of the TUM benchmark", ".txt", f"{_TUM}:read_tum", f"{_TUM}:write_tum"),
    CameraLayout("nlf", "the NLF video pipeline's cameras", ".pkl", "kinema.formats.camera_pickle:read_pickle"),
)  # fmt: skip
"""Every layout of camera paths; a file has the first one that matches."""

_READ = ", ".join(dict.fromkeys(each.suffix for each in LAYOUTS if not each.names))


def check_layout(file: Path) -> CameraLayout:
    """The layout to write a file in, by its ending. Raises UsageError."""
    written = [each for each in LAYOUTS if each.write is not None]
    for layout in written:
        if layout.holds(file):
            return layout
    known = ", ".join(f"{each.suffix} ({each.name})" for each in written)
    raise UsageError(f"camera paths are written as {known}, not {file.suffix or 'a file without an ending'}")


def write_camera_path(
    path: CameraPath,
    file: str | Path,
    times: np.ndarray,
    size: tuple[int, int],
    distortion: np.ndarray | None = None,
) -> Path:
    """Write a path, whole or not at all; the ending chooses the layout.

    times (T,) seconds; size: width and height of the clip in pixels; distortion: of its lens, OpenCV's coefficients. A
    TUM trajectory keeps poses and times only. Raises UsageError for an unknown ending, OutputError.
    """
    file = Path(file)
    layout = check_layout(file)
    write: Callable[[CameraPoses, Path], Any] = resolve(layout.write or "")
    write(CameraPoses(path, times=times, size=size, distortion=distortion), file)
    return file


def read_camera_path(file: str | Path) -> CameraPoses:
    """The poses in a file, or in COLMAP's folder of a model; nothing in it is executed.

    Raises InputError (missing, malformed, a lens that no camera here has), UnsafeFileError, UsageError for an unknown
    ending.
    """
    file, layout = _layout_of(Path(file))
    try:
        poses: CameraPoses = resolve(layout.read)(file)
    except ShapeError as error:
        raise InputError(f"{file}: {error}") from None
    if not len(poses.path):
        raise InputError(f"{file} holds no camera pose")
    return poses


def files_of(file: str | Path) -> tuple[Path, ...]:
    """The files that a path is read from. Raises InputError, UsageError."""
    file, layout = _layout_of(Path(file))
    return (file, *(file.with_name(name) for name in layout.beside))


def _layout_of(file: Path) -> tuple[Path, CameraLayout]:
    """The file itself, also if its folder was given, and its layout."""
    if file.is_dir():
        models = [each for each in LAYOUTS if each.names]
        for layout in models:
            for name in layout.names:
                if (file / name).is_file():
                    return file / name, layout
        names = " or ".join(name for each in models for name in each.names)
        raise InputError(f"the folder {file} holds no model of COLMAP ({names}); give one of its subfolders, or a file")
    if not file.is_file():
        raise InputError(f"no camera path {file}; give a file that `kinema camera` or COLMAP wrote")
    for layout in LAYOUTS:
        if layout.holds(file):
            return file, layout
    raise UsageError(f"{file.name} has no ending of camera paths; known are {_READ} and folders of COLMAP")
