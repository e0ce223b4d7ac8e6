"""Every refinement method on the clips of a data set, for comparison tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.errors import UsageError
from kinema.evaluation.refiners import RefinerScores, score_refiner
from kinema.models.refiner import KINDS, TrainedRefiner, load_refiner
from kinema.models.synsp import facts as synsp
from kinema.progress import Progress, silent
from kinema.refinement.filtering import FILTERS, smooth_positions
from kinema.refinement.landmarks import POST_FILTER
from kinema.refinement.options import FilterOptions
from kinema.refinement.registry import REFINERS
from kinema.temporal import filters
from kinema.temporal.windows import slide

if TYPE_CHECKING:
    from kinema.models.smoothnet.datasets import RefinerClips

Refine = Callable[[np.ndarray], np.ndarray]
"""A clip (F,C) -> the same, refined."""

# The baselines of SmoothNet's tables, with their settings and defects; time is the frame index.
PUBLISHED: dict[str, Refine] = {
    "published-savgol": lambda x: filters.savgol(x, np.arange(len(x), dtype=float), window=30.0),
    "published-gaus1d": filters.gaussian_in_blocks,
    "published-oneeuro": lambda x: filters.one_euro(
        x, np.arange(len(x), dtype=float), min_cutoff=0.04, beta=0.7, axes=0
    ),
}


@dataclass(frozen=True)
class Method:
    """A refinement method and its name in the table."""

    name: str
    run: Refine


def method(text: str, clips: RefinerClips, rate: float, window: int | None = None) -> Method:
    """A filter (`savgol`, `savgol=0.3` for 0.3 s), a published baseline, or a network with its file
    (`smoothnet=FILE`).

    rate: frames per second of the clips. Raises UsageError for anything else, and for a method that does not fit the
    data.
    """
    name, _, value = text.partition("=")
    name = REFINERS.aliases.get(name, name)
    if name in KINDS:
        if not value:
            raise UsageError(f"`method` {name} needs its checkpoint: {name}=FILE")
        network = load_refiner(Path(value), name)
        return Method(f"{name} {Path(value).name}", _network(network, clips, rate, window))
    if name in PUBLISHED:
        return Method(name, PUBLISHED[name])
    if name not in FILTERS:
        known = ", ".join([*FILTERS, *PUBLISHED, *(f"{kind}=FILE" for kind in KINDS)])
        raise UsageError(f"unknown method {text!r}; known: {known}")
    options = FilterOptions(method=name, seconds=_seconds(value) if value else None)
    return Method(text, lambda x: _filtered(x, options, rate, clips))


def compare(
    clips: RefinerClips, methods: Sequence[Method], *, padded: bool = False, progress: Progress = silent
) -> dict[str, RefinerScores]:
    """Scores of each method on all clips; views are refined separately."""
    scores = {}
    for done, each in enumerate(methods):
        progress(done, len(methods))
        refined = [
            each.run(clip) if clip.ndim == 2 else np.stack([each.run(view) for view in clip]) for clip in clips.detected
        ]
        scores[each.name] = score_refiner(clips, refined, padded=padded)
    progress(len(methods), len(methods))
    return scores


def _network(network: TrainedRefiner, clips: RefinerClips, rate: float, window: int | None) -> Refine:
    if network.representation not in (None, clips.representation):
        raise UsageError(f"{network.name} refines {network.representation}, the data is {clips.representation}")
    if network.coordinates not in (None, clips.coordinates):
        raise UsageError(
            f"{network.name} takes {network.coordinates} values per frame, {clips.name} has {clips.coordinates}"
        )
    frames = network.window or window or synsp.WINDOW
    if window not in (None, frames):
        raise UsageError(f"{network.name} smooths windows of {frames} frames, not {window}; leave out `window_size`")
    run = network.smoother(frames, network.centred)
    if network.kind == "mixer":
        return lambda clip: _filtered(slide(clip, frames, run).astype(np.float64), POST_FILTER, rate, clips)
    return lambda clip: slide(clip, frames, run)


def _filtered(clip: np.ndarray, options: FilterOptions, rate: float, clips: RefinerClips) -> np.ndarray:
    depth = {"2d": 2, "3d": 3, "smpl": 6}[clips.representation]
    points = clip.reshape(len(clip), -1, depth)
    return smooth_positions(points, np.arange(len(clip)) / rate, options).reshape(clip.shape)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"a filter takes a number of seconds, as in savgol=0.3; found {text!r}") from None
