"""Settings of the refiners: filters, networks, presets and the stabilizer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kinema.models import REPRESENTATIONS
from kinema.options import require, same_as, setting
from kinema.quality.profiles import PROFILES, canonical_profile
from kinema.temporal.gaps import SMOOTHING_GAP
from kinema.temporal.windows import SHORT

METHODS = ("whittaker", "gaussian", "savgol", "butterworth", "oneeuro", "oneeuro-causal", "median")
"""The filters."""

STEPS = ("ends", "replace", "lead", "smooth")
"""The steps of the stabilizer, in order."""

MISSING = ("error", "interpolate")

PRESET_WINDOW = 8
"""Window in frames of the checkpoint that video2pkl smooths with by default."""

LONGEST = 0.64
"""Seconds of smoothing at strength 1. Strength 1/2, the default, gives a quarter of it: 0.16 s.

0.16 s minimises the joint error on motion capture with the noise of image networks, over walking, running, dancing,
sport and martial arts together; see `benchmarks/filter_choice.py` and docs/filters.md.
"""


@dataclass(frozen=True)
class FilterOptions:
    """How to smooth.

    method: one of `METHODS`. strength: 0 (none) .. 1 (0.64 s). seconds: the amount, as the length of the moving average
    that reduces white noise equally; overrides strength. depth: factor by which the root's distance from the camera is
    smoothed more, because a single camera measures it worst. fast_limbs: smooth much less where confident keypoints
    show a fast limb (`kinema.refinement.fast_limbs`).
    max_gap: seconds; a track interrupted for longer is smoothed in pieces. missing: how `smooth_positions` treats NaN:
    "error", or "interpolate" from the neighbouring frames.
    """

    method: str = setting(
        "whittaker",
        f"smoothing: {', '.join((*METHODS, 'none'))}",
        public="filter",
        metavar="METHOD",
        choices=(*METHODS, "none"),
        group="result",
    )
    strength: float = setting(0.5, "smoothing strength, from 0 (none) to 1", public=True, metavar="S", group="result")
    seconds: float | None = None
    depth: float = 3.0
    fast_limbs: bool = True
    max_gap: float = SMOOTHING_GAP
    missing: str = setting("error", "how to treat NaN values", choices=MISSING)

    def __post_init__(self) -> None:
        require(self.method in METHODS, "filter", f"be one of {', '.join(METHODS)}", repr(self.method))
        require(0 <= self.strength <= 1, "strength", "lie between 0 and 1", self.strength)
        require(self.seconds is None or 0 <= self.seconds <= 10, "seconds", "lie between 0 and 10", self.seconds)
        require(1 <= self.depth <= 20, "depth", "lie between 1 and 20", self.depth)
        require(self.max_gap > 0, "max_gap", "be positive", self.max_gap)
        require(self.missing in MISSING, "missing", f"be one of {', '.join(MISSING)}", repr(self.missing))

    @property
    def amount(self) -> float:
        """Seconds of smoothing: `seconds` if set, else from `strength`."""
        return LONGEST * self.strength**2 if self.seconds is None else self.seconds


@dataclass(frozen=True)
class NetworkOptions:
    """How a network refines.

    method: "smoothnet" or "synsp". checkpoint: its file; None takes the published SmoothNet from the weights cache.
    window_size: frames; None is the checkpoint's own (32 for the cache, 8 for SynSP). representation: "2d" (keypoints),
    "3d" (joints; pose and transl are then fitted to them), "smpl" (rotations), or None for the checkpoint's own, else
    3d. step: frames between windows. lag: number of future frames that a result may depend on, None for the whole
    window. short: how clips shorter than the window are treated (`windows.SHORT`). as_published: run SmoothNet as its
    authors do, including its bias towards the pelvis; otherwise a file without a record of its training runs as
    `PublishedSmoothNet`. max_gap: seconds; a track interrupted for longer is refined in pieces. missing: NaN in the
    input: "error", or "interpolate".
    """

    method: str = "smoothnet"
    checkpoint: str | Path | None = setting(
        None, "weights (.pth.tar, .pth, .safetensors, .onnx; default: from the weights cache)", metavar="FILE"
    )
    window_size: int | None = setting(None, "window size in frames (default: the checkpoint's)", metavar="N")
    representation: str | None = setting(
        None, "what a network smooths (default: the checkpoint's, else 3d)", choices=REPRESENTATIONS
    )
    step: int = setting(1, "frames between windows", metavar="N")
    lag: int | None = setting(
        None, "future frames that a result may depend on, as in live use (default: the whole window)", metavar="N"
    )
    short: str = "repeat"
    as_published: bool = setting(False, "run SmoothNet as published, with its bias towards the pelvis")
    max_gap: float = SMOOTHING_GAP
    missing: str = same_as(FilterOptions, "missing")

    def __post_init__(self) -> None:
        known = ("smoothnet", "synsp")
        require(self.method in known, "method", f"be one of {', '.join(known)}", repr(self.method))
        fits = self.representation in (None, *REPRESENTATIONS)
        require(fits, "representation", f"be one of {', '.join(REPRESENTATIONS)}", repr(self.representation))
        fits = self.window_size is None or 2 <= self.window_size <= 1000
        require(fits, "window_size", "lie between 2 and 1000 frames", self.window_size)
        require(self.step >= 1, "step", "be at least 1", self.step)
        require(self.lag is None or self.lag >= 0, "lag", "not be negative", self.lag)
        require(self.short in SHORT, "short", f"be one of {', '.join(SHORT)}", repr(self.short))
        require(self.max_gap > 0, "max_gap", "be positive", self.max_gap)
        require(self.missing in MISSING, "missing", f"be one of {', '.join(MISSING)}", repr(self.missing))


@dataclass(frozen=True)
class LandmarkOptions:
    """How 3D landmarks are refined.

    method: "mixer". checkpoint: an .onnx file that `kinema train refiner --dataset keypoints` wrote, None for the
    shipped one. step: frames between windows. max_gap: seconds; a track interrupted for longer is refined in pieces.
    """

    method: str = "mixer"
    checkpoint: str | Path | None = same_as(NetworkOptions, "checkpoint")
    step: int = same_as(NetworkOptions, "step", 4)
    max_gap: float = SMOOTHING_GAP

    def __post_init__(self) -> None:
        require(self.method == "mixer", "method", "be mixer for landmarks", repr(self.method))
        require(self.step >= 1, "step", "be at least 1", self.step)
        require(self.max_gap > 0, "max_gap", "be positive", self.max_gap)


@dataclass(frozen=True)
class StabilizeOptions:
    """How to repair. profile: "default", or "video2pkl" (alias "fork") for its stabiliser. steps: of `STEPS`."""

    profile: str = setting(
        "default", "video2pkl: that pipeline's stabiliser, bugs included", choices=PROFILES, parse=canonical_profile
    )
    steps: tuple[str, ...] = setting(
        STEPS, "run only this step; may be repeated (default: all)", public="step", choices=STEPS
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "profile", canonical_profile(self.profile))
        require(self.profile in PROFILES, "profile", f"be {' or '.join(PROFILES)}", repr(self.profile))
        unknown = [step for step in self.steps if step not in STEPS]
        require(not unknown, "step", f"be some of {', '.join(STEPS)}", ", ".join(unknown))


@dataclass(frozen=True)
class Video2PklOptions:
    """video2pkl's smoothing: a SmoothNet of 8 frames on the body's joints in the camera's frame, step 1, overlaps
    averaged, translation and pose fitted to the joints, then the stabiliser.

    checkpoint, window_size, lag, missing: as in `NetworkOptions`. stabilize: whether the stabiliser runs. Unlike in
    video2pkl, all 24 joints are SMPL's (it takes them for OpenPose's), all rotations follow, global_orient and pose[:3]
    stay equal, and everybody is refined.
    """

    method: str = "video2pkl"
    checkpoint: str | Path | None = same_as(NetworkOptions, "checkpoint")
    window_size: int | None = same_as(NetworkOptions, "window_size")
    representation: str | None = same_as(NetworkOptions, "representation")
    lag: int | None = same_as(NetworkOptions, "lag")
    missing: str = same_as(FilterOptions, "missing")
    stabilize: bool = True

    def __post_init__(self) -> None:
        fits = self.representation in (None, "3d")
        require(fits, "representation", "be left out for video2pkl, which refines the joints", self.representation)

    def network(self) -> NetworkOptions:
        """The corresponding options of the network stage. A checkpoint has its own window."""
        frames = self.window_size if self.checkpoint is not None else self.window_size or PRESET_WINDOW
        return NetworkOptions(
            "smoothnet", self.checkpoint, window_size=frames, representation="3d", lag=self.lag, missing=self.missing
        )


@dataclass(frozen=True)
class TrackFitOptions:
    """How a body is fitted to the points of a track (`kinema.refinement.track_fitting`).

    smooth: apply the robust filter to the points and to their distance from the camera. rescale: scale every frame
    about the camera to one size. jump: metres above which a track is filtered in pieces. polish: Gauss-Newton steps
    after the closed form. max_gap: seconds; a track interrupted for longer is fitted in pieces, with one shape each.
    parity: the original's numbers: its ridges, closed form only, its kernels at any frame rate, no split at cuts and
    gaps. vertices: file with the indices of the fitted vertices, None for some of each part.
    """

    method: str = "track-fit"
    smooth: bool = setting(True, "NLF: fit to the points without the robust filter", public="track_filter", off=True)
    rescale: bool = setting(True, "keep the size of the points in each frame", off=True)
    jump: float = setting(1.0, "jumps of more than this many metres are not smoothed", metavar="M")
    polish: int = setting(3, "Gauss-Newton steps after the closed form", metavar="N")
    parity: bool = setting(False, "NLF: fit as the original pipeline does, bugs included", public="fit_parity")
    vertices: Path | None = setting(
        None,
        "NLF: fit to the vertices listed in this file, such as the original's vertex_subset_1024.npz",
        public="fit_vertices",
        metavar="FILE",
    )
    max_gap: float = SMOOTHING_GAP

    def __post_init__(self) -> None:
        if self.vertices is not None:
            object.__setattr__(self, "vertices", Path(self.vertices))
        require(self.method == "track-fit", "method", "be track-fit", repr(self.method))
        require(self.jump > 0, "jump", "be positive", self.jump)
        require(0 <= self.polish <= 20, "polish", "lie between 0 and 20", self.polish)
        require(self.max_gap > 0, "max_gap", "be positive", self.max_gap)
