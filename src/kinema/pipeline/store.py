"""Results of single stages, stored in a run's folder so that nothing is computed twice.

One `.npz` for each stage, named after the stage and its key: every field of the motion, exact, without pickled objects.
A file that is unreadable for any reason counts as absent, because it can always be recomputed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.formats.kinema_npz import motion_arrays, read
from kinema.motion import Motion
from kinema.pipeline.folder import STAGES
from kinema.storage.atomic import atomic_path


@dataclass(frozen=True)
class StageResult:
    """The result of a stage: the motion, the time it took, and warnings for the user."""

    motion: Motion
    seconds: float
    warnings: tuple[str, ...] = ()


class StageStore:
    """The stage results in one run's folder, and those of sibling runs of the same video."""

    def __init__(self, folder: Path, siblings: Sequence[Path] = ()) -> None:
        self.folder = folder / STAGES
        self._places = [self.folder, *(sibling / STAGES for sibling in siblings)]

    def find(self, stage: str, key: str) -> StageResult | None:
        """The result of this stage with exactly this key, or None."""
        for place in self._places:
            path = place / _name(stage, key)
            if path.is_file():
                with contextlib.suppress(Exception):
                    return _read(path)
        return None

    def holds(self, stage: str, key: str) -> bool:
        """Whether there is a file of this result; `find` may still find it unreadable."""
        return any((place / _name(stage, key)).is_file() for place in self._places)

    def keep(self, stage: str, key: str, result: StageResult) -> None:
        """Write the result atomically. Raises OutputError."""
        with atomic_path(self.folder / _name(stage, key)) as temporary:
            _write(result, temporary)

    def forget(self, stage: str) -> None:
        """Remove the stored results of a stage that is quick to repeat."""
        for path in self.folder.glob(f"{stage}-*.npz"):
            with contextlib.suppress(OSError):
                path.unlink()

    def arrays(self, stage: str, key: str) -> Path:
        """The folder of the arrays that the result refers to."""
        return self.folder / f"{stage}-{key[:24]}"

    def partial(self, stage: str, key: str) -> PartialResult:
        """Storage for a stage's intermediate results."""
        return PartialResult(self.folder / f"{stage}-{key[:24]}.part")


@dataclass(frozen=True)
class PartialResult:
    """The arrays of an unfinished stage, in one file that is replaced atomically."""

    path: Path

    def load(self) -> dict[str, np.ndarray] | None:
        """The last saved arrays, None if there is nothing readable."""
        with contextlib.suppress(Exception), np.load(self.path, allow_pickle=False) as arrays:
            return dict(arrays)
        return None

    def save(self, arrays: dict[str, np.ndarray]) -> None:
        """Replace the saved arrays. Raises OutputError."""
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
