"""Every setting of a run: the nested options of its stages, and the public names."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from types import NoneType
from typing import Any

from kinema.camera.options import CameraOptions
from kinema.errors import UsageError
from kinema.estimation.options import FitOptions
from kinema.estimation.registry import ESTIMATORS
from kinema.lifting.options import LiftOptions
from kinema.models.nlf.options import NlfOptions
from kinema.models.pare.options import PareOptions
from kinema.options import Setting, clock_seconds, identity_of, setting, settings_of
from kinema.pipeline.nlf_parity import of_the_original
from kinema.pipeline.quality import QUALITIES, chosen
from kinema.pipeline.registry import added_stages
from kinema.refinement.options import FilterOptions, TrackFitOptions
from kinema.refinement.registry import REFINERS
from kinema.refinement.settings import RefineSettings
from kinema.segmentation.choice import SelectOptions
from kinema.segmentation.stage import NONE, RunMaskOptions
from kinema.stage import Stage
from kinema.tracking.options import TrackingOptions
from kinema.tracking.registry import TRACKERS
from kinema.video.frames import TimeRange
from kinema.video.options import VideoOptions
from kinema.visualization.options import OverlayOptions
from kinema.weights.consent import only_cleared
from kinema.world.options import WorldOptions


def time_range(text: str) -> tuple[float | None, float | None]:
    """Start and end in seconds, None where left out, from 2-8, 2-, -8 or 1:05-1:20. Raises UsageError."""
    match = re.fullmatch(r"([\d.:]*)-([\d.:]*)", text.strip())
    if match is None or not any(match.groups()):
        raise UsageError(f"{text!r} is not a time range; write for instance 2-8, 2-, -8 or 1:05-1:20")
    try:
        start, end = (clock_seconds(part) if part else None for part in match.groups())
    except UsageError:
        raise UsageError(f"{text!r} contains an invalid time; write seconds or minutes:seconds") from None
    return start, end


def _parsed(setting: Setting, value: Any) -> Any:
    """Text that the command line would parse, parsed; anything else as it is."""
    return setting.parse(value) if setting.parse is not None and isinstance(value, str) else value


def _as_range(value: Any) -> TimeRange:
    if isinstance(value, TimeRange):
        return value
    if isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(x, (Real, NoneType)) for x in value):
        return TimeRange(*value)
    raise UsageError(f"`time_range` must be text such as 2-8 or a pair of seconds, found {value!r}")


@dataclass(frozen=True)
class RunOptions:
    """The settings of a run, all with good defaults.

    tracker, estimator: names in `kinema.pipeline.registry`. quality: the preset that chose among the other settings
    (`RunOptions.of` does that), None for none. time_range: the seconds of the video to use. body_model: None for the
    free body or the estimator's own. smooth: whether the filter stage runs, None: unless what the estimator gives is
    smooth already; refine: the refiner in its place, if any. video: its true rate and rotation. masks: whether masks
    are made; select: whom to keep. tracking, camera, lift, nlf, pare, fit, tracks, filter, world, drawing: the options
    of Kinema's own stages; added: those of stages from other packages, by name.
    """

    estimator: str = setting(
        "keypoints",
        f"how bodies are estimated: {' or '.join(row.name for row in ESTIMATORS.built_in)}",
        public=True,
        metavar="NAME",
    )
    tracker: str = setting(
        "kinema",
        f"how people are detected and tracked: {', '.join(row.name for row in TRACKERS.built_in)}",
        public=True,
        metavar="NAME",
    )
    quality: str | None = setting(
        None,
        "fast (the default), good or best: chooses the keypoint networks, unless they are set; what it chooses and what"
        " that gives is in docs/accuracy.md",
        public=True,
        choices=tuple(QUALITIES),
        neutral=True,
    )
    time_range: TimeRange = setting(
        factory=TimeRange,
        help="process only these seconds of the video, as a player shows them; either end may be omitted",
        public=True,
        metavar="A-B",
        group="camera",
        parse=time_range,
    )
    body_model: Path | None = setting(
        None, "an SMPL file (.pkl or .npz) to use instead of the free body", public=True, metavar="PATH", group="people"
    )
    smooth: bool | None = None
    overlay: bool = setting(True, "do not render overlay.mp4", public=True, group="result", off=True)
    vertices: bool = setting(
        False, "also write the mesh of every frame to the .pkl (large)", public=True, group="result"
    )
    commercial_only: bool = setting(
        False,
        "refuse networks and bodies that are not cleared for commercial use",
        public=True,
        group="running",
        neutral=True,
    )
    video: VideoOptions = field(default_factory=VideoOptions)
    tracking: TrackingOptions = field(default_factory=TrackingOptions)
    masks: RunMaskOptions = field(default_factory=RunMaskOptions)
    camera: CameraOptions = field(default_factory=CameraOptions)
    select: SelectOptions = field(default_factory=SelectOptions)
    lift: LiftOptions = field(default_factory=LiftOptions)
    nlf: NlfOptions = field(default_factory=NlfOptions)
    pare: PareOptions = field(default_factory=PareOptions)
    fit: FitOptions = field(default_factory=FitOptions)
    tracks: TrackFitOptions = field(default_factory=TrackFitOptions)
    filter: FilterOptions = field(default_factory=FilterOptions)
    refine: RefineSettings = field(default_factory=RefineSettings)
    world: WorldOptions = field(default_factory=WorldOptions)
    drawing: OverlayOptions = field(default_factory=OverlayOptions)
    added: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "estimator", ESTIMATORS.find(self.estimator).name)
        object.__setattr__(self, "tracker", TRACKERS.find(self.tracker).name)
        object.__setattr__(self, "added", dict(self.added))
        if self.body_model is not None:
            object.__setattr__(self, "body_model", Path(self.body_model))
        if not self.overlay:
            self._require_no_drawing()

    def _require_no_drawing(self) -> None:
        """Raise UsageError for settings of the overlay, which is not drawn: they would be ignored."""
        for name, one in settings_of(OverlayOptions).items():
            if getattr(self.drawing, name) != one.default:
                raise UsageError(
                    f"`{one.public}` is about overlay.mp4, which is not drawn; leave it out, or have the overlay drawn"
                )

    @classmethod
    def given(cls, options: RunOptions | None, settings: Mapping[str, Any]) -> RunOptions:
        """Options passed either as one value or as settings by name. Raises UsageError for both."""
        if options is not None and settings:
            raise UsageError(f"pass either options or single settings ({', '.join(settings)}), not both")
        return options or cls.of(**settings)

    @classmethod
    def of(cls, **settings: Any) -> RunOptions:
        """Options from the public names of `public_settings()`; None keeps a default.

        RunOptions.of(max_persons=1, height=1.82, filter="none", time_range=(2.0, 8.0))

        "filter" also takes "none"; "time_range" takes a pair of seconds, either of them None, or text as on the
        command line ("2-8"); a "view" of the world is shown next to the camera's. "quality" and "nlf_parity" fill
        what the others leave open. Raises UsageError for an unknown name or an invalid value.
        """
        known = public_settings()
        settings |= chosen(settings, cleared=bool(settings.get("commercial_only")) or only_cleared())
        settings |= of_the_original(settings)
        nested: dict[str, dict[str, Any]] = {}
        for name, value in settings.items():
            if name not in known:
                raise UsageError(f"unknown setting {name!r}; known: {', '.join(known)}")
            if value is None:
                continue
            if name == "filter" and value == "none":
                nested.setdefault("", {})["smooth"] = False
                continue
            if known[name].place == "filter":
                nested.setdefault("", {}).setdefault("smooth", True)
            if name == "view":
                nested.setdefault("drawing", {})["beside"] = value != "camera"
            nested.setdefault(known[name].place, {})[known[name].setting.name] = _parsed(known[name].setting, value)
        own = nested.pop("", {})
        if "time_range" in own:
            own["time_range"] = _as_range(own["time_range"])
        defaults = cls()
        added: dict[str, Any] = {}
        for place, changes in nested.items():
            if place in cls.__dataclass_fields__:
                own[place] = dataclasses.replace(getattr(defaults, place), **changes)
            else:
                added[place] = added_stages()[place].options(**changes)
        return dataclasses.replace(defaults, **own, added=added)

    def options_of(self, stage: Stage) -> Any:
        """The options of a stage."""
        if _PLACES.get(stage.name) == "tracking":
            wanted = ESTIMATORS.find(self.estimator).follows_keypoints and self.masks.source == NONE
            return dataclasses.replace(self.tracking, outlines=wanted)
        if stage.name in _PLACES:
            return getattr(self, _PLACES[stage.name])
        if stage.name == "segment":
            return dataclasses.replace(self.masks, threads=self.tracking.threads)
        if stage.name == "camera":
            return dataclasses.replace(self.camera, fov=self.fit.fov)
        if stage.name == "regress":
            threads = self.pare.threads if self.pare.threads is not None else self.tracking.threads
            return dataclasses.replace(self.pare, fov=self.fit.fov, threads=threads)
        if stage.name == "localize":
            return dataclasses.replace(self.nlf, fov=self.fit.fov, threads=self.nlf.threads or self.tracking.threads)
        if stage.name in self.added:
            return self.added[stage.name]
        if self.refine.method is not None and stage is REFINERS.find(self.refine.method).stage:
            return self.refine.options()
        return stage.options()

    def identity(self) -> dict[str, Any]:
        """Every setting that results depend on, nested, as JSON values."""
        result: dict[str, Any] = plain(identity_of(self))
        return result

    def to_dict(self) -> dict[str, Any]:
        """Every setting, nested, as JSON values."""
        result: dict[str, Any] = plain(dataclasses.asdict(self))
        return result


_PLACES = {
    **{row.stage.name: "tracking" for row in TRACKERS.built_in},
    "apart": "tracking",
    "select": "select",
    "lift": "lift",
    "fit": "fit",
    "fit-tracks": "tracks",
    "filter": "filter",
    "world": "world",
}
"""Stage -> the field of `RunOptions` that has its options."""


@dataclass(frozen=True)
class PublicSetting:
    """A setting with a public name. place: the field of `RunOptions`, or the added stage, that has it; "" for
    `RunOptions` itself."""

    place: str
    setting: Setting


def public_settings() -> dict[str, PublicSetting]:
    """Every setting of a run that `kinema.run` and the command line accept, by its public name."""
    holders: dict[str, type] = {"": RunOptions}
    for each in dataclasses.fields(RunOptions):
        if isinstance(each.default_factory, type) and dataclasses.is_dataclass(each.default_factory):
            holders[each.name] = each.default_factory
    holders |= {name: stage.options for name, stage in added_stages().items()}
    return {
        one.public: PublicSetting(place, one)
        for place, holder in holders.items()
        for one in settings_of(holder).values()
        if one.public is not None
    }


def settings_for(stage: Stage) -> dict[str, Setting]:
    """The public settings that reach a stage, by public name: its own, and those that it shares with others."""
    own = {one.public for one in settings_of(stage.options).values()}
    own |= {field.name for field in dataclasses.fields(stage.options) if field.name in _SHARED}
    return {name: known.setting for name, known in public_settings().items() if name in own}


_SHARED = frozenset({"fov", "threads"})
"""Fields of options that a run fills from another stage's, where they have the same public name."""


def plain(value: Any) -> Any:
    """`value` with paths and tuples converted to JSON types."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value
