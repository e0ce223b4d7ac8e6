"""Which way is up, and where the ground lies, for a camera that stands still.

One camera sees a person's distance worst: positions are wrong along the ray by some per cent of the
distance, slowly changing, and a person may lean towards or away from the camera by some degrees. What is
known about gravity therefore comes from several weak sources, each with its own uncertainty:

- the ground plane through the lowest points of the feet over time, each trusted as far as an error along
  its own ray lets it leave the plane;
- balance: on average the body's centre of mass lies straight above the feet that carry it;
- the habit of holding cameras level: roll near zero, pitch hardly known.

They are weighed together as a maximum a posteriori estimate of the up direction and of the camera's height
over the ground (one ground for everybody, each person's size uncertain by some per cent), by Gauss-Newton
with robust weights. The spread that remains is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinema.world.balance import LEVEL, balance_axis, tangent
from kinema.world.fitted import MEMORY, FittedTrack

ALONG = 0.035
"""Standard deviation of a person's distance, as a share of it: what one fitted frame is worth."""

ACROSS = 0.03
"""Metres: how far a foot's lowest point lies off the ground for other reasons (pose, shoe, swing)."""

NOISE_MARGIN = 2.0
"""The feet must spread by so many times what errors of the distance explain (variances) to tell a tilt."""

SIZE = 0.08
"""Standard deviation of a person's fitted size, as a share: everybody stands on one ground but for this."""

HABITS = (
    ((0.85, np.radians(2.0)), (0.15, np.radians(10.0))),
    ((0.80, np.radians(10.0)), (0.20, np.radians(25.0))),
)
"""How far a camera is turned about its viewing axis, and up or down: (share, sigma) of most and of the others.

Most cameras are held level and look ahead; some hang askew, or high under a ceiling.
"""

WIDEST = np.array([habit[-1][1] for habit in HABITS]) ** -2

RAISED = 0.2
"""Metres over the ground from which a person stands on something, at least."""

TILT = np.radians(2.5)
"""How far `up` is expected to be off, where people's heights are compared over their distances."""

NO_HEIGHT = 1.5
"""Metres above the ground at which a camera is put that saw nobody."""

FIRST_PERCENTILE = 80
"""Where the search for the ground begins among the drops from the camera to the feet: low, but not lowest."""

SPREAD = 0.3
"""Metres over which the feet must spread before they say more about the ground than the body's axis does."""

BALANCE_ROUNDS, LEAST_ROUNDS, ROUNDS = 4, 12, 25
"""Rounds with the balance alone, rounds at least, rounds at most."""


@dataclass(frozen=True, eq=False)
class Ground:
    """The ground in the camera's frame.

    up (3,): unit vector against gravity. height: metres from the ground up to the camera. drops (P,): the
    same in each person's own size, as their feet say; NaN where no feet were seen. raised (P,) bool: stands
    on something higher than the ground. tilt_sigma: degrees (about the viewing axis, up and down) that `up`
    may be off. height_sigma: metres. source: "feet" (plane and balance), "axis" (balance or the upright
    trunk: the feet did not spread) or "level" (nothing to go by: the camera's own vertical). seen: share of
    frames with feet to go by. spread: metres over which the feet spread on the ground (standard deviation).
    """

    up: np.ndarray
    height: float
    drops: np.ndarray
    raised: np.ndarray
    tilt_sigma: tuple[float, float]
    height_sigma: float
    source: str
    seen: float
    spread: float


def estimate_ground(tracks: Sequence[FittedTrack]) -> Ground:
    """The ground under all tracks of a clip (camera frame), each of at least one frame; nobody: a level camera."""
    walkers = [track for track in tracks if track.feet_seen.any()]
    # First everybody for themselves and with the widest habits, so that the data say which camera this is, and
    # who stands on the same ground.
    up, _, drops, normal = _solve(tracks, walkers, np.zeros(len(walkers)), NO_HEIGHT, WIDEST)
    habits = np.array([_habit(axis, up, normal) for axis in (0, 1)])
    sigma = _drop_sigma(walkers, drops)
    height, together = _one_ground(drops, sigma, np.array([track.durations.sum() for track in walkers]))
    up, height, drops, normal = _solve(tracks, walkers, together, height, habits)
    covariance = np.linalg.inv(normal)
    if not walkers and tracks:
        # Nobody's feet were in the picture: the ground is put under the feet that the fit imagines.
        height = float(np.median([np.median(-(track.feet @ up).min(axis=1)) for track in tracks]))
    spread = _spread(walkers, up)
    upright = any(balance_axis(track, up)[0] is not None for track in tracks)
    own, raised = np.full(len(tracks), np.nan), np.zeros(len(tracks), dtype=bool)
    rows = [i for i, track in enumerate(tracks) if track.feet_seen.any()]
    own[rows] = drops
    raised[rows] = height - drops > np.maximum(RAISED, 2.5 * sigma)
    return Ground(
        up=up,
        height=height,
        drops=own,
        raised=raised,
        tilt_sigma=(float(np.degrees(np.sqrt(covariance[0, 0]))), float(np.degrees(np.sqrt(covariance[1, 1])))),
        height_sigma=float(np.sqrt(covariance[2, 2])) if walkers else 1.0,
        source="feet" if spread > SPREAD else "axis" if upright else "level",
        seen=float(np.mean(np.concatenate([track.feet_seen for track in tracks]))) if tracks else 0.0,
        spread=spread,
    )


