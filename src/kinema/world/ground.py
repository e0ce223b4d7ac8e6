"""Gravity and ground height for a static camera.

Depth is what a single camera measures worst: positions are off along the ray by a few percent of the distance, with
slowly changing errors, and a person may lean towards or away from the camera by a few degrees. Gravity is therefore
estimated from several weak cues, each with its own uncertainty:

- the ground plane through the lowest points of the feet over time, each weighted by how far an error along its ray
  would move it off the plane;
- balance: on average, the body's centre of mass lies vertically above its supporting feet;
- the vertical that the pose lifter infers from how people hold themselves and move;
- the vertical of the room, where straight lines of the background show one (`kinema.world.plumb`);
- a prior that cameras are held level: roll near zero, pitch hardly known.

They are combined in a maximum a posteriori estimate of the up direction and of the camera's height above the ground
(one ground for everybody, each person's size uncertain by several percent), by Gauss-Newton with robust weights. The
remaining uncertainty is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kinema.world.balance import LEVEL, balance_axis, tangent
from kinema.world.fitted import MEMORY, FittedTrack
from kinema.world.plumb import Plumb
from kinema.world.posture import off_feet, supports
from kinema.world.sizes import ACROSS, DEFAULT_HEIGHT, LOWEST_CAMERA, SIZE, TILT, USUAL_CAMERA, Standing, common_ground

ALONG = 0.035
"""Standard deviation of a person's distance in one fitted frame, as a fraction of it."""

NOISE_MARGIN = 2.0
"""Multiple of the variance caused by errors in depth that the spread of the feet must exceed to determine a tilt."""

LEVEL_PRIORS = (
    ((0.85, np.radians(2.0)), (0.15, np.radians(10.0))),
    ((0.80, np.radians(10.0)), (0.20, np.radians(25.0))),
)
"""Mixture priors of a camera's roll and pitch: (weight, sigma) of the common and of the unusual cameras.

Most cameras are held level and look ahead; some are tilted, or mounted high under a ceiling.
"""

WIDEST = np.array([prior[-1][1] for prior in LEVEL_PRIORS]) ** -2
"""Precision of the wide component, for roll and pitch."""

MEASURED = np.radians(0.5)
"""Sigma of a vertical that was measured: in roll and pitch."""

LIFTED_SIGMA = np.radians([3.0, 6.0])
"""Sigma of the vertical that the pose lifter infers, in roll and pitch: its error on held-out people and real views."""

RAISED = 0.2
"""Smallest height in metres above the ground at which a person counts as standing on something."""

LOWEST_SIGMA = 0.03
"""Metres: sigma of a camera's height that is below the lowest one."""

INITIAL_PERCENTILE = 80
"""Initial value of the ground: this percentile of the drops from the camera to the feet."""

TILTED = np.radians(40.0)
"""Tilt from level that is not believed where people may be off their feet."""

LOW_CAMERA = 0.3
"""Metres: a camera that is lower above the ground of people who walk is more likely tilted by a wrong posture."""

OFF_FEET = 0.05
"""Probability that people are off their feet, where they may as well stand before a tilted camera."""

POSTURES = 2
"""How often the posture is judged anew with the `up` that follows from it."""

STEADY_SECONDS, STEADY_SHARE = 0.5, 0.6
"""Seconds, and share of the frames, for which a person must stand at one height to be compared by size."""

SPREAD = 0.3
"""Spread of the feet in metres above which the ground plane is more informative than the body's axis."""

BALANCE_ITERATIONS, MIN_ITERATIONS, MAX_ITERATIONS = 4, 12, 25
"""Iterations with balance alone, minimum and maximum number of iterations."""


