"""Pelvis paths seen from above, as one panel of a plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_LEAST = 0.25
"""Metres shown on each side of the middle at least: the path of somebody who stands still has no extent."""


@dataclass(frozen=True, eq=False)
class Way:
    """A way to plot. joints (F,24,3) metres, the pelvis first; label and colour of its line."""

    joints: np.ndarray
    label: str
    colour: str


def plot_from_above(axes: Axes, ways: Sequence[Way], *, world: bool) -> None:
    """Draw them into the axes. world: whether they are in the world; else in the camera's frame."""
    for way in ways:
        x, z = way.joints[:, 0, 0], way.joints[:, 0, 2]
        axes.plot(x, z, color=way.colour, lw=1.3, label=way.label)
        axes.plot(x[:1], z[:1], "o", color=way.colour, ms=6)
        axes.plot(x[-1:], z[-1:], "s", color=way.colour, ms=6)
    _set_limits(axes, ways)
    # The camera is at the bottom: the world's z points towards it, the camera's away from it.
    if world:
        axes.invert_yaxis()
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("x (m)")
    axes.set_ylabel("z (m)")
    axes.set_title(f"pelvis from above, {'world' if world else 'camera frame'}\n(○ start, □ end)", fontsize=10)
    axes.grid(alpha=0.3)
    if ways:
        # Below the axes: names may be as long as those of files.
        axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.13))


def _set_limits(axes: Axes, ways: Sequence[Way]) -> None:
    points = np.concatenate([np.zeros((0, 2)), *(way.joints[:, 0, [0, 2]] for way in ways)])
    points = points[np.isfinite(points).all(axis=1)]
    if len(points):
        low, high = points.min(axis=0), points.max(axis=0)
        middle, half = (low + high) / 2, np.maximum(1.1 * (high - low) / 2, _LEAST)
        # Not fixed (`auto`): the equal aspect may widen them, about which matplotlib would complain on stderr.
        axes.set_xlim(middle[0] - half[0], middle[0] + half[0], auto=True)
        axes.set_ylim(middle[1] - half[1], middle[1] + half[1], auto=True)
