"""The most likely up direction and heights for some priors: the equations of `kinema.world.ground`.

The unknowns are the tilt of `up` (2: sideways and forward), the camera's height above the ground (1), and each walker's
own drop from the camera to the feet (one each). Gauss-Newton with robust weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.world.balance import LEVEL, balance_axis, tangent
from kinema.world.fitted import MEMORY, FittedTrack
from kinema.world.plumb import Plumb
from kinema.world.posture import supports
from kinema.world.sizes import ACROSS, LOWEST_CAMERA, SIZE

ALONG = 0.035
"""Standard deviation of a person's distance in one fitted frame, as a fraction of it."""

NOISE_MARGIN = 2.0
"""Multiple of the variance caused by errors in depth that the spread of the feet must exceed to determine a tilt."""

LIFTED_SIGMA = np.radians([3.0, 6.0])
"""Sigma of the vertical that the pose lifter infers, in roll and pitch: its error on held-out people and real views."""

SHARED = 0.65
"""Correlation of the errors of both verticals that people show, balance and the lifter's, about the mean of roll's and
pitch's (`benchmarks/vertical_errors.py`): a body is fitted leaning as it was lifted."""

LOWEST_SIGMA = 0.03
"""Metres: softness of the lower limit of the camera's height."""

INITIAL_PERCENTILE = 80
"""Initial value of the ground: this percentile of the drops from the camera to the feet."""

BALANCE_ITERATIONS, MIN_ITERATIONS, MAX_ITERATIONS = 4, 12, 25
"""Iterations with balance alone, minimum and maximum number of iterations."""


def solve_ground(
    tracks: Sequence[FittedTrack],
    walkers: Sequence[FittedTrack],
    together: np.ndarray,
    height: float,
    priors: np.ndarray,
    plumb: Plumb | None,
) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """Up, the camera's height over the ground, each walker's own, and the normal matrix at the solution, without the
    lower limit of the camera's height: a limit is not a measurement and makes nothing surer.

    together (P,) of 0 and 1: walkers whose drops are tied to the one `height`. priors (2,): precision of the prior
    that the camera is level, in roll and pitch.
    """
    up: np.ndarray = LEVEL.copy()
    drops: np.ndarray = np.zeros(len(walkers))
    normal = np.eye(3 + len(walkers))
    limit: np.ndarray = np.zeros_like(normal)
    lifted = [(track.lifted_up, LIFTED_SIGMA, _nearness(track)) for track in tracks]
    for step in range(MAX_ITERATIONS):
        basis = tangent(up)
        if step <= BALANCE_ITERATIONS:
            firsts = [np.percentile(-(carrying_points(track, up)[0] @ up), INITIAL_PERCENTILE) for track in walkers]
            drops = np.array(firsts, dtype=np.float64)
        axes = [balance_axis(track, up) for track in tracks]
        normal, right = _terms_without_plane(up, basis, (axes, lifted), height, drops, together, priors)
        limit = np.zeros_like(normal)
        if height < LOWEST_CAMERA:
            limit[2, 2] = LOWEST_SIGMA**-2
            right[2] += limit[2, 2] * (LOWEST_CAMERA - height)
        normal += limit
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
    return up, height, drops, normal - limit


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
    lean = np.array([tilt_along(up, basis[k]) for k in (0, 1)])
    normal[[0, 1], [0, 1]] += priors
    right[:2] -= priors * lean
    known = [sum(amount for mean, _, amount in axes if mean is not None) for axes in cues]
    # The variance of the mean of two equally uncertain estimates grows by this factor if their errors are correlated.
    both = 1.0 + SHARED if all(known) else 1.0
    for axes, evidence in zip(cues, known, strict=True):
        for mean, sigma, amount in axes:
            if mean is None:
                continue
            offset = _offset(up, basis, mean)
            # A fit tilts everybody in the same way, so all people together count as one observation. A body that leans
            # by many sigmas (hanging, lying) carries no information about gravity.
            leaning = 1.0 + np.sum((offset / sigma) ** 2) / 36.0
            weight = amount / evidence / leaning**2 / (sigma**2 * both)
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
    points, weight, sigma, rays = carrying_points(track, up)
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


def _offset(up: np.ndarray, basis: np.ndarray, vertical: np.ndarray) -> np.ndarray:
    """(2,) tilt that leads from `up` to another vertical, along the basis (2,3)."""
    return np.asarray(basis @ (vertical - up * (vertical @ up)) / max(vertical @ up, 0.3))


def tilt_along(up: np.ndarray, direction: np.ndarray) -> float:
    """Radians by which `up` is tilted from level along `direction`."""
    return float(np.arctan2(-(LEVEL - up * (LEVEL @ up)) @ direction, LEVEL @ up))


def carrying_points(track: FittedTrack, up: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points that carry the body (N,3), weights (N,), sigma (N,) metres, and rays from the camera to the points (N,3).

    The lowest contact point of each frame on feet, and other supporting parts in frames off the feet.
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
