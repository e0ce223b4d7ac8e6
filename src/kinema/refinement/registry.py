"""The refiners by name: what each reads, fills and needs. Listing them imports none of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kinema.errors import UsageError
from kinema.motion import Motion
from kinema.progress import Progress, silent

if TYPE_CHECKING:
    from kinema.body import BodyModel


@dataclass(frozen=True)
class Refiner:
    """One way to refine a motion.

    requires: fields of a person that it reads; fills: those that it writes. kind: "filter" or "network".
    run and options: "module:name" of the stage, called as run(motion, body, options, progress=...), and of
    its options, made as options(method=name, **settings). weights: names in the weights hub.
    """

    name: str
    summary: str
    requires: tuple[str, ...]
    fills: tuple[str, ...]
    kind: str = "filter"
    run: str = "kinema.refinement.filtering:filter_motion"
    options: str = "kinema.refinement.filtering:FilterOptions"
    weights: tuple[str, ...] = ()

    def make_options(self, **settings: Any) -> Any:
        """Its options with these fields set, checked. Raises UsageError."""
        return _load(self.options)(method=self.name, **settings)


_BODY = ("pose", "betas", "transl")
_SMOOTHED = ("pose", "transl", "joints")
_NETWORK = "kinema.refinement.networks:refine_with_network"
_NETWORK_OPTIONS = "kinema.refinement.networks:NetworkOptions"

REFINERS = {
    refiner.name: refiner
    for refiner in (
        Refiner("whittaker", "smoothest curve near the data, no lag, any frame times (default)", _BODY, _SMOOTHED),
        Refiner("gaussian", "Gaussian average, no lag", _BODY, _SMOOTHED),
        Refiner("savgol", "Savitzky-Golay: a parabola fitted in a window, keeps peaks", _BODY, _SMOOTHED),
        Refiner(
            "butterworth", "Butterworth low-pass forward and backward, the habit of biomechanics", _BODY, _SMOOTHED
        ),
        Refiner("oneeuro", "one-euro forward and backward: calm at rest, open when fast", _BODY, _SMOOTHED),
        Refiner("oneeuro-causal", "one-euro as published: looks only back, lags", _BODY, _SMOOTHED),
        Refiner("median", "median in a window: takes out single bad frames", _BODY, _SMOOTHED),
        Refiner(
            "smoothnet",
            "SmoothNet: learned, along time alone; any joints, 2D keypoints or rotations",
            ("joints",),
            _SMOOTHED,
            kind="network",
            run=_NETWORK,
            options=_NETWORK_OPTIONS,
            weights=("smoothnet-8", "smoothnet-16", "smoothnet-32", "smoothnet-64"),
        ),
        Refiner(
            "synsp",
            "SynSP: learned, all joints together; for the joints that its checkpoint was trained on",
            ("joints",),
            _SMOOTHED,
            kind="network",
            run=_NETWORK,
            options=_NETWORK_OPTIONS,
        ),
        Refiner(
            "mixer",
            "Kinema's own: the keypoint networks' 3D landmarks, all joints over time together",
            ("keypoints3d",),
            ("keypoints3d",),
            kind="network",
            run="kinema.refinement.landmarks:refine_keypoints",
            options="kinema.refinement.landmarks:KeypointOptions",
        ),
        Refiner(
            "video2pkl",
            "preset: SmoothNet on the joints, pose and translation brought into agreement, then the stabiliser",
            _BODY,
            _SMOOTHED,
            kind="network",
            run="kinema.refinement.presets:refine_as_video2pkl",
            options="kinema.refinement.presets:Video2PklOptions",
            weights=("smoothnet-8",),
        ),
    )
}
"""Every refiner by name."""

ALIASES = {"gaus1d": "gaussian"}
"""What others call ours."""


def refiner(name: str) -> Refiner:
    """The refiner called `name`. Raises UsageError that lists the known ones."""
    try:
        return REFINERS[ALIASES.get(name, name)]
    except KeyError:
        raise UsageError(f"unknown refiner {name!r}; known: {', '.join(REFINERS)}") from None


def refine(
    motion: Motion, body: BodyModel | None, method: str, *, progress: Progress = silent, **settings: Any
) -> Motion:
    """The motion refined by the method of this name; `settings` are fields of its options."""
    chosen = refiner(method)
    return _load(chosen.run)(motion, body, chosen.make_options(**settings), progress=progress)


def _load(place: str) -> Callable[..., Any]:
    module, name = place.split(":")
    return getattr(import_module(module), name)