@dataclass(frozen=True, eq=False)
class Ground:
    """The ground in the camera's frame.

    up (3,): unit vector opposite to gravity. height: of the camera above the ground, metres. drops (P,): the same from
    each person's feet alone, at their fitted size; NaN where no feet were seen. raised (P,) bool: stands on something
    higher than the ground. tilt_sigma: of `up` in roll and pitch, degrees. height_sigma: metres. source: "feet" (plane
    and balance), "axis" (balance or the upright trunk: the feet did not spread) or "level" (no evidence: the camera is
    taken to be level). seen: fraction of frames with visible feet. spread: standard deviation of the feet on the
    ground, metres.
    """

    up: np.ndarray
    height: float
    drops: np.ndarray
    raised: np.ndarray
    factors: np.ndarray
    tilt_sigma: tuple[float, float]
    height_sigma: float
    source: str
    seen: float
    spread: float


def estimate_ground(
    tracks: Sequence[FittedTrack],
    statures: np.ndarray | None = None,
    known: np.ndarray | None = None,
    *,
    level: bool = False,
    plumb: Plumb | None = None,
) -> Ground:
    """The ground under all tracks of a clip (camera frame), each of at least one frame; without any, a level camera.

    statures (P,): of the fitted bodies, metres; None: people are not compared by size. known (P,) bool: the given ones.
    level: the camera is known to be level, as in a frame whose vertical was measured. plumb: the vertical that the
    background shows.
    """
    count = len(tracks)
    statures = np.full(count, np.nan) if statures is None else statures
    known = np.zeros(count, dtype=bool) if known is None else known
    standing = _estimate(tracks, statures, known, level, plumb)
    # What carries a body depends on where up is: a body that lies may also stand before a camera that is tilted.
    lying, up = None, LEVEL if plumb is None else plumb.up
    for _ in range(POSTURES):
        carried = _carried(tracks, up)
        if not carried:
            break
        lying = _estimate(carried, statures, known, level, plumb)
        up = lying.up if lying.up @ LEVEL > np.cos(TILTED) else LEVEL
    if lying is None and not _carried(tracks, standing.up):
        return standing
    if lying is None:
        return _estimate(_carried(tracks, standing.up), statures, known, level, plumb)
    if _carried(tracks, standing.up):
        return lying
    walks = standing.spread > SPREAD and standing.height > LOW_CAMERA
    likelier = _camera_likelihood(standing) > _camera_likelihood(lying) + np.log(OFF_FEET)
    return standing if walks or likelier else lying


def _carried(tracks: Sequence[FittedTrack], up: np.ndarray) -> list[FittedTrack]:
    """The tracks with the frames in which they are off their feet; empty if nobody ever is."""
    carried = [replace(track, off_feet=off_feet(track, up)) for track in tracks]
    return carried if any(track.on_other_parts.any() for track in carried) else []


def _camera_likelihood(ground: Ground) -> float:
    """Log of the prior density of a camera that is tilted so, and so high, above its ground."""
    basis = tangent(ground.up)
    total = -0.5 * (np.log(max(ground.height, LOWEST_CAMERA) / USUAL_CAMERA[0]) / USUAL_CAMERA[1]) ** 2
    for axis, mixture in enumerate(LEVEL_PRIORS):
        lean = _lean(ground.up, basis[axis])
        total += np.log(sum(share / sigma * np.exp(-0.5 * (lean / sigma) ** 2) for share, sigma in mixture) + 1e-300)
    return float(total)


