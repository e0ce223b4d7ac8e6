"""Writes the layouts that VideoPose3D's and P-STMO's authors read, with their metadata of each set of 2D joints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import UsageError
from kinema.storage.atomic import atomic_path


@dataclass(frozen=True)
class Layout:
    """A set of 2D joints: its name in the files, the number of joints, and those of the left and the right side."""

    name: str
    joints: int
    left: tuple[int, ...]
    right: tuple[int, ...]

    @property
    def metadata(self) -> dict[str, Any]:
        sides = [list(self.left), list(self.right)]
        return {"layout_name": self.name, "num_joints": self.joints, "keypoints_symmetry": sides}


LAYOUTS = (
    Layout("mpii", 16, (3, 4, 5, 13, 14, 15), (0, 1, 2, 10, 11, 12)),
    Layout("coco", 17, (1, 3, 5, 7, 9, 11, 13, 15), (2, 4, 6, 8, 10, 12, 14, 16)),
    Layout("h36m", 17, (4, 5, 6, 11, 12, 13), (1, 2, 3, 14, 15, 16)),
    Layout("humaneva15", 15, (2, 3, 4, 8, 9, 10), (5, 6, 7, 11, 12, 13)),
)
"""In the order in which a name is searched for them: "sh_pt_mpii" has MPII's joints, "cpn_ft_h36m_dbb" Human3.6M's."""


@dataclass(frozen=True)
class Prepared:
    """files: the files written. notes: sentences on missing parts that were left out."""

    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def layout_of(name: str) -> Layout:
    """The joints of 2D keypoints with this name. Raises UsageError if the name does not determine them."""
    found = next((layout for layout in LAYOUTS if layout.name in name), None)
    if found is None:
        known = ", ".join(layout.name for layout in LAYOUTS)
        raise UsageError(f"{name!r} does not tell the joints of the keypoints; name them with one of {known} in it")
    return found


def write_positions(path: Path, clips: Mapping[str, Mapping[str, np.ndarray]]) -> Path:
    """`data_3d_*.npz`: subject -> action -> (F, J, 3) metres, world."""
    return _write(path, positions_3d=_boxed(clips))


def write_keypoints(path: Path, clips: Mapping[str, Mapping[str, list[np.ndarray]]], layout: Layout) -> Path:
    """`data_2d_*.npz`: subject -> action -> one (F, K, 2) for each camera, pixels."""
    return _write(path, positions_2d=_boxed(clips), metadata=_boxed(layout.metadata))


def write_data(path: Path, data: Mapping[str, Any]) -> Path:
    """The files of 3DHP: everything under one key."""
    return _write(path, data=_boxed(data))


def _boxed(value: Any) -> np.ndarray:
    box = np.empty((), dtype=object)
    box[()] = value
    return box


def _write(path: Path, **arrays: np.ndarray) -> Path:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return path
