"""How the feet stand: the most frequent velocity of the feet is that of the ground under them.

Feet stand more than they do anything else twice in the same way: whatever the movement, their velocities (as vectors)
are densest where they stand. In the world that is at zero. Where it is not, the person glides, rises or sinks, together
with the ground.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.quality.trajectory import BodyTrajectory
from kinema.skeleton import SMPL24

FEET = ("left_ankle", "right_ankle", "left_foot", "right_foot")

SHORT, LONG = 0.1, 0.2
"""Seconds over which a foot's velocity is measured: a runner's foot stands hardly longer than the first; the second is
long enough to tell slow rising from noise."""

WIDTH = 0.08
"""Standard deviation, m/s, of the kernel that measures how densely velocities lie together."""

SAMPLES = 600
"""Number of velocities that are compared, each with every other."""

DENSE, FASTEST = 0.15, 2.0
"""Seconds that feet move at the same velocity, at least, and its speed, m/s, at most: for less time, or faster, they do
so by chance, in a second of running."""

CALM = 0.15
"""Speed along the ground, m/s, below which a foot stands, seen over `LONG`."""

CALM_SHARE = 0.1
"""Share of the frames in which a foot must stand for its rising to be measured."""

RISING = 65
"""Percentile of the vertical speed of standing feet taken as the speed of the ground: somewhat above the median,
because a bobbing body turns round at times."""

LEVEL = 1.0
"""Seconds within which somebody on the ground touches it."""


@dataclass(frozen=True)
class Drift:
    """Where the feet's velocities are densest.

    speed: m/s, of that velocity (along the ground, where there is a world). standing: density at zero, as a fraction of
    the density there: 1 for people who stand on the ground, 0 where no foot ever stands.
    """

    speed: float
    standing: float


@dataclass(frozen=True)
class Rise:
    """How the ground rises and sinks.

    speed: m/s, vertical speed of standing feet, whichever way; that of the ground, where it rises all the time under
    somebody whose feet never stand. change: metres by which the height that the body comes down to within a second
    differs over the track. net: metres, from its beginning to its end.
    """

    speed: float
    change: float
    net: float


def drift(trajectory: BodyTrajectory) -> Drift | None:
    """The densest velocity of ankles and toes; None where the frame of reference moves, or for a few frames."""
    found = _velocities(trajectory, SHORT)
    if found is None:
        return None
    velocities = found[0].reshape(-1, 3)
    velocities = velocities[np.isfinite(velocities).all(axis=1)]
    if len(velocities) < 8:
        return None
    some = velocities[np.linspace(0, len(velocities) - 1, min(len(velocities), SAMPLES)).astype(int)]
    apart = np.einsum("id,jd->ij", some, some)
    squares = np.diag(apart)
    near = np.exp((2 * apart - squares[:, None] - squares[None]) / (2 * WIDTH**2))
    mode = _weighted(some, near[near.sum(axis=1).argmax()])
    for _ in range(5):
        mode = _weighted(some, _kernel(some - mode))
    density, at_zero = float(_kernel(some - mode).sum()), float(_kernel(some).sum())
    seconds = density / len(some) * len(velocities) * trajectory.interval
    if seconds < DENSE or np.linalg.norm(mode) > FASTEST:
        return Drift(0.0, 1.0)
    along = mode[[0, 2]] if trajectory.world else mode
    return Drift(float(np.linalg.norm(along)), float(at_zero / density))


def rise(trajectory: BodyTrajectory) -> Rise | None:
    """How standing feet rise and sink; None where there is no world, or no foot stands."""
    if trajectory.joints is None or not trajectory.world or trajectory.times[-1] - trajectory.times[0] < 2 * LEVEL:
        return None
    found = _velocities(trajectory, LONG)
    if found is None:
        return None
    velocities, feet = found
    still = np.hypot(velocities[..., 0], velocities[..., 2]) < CALM
    standing = still.any(axis=1)
    levels = _levels(trajectory)
    change, net = float(np.ptp(levels)), float(levels[-1] - levels[0])
    if standing.mean() < CALM_SHARE:
        steady = len(levels) > 2 and bool(np.all(np.diff(levels) * np.sign(net) > 0))
        return Rise(abs(net) / (LEVEL * (len(levels) - 1)) if steady else 0.0, change, net)
    lowest = np.where(still, feet[..., 1], np.inf).argmin(axis=1)[standing]
    vertical = velocities[standing, lowest, 1]
    return Rise(float(np.percentile(np.abs(vertical), RISING)), change, net)


def _levels(trajectory: BodyTrajectory) -> np.ndarray:
    """(N,) metres: the lowest joint of each second."""
    assert trajectory.joints is not None
    lowest = trajectory.joints[..., 1].min(axis=1)
    second = ((trajectory.times - trajectory.times[0]) / LEVEL).astype(int)
    second = np.minimum(second, second[-1] - 1)  # the last, incomplete one belongs to the one before
    starts = np.flatnonzero(np.diff(second, prepend=-1))
    return np.asarray(np.minimum.reduceat(lowest, starts))


def _velocities(trajectory: BodyTrajectory, seconds: float) -> tuple[np.ndarray, np.ndarray] | None:
    """Velocities (F - k,4,3) m/s of the feet over `seconds`, NaN across gaps and cuts, and their positions before."""
    if trajectory.joints is None or not trajectory.steady or trajectory.interval <= 0:
        return None
    k = max(1, round(seconds / trajectory.interval))
    if len(trajectory.times) < k + 3:
        return None
    feet = trajectory.joints[:, SMPL24.indices(FEET)]
    spans = trajectory.times[k:] - trajectory.times[:-k]
    velocities = (feet[k:] - feet[:-k]) / spans[:, None, None]
    velocities[spans > 1.5 * k * trajectory.interval] = np.nan
    if trajectory.shots is not None:
        velocities[trajectory.shots[k:] != trajectory.shots[:-k]] = np.nan
    return velocities, feet[:-k]


def _kernel(apart: np.ndarray) -> np.ndarray:
    """(N,) weights of differences (N,3)."""
    return np.asarray(np.exp(-np.einsum("nd,nd->n", apart, apart) / (2 * WIDTH**2)))


def _weighted(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.asarray(weights @ values / weights.sum())