def _estimate(
    tracks: Sequence[FittedTrack], statures: np.ndarray, known: np.ndarray, level: bool, plumb: Plumb | None
) -> Ground:
    """The ground for tracks of known posture."""
    rows = [i for i, track in enumerate(tracks) if _is_carried(track)]
    walkers = [tracks[i] for i in rows]
    # First each person separately and with the wide priors: the data then select the prior, and who shares the ground.
    up, _, drops, normal = _solve(tracks, walkers, np.zeros(len(walkers)), DEFAULT_HEIGHT, WIDEST, plumb)
    priors = np.array([MEASURED**-2 if level else _prior_precision(axis, up, normal) for axis in (0, 1)])
    sigma = _drop_sigma(walkers, drops)
    people = Standing(
        drops,
        sigma,
        np.array([track.durations.sum() for track in walkers]),
        np.array([np.median(track.root, axis=0) @ tangent(up).T for track in walkers]).reshape(-1, 2),
        statures[rows],
        known[rows],
        np.array([_is_steady(track, up, drop) for track, drop in zip(walkers, drops, strict=True)], dtype=bool),
    )
    height, together, resized = common_ground(people)
    up, height, drops, normal = _solve(tracks, walkers, together, height, priors, plumb)
    covariance = np.linalg.inv(normal)
    if not walkers and tracks:
        # Nobody's feet were in the image: the ground is put under the feet as extrapolated by the fit.
        height = float(np.median([np.median(-(track.feet @ up).min(axis=1)) for track in tracks]))
    if tracks:
        height = max(height, LOWEST_CAMERA)
    spread = _spread(walkers, up)
    upright = any(balance_axis(track, up)[0] is not None for track in tracks)
    own, raised, factors = np.full(len(tracks), np.nan), np.zeros(len(tracks), dtype=bool), np.ones(len(tracks))
    own[rows] = drops
    raised[rows] = height - drops > np.maximum(RAISED, 2.5 * sigma)
    factors[rows] = resized
    return Ground(
        up=up,
        height=height,
        drops=own,
        raised=raised,
        factors=factors,
        tilt_sigma=(float(np.degrees(np.sqrt(covariance[0, 0]))), float(np.degrees(np.sqrt(covariance[1, 1])))),
        height_sigma=float(np.sqrt(covariance[2, 2])) if walkers else 1.0,
        source="feet" if spread > SPREAD else "axis" if upright else "level",
        seen=float(np.mean(np.concatenate([track.feet_seen for track in tracks]))) if tracks else 0.0,
        spread=spread,
    )


def _is_carried(track: FittedTrack) -> bool:
    """What carries the person was seen at some time."""
    return bool((track.feet_seen | track.on_other_parts).any())


def _is_steady(track: FittedTrack, up: np.ndarray, drop: float) -> bool:
    """The person stands `drop` metres below the camera for most of the time, and not for a moment only."""
    points, weight, sigma, _ = _lowest(track, up)
    there = np.abs(-(points @ up) - drop) < 2.5 * sigma
    return bool(weight[there].sum() * MEMORY > STEADY_SECONDS and weight[there].sum() > STEADY_SHARE * weight.sum())


def _drop_sigma(walkers: Sequence[FittedTrack], drops: np.ndarray) -> np.ndarray:
    """(P,) sigma of each person's drop in metres: from their size, and from the tilt at their distance."""
    distances = np.array([np.median(np.linalg.norm(track.root - track.eyes, axis=1)) for track in walkers])
    return np.asarray(np.sqrt((SIZE * drops) ** 2 + (TILT * distances) ** 2 + ACROSS**2))


def _prior_precision(axis: int, up: np.ndarray, normal: np.ndarray) -> float:
    """Precision of one Gaussian in place of an axis' mixture prior (`LEVEL_PRIORS`), given a first solution."""
    data = max(normal[axis, axis] - WIDEST[axis], 1e-9)
    lean = _lean(up, tangent(up)[axis]) * normal[axis, axis] / data  # the estimate without the prior
    spread = [sigma**2 + 1 / data for _, sigma in LEVEL_PRIORS[axis]]
    likely = [p * np.exp(-0.5 * lean**2 / v) / np.sqrt(v) for (p, _), v in zip(LEVEL_PRIORS[axis], spread, strict=True)]
    precision = sum(share * sigma**-2 for share, (_, sigma) in zip(likely, LEVEL_PRIORS[axis], strict=True))
    return float(precision / sum(likely)) if sum(likely) > 1e-200 else float(WIDEST[axis])


