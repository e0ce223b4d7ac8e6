"""Opening the files that motion comes in (.pkl, .npz, .pt, .bvh) as mappings, without executing anything in them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from kinema.formats.bvh_parsing import parse_bvh
from kinema.storage import containers


def open_container(path: str | Path) -> AbstractContextManager[Mapping[Any, Any]]:
    """The file's contents as a mapping; what was parsed of a `.bvh` stands under that name.

    Raises InputError (missing, unreadable, not a mapping), UnsafeFileError (asks for code to be run).
    """
    return containers.open_container(path, {".bvh": lambda file: {"bvh": parse_bvh(file)}})
