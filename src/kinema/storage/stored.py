"""Arrays too large to be part of a motion: a reference to a `.npy` file, which is memory-mapped when opened."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinema.brief import Brief
from kinema.checks import frozen
from kinema.errors import InputError, ShapeError, quoted
from kinema.storage.safe_npz import CORRUPTION

_LAST = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False, repr=False)
class StoredArray(Brief):
    """An array in a `.npy` file: vertices (F,V,3), masks (F,H,W).

    path: the file. rows (F,) int: the row of the file for each frame; None means all rows in order. Selecting frames
    changes `rows` and not the file.
    """

    path: Path
    rows: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))
        if self.rows is not None:
            rows = np.asarray(self.rows)
            if rows.ndim != 1 or (rows.size and (rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() > _LAST)):
                raise ShapeError(f"rows of {self.path} must be (F,) integers from 0, found {rows.shape} {rows.dtype}")
            object.__setattr__(self, "rows", frozen(rows, np.int64))

    def open(self) -> np.ndarray:
        """The array: memory-mapped if all rows are wanted, else only the chosen rows are read. Raises InputError."""
        try:
            stored: np.ndarray = np.lib.format.open_memmap(self.path, mode="r")
        except FileNotFoundError:
            raise InputError(f"{self.path} does not exist any more; run the stage that wrote it again") from None
        except CORRUPTION as error:
            reason = quoted(str(error) or type(error).__name__, 120, mark="")
            raise InputError(f"{self.path} is not a .npy file of numbers ({reason})") from None
        if not stored.ndim or stored.dtype.kind not in "fiub":
            raise InputError(f"{self.path} is not a .npy file of numbers with one row per frame")
        if self.rows is None:
            return stored
        if self.rows.size and self.rows.max() >= len(stored):
            raise InputError(
                f"{self.path} has {len(stored)} rows but row {self.rows.max()} is needed; the file was replaced, so run"
                " the stage that writes it again"
            )
        return np.asarray(stored[self.rows])

    def rows_of(self, frames: int) -> np.ndarray:
        """(F,) int: the row of every frame, for an array of `frames` frames."""
        return np.arange(frames) if self.rows is None else self.rows

    def select(self, rows: np.ndarray, frames: int) -> StoredArray:
        """The same array in some of its `frames` frames. rows: (F,) bool or indices. The file is not opened."""
        return StoredArray(self.path, self.rows_of(frames)[rows])

    def to_plain(self, folder: Path | None = None) -> dict[str, Any]:
        """Plain values, for a file in `folder`: with the relative path from it, `beside`, so that both can be moved."""
        plain: dict[str, Any] = {
            "path": str(self.path.resolve()), "rows": None if self.rows is None else self.rows.tolist()
        }  # fmt: skip
        if folder is not None:
            # There is no relative path to another drive.
            with contextlib.suppress(ValueError):
                plain["beside"] = Path(os.path.relpath(self.path.resolve(), folder.resolve())).as_posix()
        return plain

    @classmethod
    def from_plain(cls, plain: Any, what: str, folder: Path | None = None) -> StoredArray:
        """The inverse of `to_plain`: the file that is found from `folder`, else that at `path`. Raises InputError."""
        if not isinstance(plain, dict) or not isinstance(plain.get("path"), str):
            raise InputError(f"{what} must be a dict with path and rows")
        rows, beside = plain.get("rows"), plain.get("beside")
        path = Path(plain["path"])
        if folder is not None and isinstance(beside, str) and _is_file(folder / beside):
            path = folder / beside
        try:
            return cls(path, None if rows is None else np.asarray(rows))
        except (ShapeError, ValueError, TypeError, OverflowError) as error:
            raise InputError(f"{what}: {str(error).splitlines()[0]}") from None


def lasting_folder() -> Path:
    """A folder for such arrays that is removed when the process ends."""
    folder = tempfile.mkdtemp(prefix="kinema-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # an invalid file name
        return False