def _solve(
    tracks: Sequence[FittedTrack],
    walkers: Sequence[FittedTrack],
    together: np.ndarray,
    height: float,
    priors: np.ndarray,
    plumb: Plumb | None,
) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """Up, the camera's height over the ground, each walker's own, and the normal matrix at the solution.

    together (P,) of 0 and 1: walkers whose drops are tied to the one `height`. priors (2,): precision of the prior
    that the camera is level, in roll and pitch.
    """
    up: np.ndarray = LEVEL.copy()
    drops: np.ndarray = np.zeros(len(walkers))
    normal = np.eye(3 + len(walkers))
    lifted = [(track.lifted_up, LIFTED_SIGMA, _nearness(track)) for track in tracks]
    for step in range(MAX_ITERATIONS):
        basis = tangent(up)
        if step <= BALANCE_ITERATIONS:
            firsts = [np.percentile(-(_lowest(track, up)[0] @ up), INITIAL_PERCENTILE) for track in walkers]
            drops = np.array(firsts, dtype=np.float64)
        axes = [balance_axis(track, up) for track in tracks]
        normal, right = _terms_without_plane(up, basis, (axes, lifted), height, drops, together, priors)
        if plumb is not None:
            seen = plumb.precision_along(basis)
            normal[:2, :2] += seen
            right[:2] += seen @ _offset(up, basis, plumb.up)
        if step >= BALANCE_ITERATIONS:
            # Steps and jumps give the plane local minima: first balance alone, then the plane, loosely weighted to
            # begin with.
            tolerance = max(1.0, 4.0 * 0.7 ** (step - BALANCE_ITERATIONS))
            for person, track in enumerate(walkers):
                _add_plane_terms(normal, right, track, up, basis, drops[person], 3 + person, tolerance)
        change = np.linalg.solve(normal, right)
        up = up + change[:2] @ basis
        up /= np.linalg.norm(up)
        height += float(change[2])
        drops = drops + change[3:]
        if step > MIN_ITERATIONS and np.abs(change).max() < 1e-6:
            break
    return up, height, drops, normal


# The unknowns: tilt sideways and forward (2), the camera's height above the ground (1), and each person's own drop (one
# each).


