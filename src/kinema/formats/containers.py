"""Opens motion files (.pkl, .npz, .pt, .bvh, ...) as mappings, without executing their contents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from kinema.formats.registry import FORMATS
from kinema.storage import containers

RUN_RECORD, RUN_MOTION = "run.json", "smpl_output.pkl"
"""The file by which a run's output folder is recognised, and its motion file."""


def motion_file(path: str | Path) -> Path:
    """The file to read the motion from: `smpl_output.pkl` in a run's output folder, otherwise the path itself."""
    path = Path(path)
    inside = path / RUN_MOTION
    return inside if (path / RUN_RECORD).is_file() and inside.is_file() else path


def open_container(path: str | Path) -> AbstractContextManager[Mapping[Any, Any]]:
    """The file's contents as a mapping. A run's output folder stands for its motion file.

    Suffixes other than those of pickles, `.npz` and torch files are opened by the `opener` of the first format that
    reads them. Raises InputError (missing, unreadable, not a mapping), UnsafeFileError (asks for code to be run).
    """
    openers: dict[str, Callable[[Path], Mapping[Any, Any]]] = {}
    for entry in FORMATS:
        if entry.reads and entry.opener is not None:
            for suffix in entry.suffixes:
                openers.setdefault(suffix, entry.open)
    return containers.open_container(motion_file(path), openers)