def _drop_sigma(walkers: Sequence[FittedTrack], drops: np.ndarray) -> np.ndarray:
    """(P,) metres that each person's drop may be off: their size, and the tilt over their distance."""
    away = np.array([np.median(np.linalg.norm(track.root, axis=1)) for track in walkers])
    return np.sqrt((SIZE * drops) ** 2 + (TILT * away) ** 2 + ACROSS**2)


def _one_ground(drops: np.ndarray, sigma: np.ndarray, seconds: np.ndarray) -> tuple[float, np.ndarray]:
    """The drop that most people share, and who shares it, (P,) of 0 and 1.

    Each person's drop is tried as the ground. Whoever agrees speaks for it; whoever stands higher, hardly
    (a step, a container); whoever would stand below it speaks against.
    """
    if not len(drops):
        return NO_HEIGHT, np.zeros(0)
    voice = seconds / (1 + (sigma / 0.3) ** 2)
    best, chosen = -np.inf, 0
    for i, drop in enumerate(drops):
        away = (drops - drop) / np.hypot(sigma, sigma[i])
        said = np.where(np.abs(away) < 2.0, 1.0, np.where(away < 0, 0.25, -1.0))
        if said @ voice > best:
            best, chosen = float(said @ voice), i
    together = np.abs(drops - drops[chosen]) / np.hypot(sigma, sigma[chosen]) < 2.0
    return float(np.average(drops[together], weights=voice[together] + 1e-9)), together.astype(float)


def _habit(axis: int, up: np.ndarray, normal: np.ndarray) -> float:
    """What a camera's `HABITS` about an axis are worth as one Gaussian: its precision, given a first solution."""
    data = max(normal[axis, axis] - WIDEST[axis], 1e-9)
    lean = _lean(up, tangent(up)[axis]) * normal[axis, axis] / data  # what the data say without a habit
    spread = [sigma**2 + 1 / data for _, sigma in HABITS[axis]]
    likely = [p * np.exp(-0.5 * lean**2 / v) / np.sqrt(v) for (p, _), v in zip(HABITS[axis], spread, strict=True)]
    precision = sum(share * sigma**-2 for share, (_, sigma) in zip(likely, HABITS[axis], strict=True))
    return float(precision / sum(likely)) if sum(likely) > 1e-200 else float(WIDEST[axis])


def _solve(
    tracks: Sequence[FittedTrack],
    walkers: Sequence[FittedTrack],
    together: np.ndarray,
    height: float,
    habits: np.ndarray,
) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """Up, the camera's height over the ground, each walker's own, and the normal matrix at the solution.

    together (P,) of 0 and 1: walkers whose drops are tied to the one `height`. habits (2,): precision of the
    camera's being level, about its viewing axis and up or down.
    """
    up: np.ndarray = LEVEL.copy()
    drops: np.ndarray = np.zeros(len(walkers))
    normal = np.eye(3 + len(walkers))
    for step in range(ROUNDS):
        basis = tangent(up)
        if step <= BALANCE_ROUNDS:
            firsts = [np.percentile(-(_lowest(track, up)[0] @ up), FIRST_PERCENTILE) for track in walkers]
            drops = np.array(firsts, dtype=np.float64)
        axes = [balance_axis(track, up) for track in tracks]
        normal, right = _prior(up, basis, axes, height, drops, together, habits)
        if step >= BALANCE_ROUNDS:
            # A plane has false resting places among steps and jumps: first balance alone, then the plane, tolerant
            # to begin with.
            tolerance = max(1.0, 4.0 * 0.7 ** (step - BALANCE_ROUNDS))
            for person, track in enumerate(walkers):
                _add_plane(normal, right, track, up, basis, drops[person], 3 + person, tolerance)
        change = np.linalg.solve(normal, right)
        up = up + change[:2] @ basis
        up /= np.linalg.norm(up)
        height += float(change[2])
        drops = drops + change[3:]
        if step > LEAST_ROUNDS and np.abs(change).max() < 1e-6:
            break
    return up, height, drops, normal


