"""Results of single stages, kept in a run's folder so that nothing is computed twice.

One `.npz` for each stage, named by the stage and its key: every field of the motion, exact, no pickled
objects. A file that cannot be read counts as absent, since it can always be computed again.
"""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.errors import KinemaError
from kinema.formats.kinema_npz import motion_arrays, read
from kinema.motion import Motion
from kinema.storage.atomic import atomic_path

FOLDER = ".stages"
_DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, KinemaError)


@dataclass(frozen=True)
class StageResult:
    """What a stage left: the motion, how long it took, and sentences that the user must see."""

    motion: Motion
    seconds: float
    warnings: tuple[str, ...] = ()


class StageStore:
    """The stage results of one run's folder, and those that sibling runs of the same video can lend."""

    def __init__(self, folder: Path, siblings: Sequence[Path] = ()) -> None:
        self.folder = folder / FOLDER
        self._places = [self.folder, *(sibling / FOLDER for sibling in siblings)]

    def find(self, stage: str, key: str) -> StageResult | None:
        """The result of this stage with exactly this key, or None."""
        for place in self._places:
            path = place / _name(stage, key)
            if path.is_file():
                with contextlib.suppress(*_DAMAGE):
                    return _read(path)
        return None

    def keep(self, stage: str, key: str, result: StageResult) -> None:
        """Write the result, whole or not at all. Raises OutputError."""
        with atomic_path(self.folder / _name(stage, key)) as temporary:
            _write(result, temporary)

    def forget(self, stage: str) -> None:
        """Remove the stored results of a stage that is quick to repeat."""
        for path in self.folder.glob(f"{stage}-*.npz"):
            with contextlib.suppress(OSError):
                path.unlink()

    def partial(self, stage: str, key: str) -> PartialResult:
        """A place for what a stage has done so far."""
        return PartialResult(self.folder / f"{stage}-{key[:24]}.part")


@dataclass(frozen=True)
class PartialResult:
    """The arrays of a stage that is not finished, in one file that is replaced whole."""

    path: Path

    def load(self) -> dict[str, np.ndarray] | None:
        """What was saved last, None where there is nothing that can be read."""
        with contextlib.suppress(*_DAMAGE), np.load(self.path, allow_pickle=False) as arrays:
            return dict(arrays)
        return None

    def save(self, arrays: dict[str, np.ndarray]) -> None:
        """Put it in the place of what was there. Raises OutputError."""
        with atomic_path(self.path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    def forget(self) -> None:
        """Remove it: the stage is finished."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


def _name(stage: str, key: str) -> str:
    return f"{stage}-{key[:24]}.npz"


def _write(result: StageResult, path: Path) -> None:
    about = {"seconds": result.seconds, "warnings": result.warnings}
    with path.open("wb") as file:
        np.savez(file, **motion_arrays(result.motion), about=np.array(json.dumps(about)))  # type: ignore[arg-type]


def _read(path: Path) -> StageResult:
    with np.load(path, allow_pickle=False) as arrays:
        about = json.loads(str(arrays["about"]))
        return StageResult(read(arrays, path), float(about["seconds"]), tuple(about["warnings"]))