def _terms_without_plane(
    up: np.ndarray,
    basis: np.ndarray,
    cues: Sequence[Sequence[tuple[np.ndarray | None, np.ndarray, float]]],
    height: float,
    drops: np.ndarray,
    together: np.ndarray,
    priors: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Normal matrix and right-hand side of all terms but the plane: level prior, directions, shared ground.

    cues: of each kind (balance, the lifter), everybody's vertical, its sigma and its evidence.
    """
    size = 3 + len(drops)
    normal, right = np.zeros((size, size)), np.zeros(size)
    lean = np.array([_lean(up, basis[k]) for k in (0, 1)])
    normal[[0, 1], [0, 1]] += priors
    right[:2] -= priors * lean
    for axes in cues:
        evidence = sum(amount for mean, _, amount in axes if mean is not None)
        for mean, sigma, amount in axes:
            if mean is None:
                continue
            offset = _offset(up, basis, mean)
            # A fit tilts everybody in the same way, so all people together count as one observation. A body that leans
            # by many sigmas (hanging, lying) carries no information about gravity.
            weight = amount / evidence / (1.0 + np.sum((offset / sigma) ** 2) / 36.0) ** 2 / sigma**2
            normal[[0, 1], [0, 1]] += weight
            right[:2] += weight * offset
    normal[2, 2] += 1e-6
    if height < LOWEST_CAMERA:
        normal[2, 2] += LOWEST_SIGMA**-2
        right[2] += (LOWEST_CAMERA - height) / LOWEST_SIGMA**2
    for person, (drop, tied) in enumerate(zip(drops, together, strict=True)):
        tie = tied / (SIZE * max(abs(height), 0.3)) ** 2
        normal[2, 2] += tie
        normal[3 + person, 3 + person] += tie + 1e-6
        normal[2, 3 + person] -= tie
        normal[3 + person, 2] -= tie
        right[2] += tie * (drop - height)
        right[3 + person] -= tie * (drop - height)
    return normal, right


def _add_plane_terms(
    normal: np.ndarray,
    right: np.ndarray,
    track: FittedTrack,
    up: np.ndarray,
    basis: np.ndarray,
    drop: float,
    column: int,
    tolerance: float,
) -> None:
    """Add one track's lowest foot points, in place: they lie `drop` metres below the camera.

    Errors along the rays bias any fitted plane towards the rays, the more so the less the person walks about. The
    points' information about the tilt therefore counts only as far as they spread more than such errors would spread
    them.
    """
    points, weight, sigma, rays = _lowest(track, up)
    residual = -(points @ up) - drop
    # Feet in the air lie above the ground (a smaller drop) and are down-weighted; nothing lies below it.
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
    along = ALONG * rays @ basis.T
    information, directions = np.linalg.eigh(tilt)
    for k in range(2):
        direction = directions[:, k]
        noise = weight @ (along @ direction) ** 2 / max(information[k], 1e-12)
        trust = np.clip(1.0 - NOISE_MARGIN * noise, 0.0, 1.0)
        normal[:2, :2] += trust * information[k] * np.outer(direction, direction)
        right[:2] += trust * (direction @ pull) * direction


def _nearness(track: FittedTrack) -> float:
    """Seconds that a person was seen, over the square of the distance: how much the lifter saw of the person."""
    return float(track.durations.sum() / max(np.median(np.linalg.norm(track.root - track.eyes, axis=1)), 0.3) ** 2)


def _spread(walkers: Sequence[FittedTrack], up: np.ndarray) -> float:
    """Standard deviation in metres of the lowest foot points on the ground, about each person's mean."""
    if not walkers:
        return 0.0
    places = [_lowest(track, up)[0] for track in walkers]
    flat = np.concatenate([p - p.mean(axis=0) for p in places]) @ tangent(up).T
    return float(np.sqrt(np.linalg.eigvalsh(flat.T @ flat / len(flat))[-1]))


def _offset(up: np.ndarray, basis: np.ndarray, vertical: np.ndarray) -> np.ndarray:
    """(2,) tilt that leads from `up` to another vertical, along the basis (2,3)."""
    return np.asarray(basis @ (vertical - up * (vertical @ up)) / max(vertical @ up, 0.3))


def _lean(up: np.ndarray, direction: np.ndarray) -> float:
    """Radians by which `up` is tilted from level along `direction`."""
    return float(np.arctan2(-(LEVEL - up * (LEVEL @ up)) @ direction, LEVEL @ up))


def _lowest(track: FittedTrack, up: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What carries the body: points (N,3), weights (N,), sigma (N,) metres, and rays to them from the camera (N,3).

    The lowest contact point of each frame with feet, and what carries the body where it is off its feet.
    """
    standing = track.feet_seen & ~track.on_other_parts
    feet = track.feet[standing]
    points = feet[np.arange(len(feet)), (feet @ up).argmin(axis=1)]
    eyes, durations = track.eyes[standing], track.durations[standing]
    if track.on_other_parts.any():
        carrying, frames = supports(track, up)
        points, eyes = np.concatenate([points, carrying]), np.concatenate([eyes, track.eyes[frames]])
        # Which parts carry a body is known to a few centimetres, for as long as it stays: one observation.
        once = min(1.0, MEMORY / float(track.durations[track.on_other_parts].sum()))
        durations = np.concatenate([durations, once * track.durations[frames]])
    rays = points - eyes
    sigma = np.sqrt((ALONG * (rays @ up)) ** 2 + ACROSS**2)
    return points, durations / MEMORY, sigma, rays