# The unknowns of a round: tilt to the side and forward (2), the camera's height over the ground (1), and its
# height in each person's own size (one each).


def _prior(
    up: np.ndarray,
    basis: np.ndarray,
    axes: Sequence[tuple[np.ndarray | None, np.ndarray, float]],
    height: float,
    drops: np.ndarray,
    together: np.ndarray,
    habits: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Normal matrix and right side of what is known without the plane: habit, upright bodies, one ground."""
    size = 3 + len(drops)
    normal, right = np.zeros((size, size)), np.zeros(size)
    lean = np.array([_lean(up, basis[k]) for k in (0, 1)])
    normal[[0, 1], [0, 1]] += habits
    right[:2] -= habits * lean
    evidence = sum(amount for mean, _, amount in axes if mean is not None)
    for mean, sigma, amount in axes:
        if mean is None:
            continue
        offset = basis @ (mean - up * (mean @ up)) / max(mean @ up, 0.3)
        # One fit leans everybody the same way, so people share one voice. A body that leans by many sigmas
        # (hanging on something, lying) says nothing about gravity.
        weight = amount / evidence / (1.0 + np.sum((offset / sigma) ** 2) / 36.0) ** 2 / sigma**2
        normal[[0, 1], [0, 1]] += weight
        right[:2] += weight * offset
    normal[2, 2] += 1e-6
    for person, (drop, tied) in enumerate(zip(drops, together, strict=True)):
        tie = tied / (SIZE * max(abs(height), 0.3)) ** 2
        normal[2, 2] += tie
        normal[3 + person, 3 + person] += tie + 1e-6
        normal[2, 3 + person] -= tie
        normal[3 + person, 2] -= tie
        right[2] += tie * (drop - height)
        right[3 + person] -= tie * (drop - height)
    return normal, right


def _add_plane(
    normal: np.ndarray,
    right: np.ndarray,
    track: FittedTrack,
    up: np.ndarray,
    basis: np.ndarray,
    drop: float,
    column: int,
    tolerance: float,
) -> None:
    """Add what one track's lowest foot points say, in place: they lie `drop` metres below the camera.

    Points that are wrong along their rays make any plane lean towards the rays, the more so the less the
    person walks about. What they say about the tilt therefore counts only as far as the points spread
    more than such errors would spread them.
    """
    points, weight, sigma = _lowest(track, up)
    residual = -(points @ up) - drop
    # Feet in the air lie above the ground (a smaller drop) and fade out sooner; nothing lies below it.
    width = np.where(residual > 0, 4.0, 2.5) * sigma * tolerance
    weight = weight / sigma**2 / (1.0 + (residual / width) ** 2) ** 2
    total = weight.sum()
    middle = weight @ points / total
    mean = float(weight @ residual) / total
    row = np.zeros(len(right))
    row[:2], row[column] = -(basis @ middle), -1.0
    normal += total * np.outer(row, row)
    right -= total * mean * row

    flat = (points - middle) @ basis.T
    tilt = (flat * weight[:, None]).T @ flat
    pull = (flat * weight[:, None]).T @ (residual - mean)
    along = ALONG * points @ basis.T
    said, directions = np.linalg.eigh(tilt)
    for k in range(2):
        direction = directions[:, k]
        noise = weight @ (along @ direction) ** 2 / max(said[k], 1e-12)
        trust = np.clip(1.0 - NOISE_MARGIN * noise, 0.0, 1.0)
        normal[:2, :2] += trust * said[k] * np.outer(direction, direction)
        right[:2] += trust * (direction @ pull) * direction


def _spread(walkers: Sequence[FittedTrack], up: np.ndarray) -> float:
    """Metres over which the lowest foot points spread on the ground, each person about their own middle."""
    if not walkers:
        return 0.0
    places = [_lowest(track, up)[0] for track in walkers]
    flat = np.concatenate([p - p.mean(axis=0) for p in places]) @ tangent(up).T
    return float(np.sqrt(np.linalg.eigvalsh(flat.T @ flat / len(flat))[-1]))


def _lean(up: np.ndarray, direction: np.ndarray) -> float:
    """Radians by which `up` has turned away from level along `direction`."""
    return float(np.arctan2(-(LEVEL - up * (LEVEL @ up)) @ direction, LEVEL @ up))


def _lowest(track: FittedTrack, up: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The lowest contact point of each frame with feet: points (N,3), weights (N,), sigma (N,) metres."""
    feet = track.feet[track.feet_seen]
    points = feet[np.arange(len(feet)), (feet @ up).argmin(axis=1)]
    sigma = np.sqrt((ALONG * (points @ up)) ** 2 + ACROSS**2)
    return points, track.durations[track.feet_seen] / MEMORY, sigma
