"""A run's refiner settings, validated before the run starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinema.errors import InputError, UsageError
from kinema.options import setting
from kinema.refinement.options import REPRESENTATIONS
from kinema.refinement.registry import REFINERS


@dataclass(frozen=True)
class RefineSettings:
    """A network or preset that replaces the filter stage; method None keeps the filter."""

    method: str | None = setting(
        None,
        "smoothnet, synsp or video2pkl in place of the filter",
        public="refine",
        metavar="METHOD",
        group="result",
    )
    checkpoint: Path | None = setting(
        None,
        "the refiner's weights (default: the cache's)",
        public="refiner_checkpoint",
        metavar="F",
        group="result",
    )
    window: int | None = setting(
        None, "frames that the refiner sees at once", public="window_size", metavar="W", group="result"
    )
    representation: str | None = setting(
        None, "what the refiner smooths (default: 3d)", public=True, choices=REPRESENTATIONS, group="result"
    )

    def __post_init__(self) -> None:
        if self.method is None:
            if self.given():
                raise UsageError("a checkpoint, window or representation needs a `refine` method beside it")
            return
        if self.checkpoint is not None:
            path = Path(self.checkpoint)
            if not path.is_file():
                raise InputError(f"there is no checkpoint {path}; give the path of a SmoothNet or SynSP file")
            object.__setattr__(self, "checkpoint", path)
        refiner = REFINERS.find(self.method)
        if refiner.kind == "filter":
            raise UsageError(f"`refine` takes a network or preset; for {self.method} set `filter` to {self.method}")
        if "pose" not in refiner.fills:
            raise UsageError(f"{self.method} refines landmarks, not bodies; run `kinema refine` on a result instead")
        self.options()

    def given(self) -> dict[str, Any]:
        """The settings that are not None, by the names of the method's options."""
        named = {"checkpoint": self.checkpoint, "window": self.window, "representation": self.representation}
        return {name: value for name, value in named.items() if value is not None}

    def options(self) -> Any:
        """The options of the method."""
        return REFINERS.find(self.method or "").make_options(**self.given())
