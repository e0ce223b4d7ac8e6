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
(one ground for everybody, each person's size uncertain by several percent), by Gauss-Newton with robust weights
(`kinema.world.ground_solver`). The remaining uncertainty is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kinema.world.balance import LEVEL, balance_axis, tangent
from kinema.world.fitted import MEMORY, FittedTrack
from kinema.world.ground_solver import carrying_points, solve_ground, tilt_along
from kinema.world.plumb import Plumb
from kinema.world.posture import off_feet
from kinema.world.sizes import ACROSS, DEFAULT_HEIGHT, LOWEST_CAMERA, SIZE, TILT, USUAL_CAMERA, Standing, common_ground

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
"""Sigma of a measured vertical, in roll and pitch."""

RAISED = 0.2
"""Smallest height in metres above the ground at which a person counts as standing on something."""

TILTED = np.radians(40.0)
"""Tilt from level above which `up` is not believed if people may be off their feet."""

LOW_CAMERA = 0.3
"""Metres: below this height above walking people's ground, a camera is more likely tilted by a wrong posture."""

OFF_FEET = 0.05
"""Prior probability that people are off their feet, if they may as well stand in front of a tilted camera."""

POSTURES = 2
"""Rounds of estimating the posture and then `up` from it."""

STEADY_SECONDS, STEADY_SHARE = 0.5, 0.6
"""Seconds, and share of the frames, for which a person must stand at one height to be compared by size."""

SPREAD = 0.3
"""Spread of the feet in metres above which the ground plane is more informative than the body's axis."""


@dataclass(frozen=True, eq=False)
class Ground:
    """The ground in the camera's frame.

    up (3,): unit vector opposite to gravity. height: of the camera above the ground, metres. drops (P,): the same from
    each person's feet alone, at their fitted size; NaN where no feet were seen. raised (P,) bool: stands on something
    higher than the ground. factors (P,): by which people are resized to stand on it. tilt_sigma: of `up` in roll and
    pitch, degrees. height_sigma: metres. source: "feet" (plane and balance), "axis" (balance or the upright trunk: the
    feet did not spread) or "level" (no evidence: the camera is taken to be level). seen: fraction of frames with
    visible feet. spread: standard deviation of the feet on the ground, metres.
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
    # Which parts carry a body depends on `up`: a lying body may also stand in front of a tilted camera.
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
    """Log prior density of the camera's tilt and of its height above the ground."""
    basis = tangent(ground.up)
    total = -0.5 * (np.log(max(ground.height, LOWEST_CAMERA) / USUAL_CAMERA[0]) / USUAL_CAMERA[1]) ** 2
    for axis, mixture in enumerate(LEVEL_PRIORS):
        lean = tilt_along(ground.up, basis[axis])
        total += np.log(sum(share / sigma * np.exp(-0.5 * (lean / sigma) ** 2) for share, sigma in mixture) + 1e-300)
    return float(total)


def _estimate(
    tracks: Sequence[FittedTrack], statures: np.ndarray, known: np.ndarray, level: bool, plumb: Plumb | None
) -> Ground:
    """The ground for tracks of known posture."""
    rows = [i for i, track in enumerate(tracks) if _is_carried(track)]
    walkers = [tracks[i] for i in rows]
    # First each person separately and with the wide priors: the data then select the prior, and who shares the ground.
    up, _, drops, normal = solve_ground(tracks, walkers, np.zeros(len(walkers)), DEFAULT_HEIGHT, WIDEST, plumb)
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
    up, height, drops, normal = solve_ground(tracks, walkers, together, height, priors, plumb)
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
    """Whether the parts that carry the person were seen at some time."""
    return bool((track.feet_seen | track.on_other_parts).any())


def _is_steady(track: FittedTrack, up: np.ndarray, drop: float) -> bool:
    """Whether the person stands `drop` metres below the camera most of the time, and not only for a moment."""
    points, weight, sigma, _ = carrying_points(track, up)
    there = np.abs(-(points @ up) - drop) < 2.5 * sigma
    return bool(weight[there].sum() * MEMORY > STEADY_SECONDS and weight[there].sum() > STEADY_SHARE * weight.sum())


def _drop_sigma(walkers: Sequence[FittedTrack], drops: np.ndarray) -> np.ndarray:
    """(P,) sigma of each person's drop in metres: from their size, and from the tilt at their distance."""
    distances = np.array([np.median(np.linalg.norm(track.root - track.eyes, axis=1)) for track in walkers])
    return np.asarray(np.sqrt((SIZE * drops) ** 2 + (TILT * distances) ** 2 + ACROSS**2))


def _prior_precision(axis: int, up: np.ndarray, normal: np.ndarray) -> float:
    """Precision of one Gaussian in place of an axis' mixture prior (`LEVEL_PRIORS`), given a first solution."""
    data = max(normal[axis, axis] - WIDEST[axis], 1e-9)
    lean = tilt_along(up, tangent(up)[axis]) * normal[axis, axis] / data  # the estimate without the prior
    spread = [sigma**2 + 1 / data for _, sigma in LEVEL_PRIORS[axis]]
    likely = [p * np.exp(-0.5 * lean**2 / v) / np.sqrt(v) for (p, _), v in zip(LEVEL_PRIORS[axis], spread, strict=True)]
    precision = sum(share * sigma**-2 for share, (_, sigma) in zip(likely, LEVEL_PRIORS[axis], strict=True))
    return float(precision / sum(likely)) if sum(likely) > 1e-200 else float(WIDEST[axis])


def _spread(walkers: Sequence[FittedTrack], up: np.ndarray) -> float:
    """Standard deviation in metres of the lowest foot points on the ground, about each person's mean."""
    if not walkers:
        return 0.0
    places = [carrying_points(track, up)[0] for track in walkers]
    flat = np.concatenate([p - p.mean(axis=0) for p in places]) @ tangent(up).T
    return float(np.sqrt(np.linalg.eigvalsh(flat.T @ flat / len(flat))[-1]))
