"""What a run is told about its refiner, checked before the run starts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinema.errors import InputError, UsageError
from kinema.refinement.registry import refiner


@dataclass(frozen=True)
class RefineSettings:
    """A network or preset in place of the filter stage; method None leaves the filter.

    method: a name of `REFINERS` that is no filter. checkpoint, window, representation: as its options have them.
    sha256: of the checkpoint, filled in, so that a run knows another file of the same name.
    """

    method: str | None = None
    checkpoint: Path | None = None
    window: int | None = None
    representation: str | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        if self.method is None:
            if self.settings():
                raise UsageError("a checkpoint, window or representation needs --refine METHOD beside it")
            return
        if refiner(self.method).kind == "filter":
            raise UsageError(f"--refine takes a network or preset; for {self.method} set --filter {self.method}")
        if "pose" not in refiner(self.method).fills:
            raise UsageError(f"{self.method} refines landmarks, not bodies; run `kinema refine` on a result for that")
        if self.checkpoint is not None:
            path = Path(self.checkpoint)
            if not path.is_file():
                raise InputError(f"there is no checkpoint {path}; give the path of a SmoothNet or SynSP file")
            object.__setattr__(self, "checkpoint", path)
            object.__setattr__(self, "sha256", hashlib.sha256(path.read_bytes()).hexdigest())
        refiner(self.method).make_options(**self.settings())

    def settings(self) -> dict[str, Any]:
        """What is set, under the names of the method's options."""
        named = {"checkpoint": self.checkpoint, "window": self.window, "representation": self.representation}
        return {name: value for name, value in named.items() if value is not None}
