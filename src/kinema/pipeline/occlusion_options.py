"""Settings of the occlusion analysis."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from kinema.evaluation.options import IMAGE_ESTIMATORS, OcclusionOptions
from kinema.models.nlf.options import NlfOptions
from kinema.models.pare.options import PareOptions
from kinema.options import require, same_as, setting
from kinema.tracking.options import TrackingOptions


@dataclass(frozen=True)
class OcclusionRunOptions:
    """What is analysed and written.

    estimators: names of `kinema.evaluation.options.IMAGE_ESTIMATORS`. every: each Nth image. max_persons: the largest
    N people of an image. video: write the sweep. data, body_model: the PARE release's folder and an SMPL file.
    """

    estimators: tuple[str, ...] = setting(
        ("blazepose",), "give several to compare them (default: blazepose, of a data set pare)", public="estimator",
        choices=IMAGE_ESTIMATORS,
    )  # fmt: skip
    occlusion: OcclusionOptions = field(default_factory=OcclusionOptions)
    pare: PareOptions = field(default_factory=PareOptions)
    nlf: NlfOptions = field(default_factory=NlfOptions)
    every: int = setting(1, "analyse each Nth image (default: 1, of a data set 100)", metavar="N")
    max_persons: int | None = same_as(
        TrackingOptions, "max_persons", help="at most this many people per image", group=None
    )
    video: bool = setting(True, "write no video of the sweep", off=True)
    data: Path | None = setting(None, "the data folder of the PARE release", metavar="DIR")
    body_model: str | None = setting(None, "an SMPL file in place of the release's or the free body", metavar="PATH")

    def __post_init__(self) -> None:
        require(self.every >= 1, "every", "be at least 1", self.every)
