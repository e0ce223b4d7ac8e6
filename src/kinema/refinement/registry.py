"""The refiners by name: what each reads, fills and needs. Listing them imports none of their code."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kinema.errors import UsageError
from kinema.motion import Motion
from kinema.progress import Progress, silent
from kinema.refinement.stage import (
    SMOOTHED,
    filter_motion,
    fit_tracks,
    refine_as_video2pkl,
    refine_landmarks,
    refine_with_network,
)
from kinema.registry import Registry
from kinema.stage import Stage

if TYPE_CHECKING:
    from kinema.body import BodyModel


@dataclass(frozen=True)
class Refiner:
    """One way to refine a motion.

    kind: "filter", "network" for refiners with weights, or "fit". stage: the stage that runs, with options made by
    stage.options(method=name, **settings). requires: fields of a person that it reads; fills: those that it writes;
    both default to the stage's. weights: names in the weights hub that it may use.
    """

    name: str
    summary: str
    stage: Stage
    kind: str = "network"
    requires: tuple[str, ...] = ()
    fills: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "requires", self.requires or self.stage.requires)
        object.__setattr__(self, "fills", self.fills or self.stage.fills)

    def make_options(self, **settings: Any) -> Any:
        """Its options with these fields set and validated. Raises UsageError."""
        fields = {field.name for field in dataclasses.fields(self.stage.options)}
        unknown = [name for name in settings if name not in fields]
        if unknown:
            raise UsageError(f"`{unknown[0]}` does not apply to {self.name}, which is a {self.kind}; leave it out")
        return self.stage.options(**({"method": self.name} if "method" in fields else {}), **settings)


_BODY = ("pose", "betas", "transl")


def _filter(name: str, summary: str) -> Refiner:
    return Refiner(name, summary, filter_motion, kind="filter", requires=_BODY)


REFINERS: Registry[Refiner] = Registry(
    "refiner",
    group="kinema.refiners",
    aliases={"gaus1d": "gaussian"},
    rows=(
        _filter("whittaker", "Whittaker smoother: penalised least squares, no lag, any frame times (default)"),
        _filter("gaussian", "Gaussian-weighted average, no lag"),
        _filter("savgol", "Savitzky-Golay: a parabola fitted in a window, preserves peaks"),
        _filter("butterworth", "Butterworth low-pass, forward and backward, as is common in biomechanics"),
        _filter("oneeuro", "one-euro, forward and backward: smooth at rest, responsive when fast"),
        _filter("oneeuro-causal", "one-euro as published: causal, with lag"),
        _filter("median", "median in a window: removes single bad frames"),
        Refiner(
            "smoothnet",
            "SmoothNet: learned, each coordinate over time; any joints, 2D keypoints or rotations",
            refine_with_network,
            requires=("joints",),
            fills=SMOOTHED,
            weights=("smoothnet-8", "smoothnet-16", "smoothnet-32", "smoothnet-64"),
        ),
        Refiner(
            "synsp",
            "SynSP: learned, all joints together; for the joint set that its checkpoint was trained on",
            refine_with_network,
            requires=("joints",),
            fills=SMOOTHED,
        ),
        Refiner(
            "mixer",
            "Kinema's own: the keypoint networks' 3D landmarks, all joints over time together",
            refine_landmarks,
        ),
        Refiner(
            "track-fit",
            "a body of one shape fitted to a track's vertices and joints after a robust filter, as NLF's pipeline does",
            fit_tracks,
            kind="fit",
        ),
        Refiner(
            "video2pkl",
            "preset: SmoothNet on the joints, pose and translation fitted to them, then the stabilizer",
            refine_as_video2pkl,
            weights=("smoothnet-8",),
        ),
    ),
)
"""Every refiner."""


def refine(
    motion: Motion, body: BodyModel | None, method: str, *, progress: Progress = silent, **settings: Any
) -> Motion:
    """The motion refined by the method of this name; `settings` are fields of its options."""
    chosen = REFINERS.find(method)
    for person in motion:
        lacking = [name for name in chosen.stage.requires if getattr(person, name) is None]
        if lacking:
            raise UsageError(
                f"{method} refines {', '.join(lacking)}, which person {person.id} does not have; "
                "refine the body with another method, for example whittaker"
            )
    return chosen.stage(motion, body, chosen.make_options(**settings), progress=progress)
