"""Settings of the occlusion analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kinema.estimation.registry import ESTIMATORS
from kinema.evaluation.options import OcclusionOptions
from kinema.models.pare.options import PareOptions
from kinema.options import require, same_as, setting
from kinema.tracking.options import TrackingOptions


@dataclass(frozen=True)
class OcclusionRunOptions:
    """What is analysed and written.

    estimators: names in `kinema.estimation.registry`. settings: of their stages, by public name
    (`kinema.estimation.registry.image_settings`). every: each Nth image. max_persons: the largest N people of an
    image. video: write the sweep. data, body_model: the PARE release's folder and an SMPL file. threads: of networks.
    """

    estimators: tuple[str, ...] = setting(
        ("blazepose",),
        f"whose joints: blazepose (default; of a data set pare), {', '.join(r.name for r in ESTIMATORS.built_in[1:])}"
        " or another package's; give several to compare them",
        public="estimator", metavar="NAME",
    )  # fmt: skip
    occlusion: OcclusionOptions = field(default_factory=OcclusionOptions)
    settings: Mapping[str, Any] = field(default_factory=dict)
    every: int = setting(1, "analyse each Nth image (default: 1, of a data set 100)", metavar="N")
    max_persons: int | None = same_as(
        TrackingOptions, "max_persons", help="at most this many people per image", group=None
    )
    video: bool = setting(True, "write no video of the sweep", off=True)
    data: Path | None = setting(None, "the data folder of the PARE release", metavar="DIR")
    body_model: str | None = setting(None, "an SMPL file in place of the release's or the free body", metavar="PATH")
    threads: int | None = same_as(PareOptions, "threads")

    def __post_init__(self) -> None:
        require(self.every >= 1, "every", "be at least 1", self.every)
        for name in self.estimators:
            ESTIMATORS.find(name)
