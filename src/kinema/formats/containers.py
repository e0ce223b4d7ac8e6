"""Opening the files that motion comes in (.pkl, .npz, .pt, .bvh) as mappings, without executing anything in them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from kinema.formats.bvh_parsing import parse_bvh
from kinema.storage import containers

RUN_RECORD, RUN_MOTION = "run.json", "smpl_output.pkl"
"""What a run's folder is known by, and its motion file."""


def motion_file(path: str | Path) -> Path:
    """The file to read the motion from: `smpl_output.pkl` of a run's folder, else the path itself."""
    path = Path(path)
    inside = path / RUN_MOTION
    return inside if (path / RUN_RECORD).is_file() and inside.is_file() else path


def open_container(path: str | Path) -> AbstractContextManager[Mapping[Any, Any]]:
    """The file's contents as a mapping; what was parsed of a `.bvh` stands under that name. A run's folder stands for
    its motion file.

    Raises InputError (missing, unreadable, not a mapping), UnsafeFileError (asks for code to be run).
    """
    return containers.open_container(motion_file(path), {".bvh": lambda file: {"bvh": parse_bvh(file)}})
