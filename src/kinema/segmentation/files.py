"""Mask files: the layouts by name, and reading and writing one. A new layout is one module and one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinema.errors import InputError, UsageError
from kinema.registry import resolve
from kinema.segmentation.masks import Masks


@dataclass(frozen=True)
class MaskLayout:
    """A row: name; what it is, in a few words; suffix of its files, empty for a folder; read, write: "module:function"
    of functions `(path) -> Masks` and `(masks, path)`."""

    name: str
    summary: str
    suffix: str
    read: str
    write: str


_HERE = "kinema.segmentation"

LAYOUTS = (
    MaskLayout("pickle", "the NLF video pipeline's list over frames", ".pkl",
               f"{_HERE}.pickle_layout:read_pickle", f"{_HERE}.pickle_layout:write_pickle"),
    MaskLayout("coco", "COCO's JSON with run-length encoded masks", ".json",
               f"{_HERE}.json_layout:read_json", f"{_HERE}.json_layout:write_json"),
    MaskLayout("png", "a folder of PNG, one for each frame and person", "",
               f"{_HERE}.png_layout:read_folder", f"{_HERE}.png_layout:write_folder"),
)  # fmt: skip
"""Every layout of mask files."""


def layout_of(path: str | Path) -> MaskLayout:
    """The layout of a file to write, by its ending; none is a folder. Raises UsageError."""
    suffix = Path(path).suffix.lower()
    for layout in LAYOUTS:
        if layout.suffix == suffix:
            return layout
    known = ", ".join(f"{each.suffix or 'a folder'} ({each.name})" for each in LAYOUTS)
    raise UsageError(f"{Path(path).name} has no suffix of a mask file; use one of {known}")


def read_masks(path: str | Path) -> Masks:
    """The masks in a file or folder; nothing in it is executed.

    Raises InputError (missing, malformed, masks of different sizes), UnsafeFileError, UsageError for another ending.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path of the masks")
    layout = LAYOUTS[-1] if path.is_dir() else layout_of(path)
    if not path.is_dir() and not layout.suffix:
        raise InputError(f"{path} is not a mask file; give a .pkl, a .json or a folder of PNG")
    masks: Masks = resolve(layout.read)(path)
    return masks


def write_masks(masks: Masks, path: str | Path) -> None:
    """Write masks in the layout of the file's ending, whole or not at all. Raises UsageError, OutputError."""
    write: Callable[[Masks, Path], Any] = resolve(layout_of(path).write)
    write(masks, Path(path))
