"""Every setting of a run: the options of its stages, nested, and the short names that people type."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kinema.errors import UsageError
from kinema.estimation import FitOptions
from kinema.geometry.camera import camera_from_fov
from kinema.models.pare.options import PareOptions
from kinema.refinement import FilterOptions
from kinema.refinement.settings import RefineSettings
from kinema.tracking import TrackingOptions
from kinema.video.frames import TimeRange
from kinema.visualization.overlay import OverlayOptions
from kinema.world import WorldOptions

ESTIMATORS = ("blazepose", "pare")
"""What can turn tracked people into bodies."""


@dataclass(frozen=True)
class RunOptions:
    """The settings of a run, all of which have good defaults.

    estimator: one of `ESTIMATORS`. time_range: which seconds of the video. body_model: an SMPL file; None is
    the free body. static_camera: the camera is known to stand still, so nobody looks whether it moves.
    smooth: whether the filter stage runs; refine: what refines in its place, if anything. overlay: whether the
    overlay video is made. vertices: whether the .pkl also holds every frame's mesh. tracking, pare, fit, filter,
    world, drawing: the options of the stages.
    """

    estimator: str = "blazepose"
    time_range: TimeRange = field(default_factory=TimeRange)
    body_model: Path | None = None
    static_camera: bool = False
    smooth: bool = True
    overlay: bool = True
    vertices: bool = False
    tracking: TrackingOptions = field(default_factory=TrackingOptions)
    pare: PareOptions = field(default_factory=PareOptions)
    fit: FitOptions = field(default_factory=FitOptions)
    filter: FilterOptions = field(default_factory=FilterOptions)
    refine: RefineSettings = field(default_factory=RefineSettings)
    world: WorldOptions = field(default_factory=WorldOptions)
    drawing: OverlayOptions = field(default_factory=OverlayOptions)

    def __post_init__(self) -> None:
        if self.estimator not in ESTIMATORS:
            raise UsageError(f"unknown estimator {self.estimator!r}; known: {', '.join(ESTIMATORS)}")
        if self.fit.fov is not None:
            camera_from_fov(16, 16, self.fit.fov)  # refuses what is no field of view, before any work is done
        if self.body_model is not None:
            object.__setattr__(self, "body_model", Path(self.body_model))

    @classmethod
    def of(cls, **settings: Any) -> RunOptions:
        """Options from the short names of `SHORT_NAMES`; what is None keeps its default.

        RunOptions.of(max_persons=1, height=1.82, filter="none", time_range=(2.0, 8.0))

        Raises UsageError for a name that does not exist and a value that makes no sense.
        """
        own: dict[str, Any] = {}
        nested: dict[str, dict[str, Any]] = {}
        for name, value in settings.items():
            if name not in SHORT_NAMES:
                raise UsageError(f"unknown setting {name!r}; known: {', '.join(SHORT_NAMES)}")
            if value is None:
                continue
            if name == "filter" and value == "none":
                own["smooth"] = False
                continue
            if name == "view":
                nested.setdefault("drawing", {})["beside"] = value != "camera"
            stage, _, setting = SHORT_NAMES[name].rpartition(".")
            (nested.setdefault(stage, {}) if stage else own)[setting] = value
        if "time_range" in own and not isinstance(own["time_range"], TimeRange):
            own["time_range"] = TimeRange(*own["time_range"])
        defaults = cls()
        for stage, changes in nested.items():
            own[stage] = dataclasses.replace(getattr(defaults, stage), **changes)
        return dataclasses.replace(defaults, **own)

    def to_dict(self) -> dict[str, Any]:
        """Every setting, nested, as JSON values."""
        return plain(dataclasses.asdict(self))


SHORT_NAMES = {
    "estimator": "estimator",
    "time_range": "time_range",
    "body_model": "body_model",
    "static_camera": "static_camera",
    "overlay": "overlay",
    "vertices": "vertices",
    "max_persons": "tracking.max_persons",
    "min_track_frames": "tracking.min_track_frames",
    "threads": "tracking.threads",
    "checkpoint": "pare.checkpoint",
    "fov": "fit.fov",
    "height": "fit.height",
    "landmarks": "fit.landmarks",
    "filter": "filter.method",
    "strength": "filter.strength",
    "refine": "refine.method",
    "refiner_checkpoint": "refine.checkpoint",
    "window_size": "refine.window",
    "representation": "refine.representation",
    "view": "drawing.view",
}
"""What `kinema.estimate` and the command line call a setting -> its place in `RunOptions`.

"filter" also takes "none"; "time_range" also takes a pair of seconds, either of them None; a "view" of the world
is shown beside the camera's.
"""


def plain(value: Any) -> Any:
    """`value` with paths and tuples turned into what JSON has."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value
