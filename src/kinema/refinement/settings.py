"""A run's refiner settings, validated before the run starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinema.errors import InputError, UsageError
from kinema.options import same_as, setting
from kinema.refinement.options import NetworkOptions
from kinema.refinement.registry import REFINERS

_OFFERED = [row.name for row in REFINERS.built_in if row.kind != "filter" and "pose" in row.fills]


@dataclass(frozen=True)
class RefineSettings:
    """A network or preset that replaces the filter stage; method None keeps the filter."""

    method: str | None = setting(
        None,
        f"{', '.join(_OFFERED)}: a network or preset instead of the filter",
        public="refine",
        metavar="METHOD",
        group="result",
    )
    checkpoint: str | Path | None = same_as(
        NetworkOptions, "checkpoint", help="the refiner's weights (default: the cache's)",
        public="refiner_checkpoint", group="result",
    )  # fmt: skip
    window_size: int | None = same_as(NetworkOptions, "window_size", public=True, group="result")
    representation: str | None = same_as(NetworkOptions, "representation", public=True, group="result")

    def __post_init__(self) -> None:
        if self.method is None:
            if self.given():
                raise UsageError("`refiner_checkpoint`, `window_size` and `representation` need a `refine` method")
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
        named = {
            "checkpoint": self.checkpoint, "window_size": self.window_size, "representation": self.representation
        }  # fmt: skip
        return {name: value for name, value in named.items() if value is not None}

    def options(self) -> Any:
        """The options of the method."""
        return REFINERS.find(self.method or "").make_options(**self.given())
