"""A plot of one motion: each root's path from above, heights, joint speeds with limits, contacts, bad frames.

Needs matplotlib, which is an extra (`pip install "kinema[plot]"`): it is half as large as the base installation, and
most runs never plot.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import UsageError
from kinema.motion import Motion
from kinema.quality.ground import ground_level
from kinema.quality.judging import PersonReport
from kinema.quality.limits import Limits, default_limits
from kinema.quality.trajectory import BodyTrajectory, trajectory_of
from kinema.quality.validation import Validation
from kinema.skeleton import CONTACT_POINTS, SMPL24
from kinema.storage.atomic import atomic_path
from kinema.visualization.plot_from_above import Way, plot_from_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".png", ".pdf", ".svg")
MAX_PEOPLE = 6
"""Maximum number of people plotted; the longest tracks are kept."""

# Body parts whose fastest joint is plotted, with the lowest limit of their joints.
PARTS = {
    "hands": ("left_wrist", "right_wrist", "left_hand", "right_hand"),
    "feet": ("left_ankle", "right_ankle", "left_foot", "right_foot"),
    "head": ("neck", "head"),
    "trunk": ("spine1", "spine2", "spine3"),
}
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
PART_COLOURS = ("#332288", "#117733", "#AA4499", "#777777")
BAD = "#C00000"


def plot(validation: Validation, path: str | Path, *, limits: Limits | None = None) -> Path:
    """Plot the validated motion; the suffix selects the format (.png, .pdf, .svg).

    Raises UsageError without matplotlib or for another suffix, OutputError if the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"cannot save a plot as {path.name!r}; use one of {', '.join(SUFFIXES)}")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError('plotting needs matplotlib; install it with: pip install "kinema[plot]"') from None
    motion = validation.motion
    if motion is None or not motion.people:
        raise UsageError("there is no motion to plot")
    reports = sorted(validation.people, key=lambda r: -len(r.person))[:MAX_PEOPLE]
    reports.sort(key=lambda r: r.person.id)
    trajectories = [trajectory_of(motion, report.person) for report in reports]
    rows = len(reports)
    figure = Figure(figsize=(13, 4.6 + 2.5 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    # The paths from above and the heights share a row; then a row of speeds and a strip of frames per person.
    grid = figure.add_gridspec(1 + 2 * rows, 2, height_ratios=[4.2, *([1.75, 0.75] * rows)], width_ratios=[1, 1.6])
    left_out = len(validation.people) - rows
    more = f", {left_out} more people not shown" if left_out else ""
    size = f"{motion.num_frames} frames, {motion.fps:.4g} fps{more}"
    title = f"{motion.source or 'motion'}: {validation.verdict}   ({size})"
    figure.suptitle(title, fontsize=12, fontweight="bold")
    world = any(trajectory.world for trajectory in trajectories)
    plot_from_above(figure.add_subplot(grid[0, 0]), _ways(trajectories), world=world)
    _heights(figure.add_subplot(grid[0, 1]), trajectories)
    limits = limits or default_limits()
    for i, (report, trajectory) in enumerate(zip(reports, trajectories, strict=True)):
        speeds = figure.add_subplot(grid[1 + 2 * i, :])
        _speeds(speeds, trajectory, report, limits)
        _frames(figure.add_subplot(grid[2 + 2 * i, :], sharex=speeds), motion, report, last=i == rows - 1)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)
    return path


def _colour(i: int) -> str:
    return COLOURS[i % len(COLOURS)]


def _ways(trajectories: Sequence[BodyTrajectory]) -> list[Way]:
    return [
        Way(trajectory.joints, f"person {trajectory.person}", _colour(i))
        for i, trajectory in enumerate(trajectories)
        if trajectory.joints is not None and trajectory.rooted
    ]


def _heights(axes: Axes, trajectories: Sequence[BodyTrajectory]) -> None:
    for i, trajectory in enumerate(trajectories):
        if trajectory.joints is None or not trajectory.rooted:
            continue
        sign = 1 if trajectory.world else -1  # the camera's y points down
        heights = sign * trajectory.joints[..., 1]
        for joint, style in (("head", ":"), ("pelvis", "-")):
            values = heights[:, SMPL24.index(joint)]
            axes.plot(*_broken(trajectory, values), style, color=_colour(i), lw=1.2)
        feet = heights[:, SMPL24.indices(["left_foot", "right_foot"])].min(axis=1)
        axes.plot(*_broken(trajectory, feet), "--", color=_colour(i), lw=0.9)
    grounds = sorted({ground_level(trajectory) for trajectory in trajectories if trajectory.world})
    for level in grounds:
        axes.axhline(level, color="0.4", lw=0.8)
    # If the feet stand far from y = 0, their level is the ground, and heights are plotted as stored.
    reference = "relative to the camera" if not grounds else "above the ground" if grounds == [0.0] else "above y = 0"
    axes.set_title(f"height {reference}: head dotted, pelvis solid, lower foot dashed", fontsize=10)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("m")
    axes.grid(alpha=0.3)


def _speeds(axes: Axes, trajectory: BodyTrajectory, report: PersonReport, limits: Limits) -> None:
    exceeding = f"{report.bad_frames} of {len(report.person)} frames exceed a limit"
    axes.set_title(f"person {trajectory.person}: {report.verdict}, {exceeding}", fontsize=10, loc="left")
    axes.set_ylabel("m/s, relative\nto the pelvis", fontsize=8)
    axes.tick_params(labelbottom=False)
    axes.grid(alpha=0.3)
    if trajectory.speeds is None:
        return
    times = trajectory.times[trajectory.stride :]
    top = 1.0
    named: dict[float, list[int]] = {}
    for i, joints in enumerate(PARTS.values()):
        index = SMPL24.indices(joints)
        fastest = trajectory.speeds[:, index].max(axis=1)
        limit = float(limits.frames["speed"].usual[index].min())
        axes.plot(*_broken(trajectory, np.r_[[np.nan] * trajectory.stride, fastest]), color=PART_COLOURS[i], lw=0.9)
        axes.axhline(limit, color=PART_COLOURS[i], lw=0.9, ls="--")
        named.setdefault(limit, []).append(i)
        top = max(top, limit, float(np.nanmax(fastest, initial=0.0)))
    for limit, parts in named.items():  # parts of one limit share its label, or they would be written over each other
        label = f"{', '.join(list(PARTS)[i] for i in parts)} {limit:.3g}"
        axes.text(1.003, limit, label, transform=axes.get_yaxis_transform(), color=PART_COLOURS[parts[-1]],
                  fontsize=7, va="center")  # fmt: skip
    axes.set_ylim(0, 1.08 * top)
    if len(times):
        axes.set_xlim(trajectory.times[0], trajectory.times[-1])


def _frames(axes: Axes, motion: Motion, report: PersonReport, *, last: bool) -> None:
    """Contacts, frames without evidence, and bad frames as bars over time."""
    person = report.person
    times = motion.times[person.frames]
    rows: list[tuple[str, np.ndarray, Any]] = [("bad frames", np.isin(np.arange(len(person)), report.bad_rows), BAD)]
    if person.observed is not None and not person.observed.all():
        rows.append(("not observed", ~person.observed, "0.6"))
    if person.contacts is not None:
        rows += [
            (name.replace("_", " "), person.contacts[:, i], COLOURS[0] if name.startswith("left") else COLOURS[1])
            for i, name in enumerate(CONTACT_POINTS)
        ]
    half = 0.5 * float(np.median(np.diff(times))) if len(times) > 1 else 1 / 60
    for i, (_, on, colour) in enumerate(rows):
        bars = _bars(times, on, half)
        axes.broken_barh(bars, (len(rows) - 1 - i + 0.12, 0.76), facecolors=colour)
    axes.set_yticks([len(rows) - 1 - i + 0.5 for i in range(len(rows))], [name for name, _, _ in rows], fontsize=7)
    axes.set_ylim(0, len(rows))
    axes.tick_params(axis="y", length=0)
    if last:
        axes.set_xlabel("time (s)")


def _bars(times: np.ndarray, on: np.ndarray, half: float) -> list[tuple[float, float]]:
    """(start, length) of the runs in which `on` (F,) is True; gaps in time end a run."""
    if not len(times):
        return []
    apart = np.r_[True, np.diff(times) > 4 * half]
    state = on & ~apart
    starts = np.flatnonzero(on & (apart | np.r_[True, ~on[:-1]]))
    bars = []
    for start in starts.tolist():
        end = start
        while end + 1 < len(on) and state[end + 1]:
            end += 1
        bars.append((float(times[start] - half), float(times[end] - times[start] + 2 * half)))
    return bars


def _broken(trajectory: BodyTrajectory, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times and values with NaN where the track has a gap, so that no line is drawn across it."""
    apart = np.diff(trajectory.times) > 3 * trajectory.interval
    if trajectory.shots is not None:
        apart |= np.diff(trajectory.shots) > 0
    gaps = np.flatnonzero(apart) + 1
    return np.insert(trajectory.times, gaps, np.nan), np.insert(values.astype(float), gaps, np.nan)
