"""Arrays too large to keep inside a motion: a reference to a `.npy` file, memory-mapped on access."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinema.checks import frozen
from kinema.errors import InputError, ShapeError


@dataclass(frozen=True, eq=False)
class StoredArray:
    """An array in a `.npy` file: vertices (F,V,3), masks (F,H,W).

    path: the file. rows (F,) int: its rows that belong to the frames, None for all in order. Selecting frames
    changes the rows; the file is not modified.
    """

    path: Path
    rows: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))
        if self.rows is not None:
            rows = np.asarray(self.rows)
            if rows.ndim != 1 or (rows.size and (rows.dtype.kind not in "iu" or rows.min() < 0)):
                raise ShapeError(
                    f"rows of {self.path} must be (F,) non-negative integers, found {rows.shape} {rows.dtype}"
                )
            object.__setattr__(self, "rows", frozen(rows, np.int64))

    def open(self) -> np.ndarray:
        """The rows: memory-mapped if all are used, else read into memory. Raises InputError."""
        try:
            stored = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            raise InputError(f"{self.path} no longer exists; run the stage that wrote it again") from None
        except (OSError, ValueError) as error:
            raise InputError(f"{self.path} is not a numeric .npy file ({str(error).splitlines()[0]})") from None
        if self.rows is None:
            return stored
        if self.rows.size and self.rows.max() >= len(stored):
            raise InputError(
                f"{self.path} has {len(stored)} rows, but row {self.rows.max()} is needed; it was replaced"
            )
        return np.asarray(stored[self.rows])

    def select(self, rows: np.ndarray) -> StoredArray:
        """The same array for a subset of its frames. rows: (F,) bool or indices into the frames."""
        current = np.arange(len(self.open())) if self.rows is None else self.rows
        return StoredArray(self.path, current[rows])

    def to_plain(self) -> dict[str, Any]:
        """Plain values, for files."""
        return {"path": str(self.path), "rows": None if self.rows is None else self.rows.tolist()}

    @classmethod
    def from_plain(cls, plain: Any, what: str) -> StoredArray:
        """The inverse of `to_plain`. Raises InputError."""
        if not isinstance(plain, dict) or not isinstance(plain.get("path"), str):
            raise InputError(f"{what} must be a dict with path and rows")
        rows = plain.get("rows")
        try:
            return cls(Path(plain["path"]), None if rows is None else np.asarray(rows, dtype=np.int64))
        except (ShapeError, ValueError, TypeError, OverflowError) as error:
            raise InputError(f"{what}: {str(error).splitlines()[0]}") from None
