"""A plot of how far apart two results of a clip are: over time, by joint, and the pelvis paths from above.

Needs matplotlib, an extra (`pip install "kinema[plot]"`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.errors import UsageError
from kinema.evaluation.agreement import Agreement, Pair
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.atomic import atomic_path
from kinema.visualization.plot_from_above import Way, plot_from_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_PAIRS = 4
"""People plotted at most; those with the most frames are kept."""

FIRST, SECOND, BETWEEN = "#D55E00", "#0072B2", "#333333"
"""Colours of the sides, and of what lies between them (Okabe and Ito's vermilion and blue)."""

_LEAST = 1.0
"""Millimetres that an error axis spans at least, since two results may be equal."""


def plot_agreement(agreement: Agreement, first: Motion, second: Motion, path: str | Path) -> Path:
    """Plot a comparison of two motions, the second on the first's frames; the suffix selects the format (.png, .pdf,
    .svg).

    Raises UsageError without matplotlib, OutputError if the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError('plotting needs matplotlib; install it with: pip install "kinema[plot]"') from None
    path = Path(path)
    pairs = sorted(agreement.pairs, key=lambda pair: -pair.frames)[:MAX_PAIRS]
    figure = Figure(figsize=(14, 0.9 + 4.1 * len(pairs)), layout="constrained")
    FigureCanvasAgg(figure)
    left_out = len(agreement.pairs) - len(pairs)
    more = f" ({left_out} more people not shown)" if left_out else ""
    figure.suptitle(f"{agreement.names[0]} and {agreement.names[1]}{more}", fontsize=12, fontweight="bold")
    grid = figure.add_gridspec(len(pairs), 3, width_ratios=[1.7, 1.1, 1])
    for row, pair in enumerate(pairs):
        _over_time(figure.add_subplot(grid[row, 0]), pair)
        _by_joint(figure.add_subplot(grid[row, 1]), pair)
        sides = [
            _compared(motion.person(id), first.times, pair)
            for motion, id in ((first, pair.first), (second, pair.second))
        ]
        axes = figure.add_subplot(grid[row, 2])
        plot_from_above(axes, _ways(agreement, sides), world=agreement.frame == "world")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)
    return path


def _over_time(axes: Axes, pair: Pair) -> None:
    times, error, aligned, root = _unbroken(pair)
    axes.plot(times, error, color=BETWEEN, lw=1.3, label="joints, hips in one place")
    axes.plot(times, aligned, color="#009E73", lw=1.1, label="joints, best similarity")
    axes.set_ylabel("mm")
    axes.set_xlabel("time (s)")
    largest = np.nanmax([error, aligned], initial=0.0)
    axes.set_ylim(0, 1.3 * max(largest, _LEAST))  # room for the legend
    axes.grid(alpha=0.3)
    far = axes.twinx()
    far.plot(times, root, color="#CC79A7", lw=1.0, ls="--")
    far.set_ylabel("pelvis apart, mm (dashed)", color="#CC79A7")
    far.set_ylim(0, 1.1 * max(np.nanmax(root, initial=0.0), _LEAST))
    axes.legend(fontsize=8, loc="upper left")
    title = f"person {pair.first} and {pair.second}: {pair.apart['mpjpe_mm']:.1f} mm apart"
    axes.set_title(title, fontsize=10, loc="left")


def _by_joint(axes: Axes, pair: Pair) -> None:
    names = list(pair.joints)
    places = np.arange(len(names))[::-1]
    axes.barh(places + 0.2, [pair.joints[name]["mpjpe_mm"] for name in names], height=0.4, color=BETWEEN)
    axes.barh(places - 0.2, [pair.joints[name]["pa_mpjpe_mm"] for name in names], height=0.4, color="#009E73")
    axes.set_yticks(places, [name.replace("_", " ") for name in names], fontsize=7)
    axes.set_xlabel("mm apart (green: best similarity)")
    axes.grid(alpha=0.3, axis="x")


def _compared(person: Person, times: np.ndarray, pair: Pair) -> Person:
    """The person from the first to the last moment at which there are both; times (T,) of the clip."""
    own = times[person.frames]
    return person.select(np.flatnonzero((own >= pair.times[0] - 1e-6) & (own <= pair.times[-1] + 1e-6)))


def _ways(agreement: Agreement, sides: Sequence[Person]) -> list[Way]:
    ways = []
    for person, name, colour in zip(sides, agreement.names, (FIRST, SECOND), strict=True):
        joints = person.joints_world if agreement.frame == "world" else person.joints
        if joints is not None and len(joints):
            ways.append(Way(joints, name, colour))
    return ways


def _unbroken(pair: Pair) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Times and the three series, with NaN where frames are missing, so that no line is drawn across."""
    steps = np.diff(pair.times)
    gaps = np.flatnonzero(steps > 3 * np.median(steps)) + 1 if len(steps) else np.zeros(0, dtype=int)
    times, error, aligned, root = (
        np.insert(each, gaps, np.nan) for each in (pair.times, pair.error, pair.aligned, pair.root)
    )
    return times, error, aligned, root
