"""The root's path from standing feet: a standing foot does not move, and it is on the ground.

The fitted root is reliable across the viewing ray and unreliable along it, where large errors are not rare: a crouching
person is easily mistaken for one further away. Feet in contact are still and at the height of the ground. The offset
that reconciles both is smooth in time: one banded least-squares problem with three unknowns per frame.
"""

from __future__ import annotations

import numpy as np

from kinema.temporal.banded import add_second_differences, band_of_blocks, difference_coefficients, solve_band
from kinema.world.fitted import MEMORY, FittedTrack
from kinema.world.ground import RAISED
from kinema.world.ground_solver import ALONG

ACROSS = 0.02
"""Metres: sigma of the fitted root across the ray."""

STILL, STILL_MEMORY = 0.1, 0.1
"""Apparent speed (m/s) of a standing foot from errors in its leg's pose, and for how many seconds they persist."""

HEIGHT = 0.03
"""Apparent height (metres) of a standing foot above the ground from errors in its leg's pose."""

TAIL = 2.0
"""Sigmas beyond which errors in distance follow a Cauchy distribution rather than a Gaussian."""

LIFT_ITERATIONS = 4

LOWER_FLOOR, LOWER_SHARE = 0.5, 0.35
"""Minimum depth of another floor below the ground, in metres and as a fraction of the camera's height: errors in a
person's distance cause smaller depths."""

ACCELERATION = 3.0
"""m/s^2: sigma of the second derivative of the root's error."""


def steady_root(
    track: FittedTrack,
    weight: np.ndarray,
    centre: np.ndarray,
    before: np.ndarray | None = None,
    *,
    still: bool = True,
    grounded: bool = True,
) -> np.ndarray:
    """The offset (F,3) of the root of a track in the world that makes points weighted by `weight` (F,K) stand still.

    centre (3,), or (F,3) in each frame: the camera's position. before (F,3): the offset so far; where it is large, the
    fitted distance counts less (None: full weight). still: the weighted feet do not move; without it they are only held
    on the ground; grounded: they are on the ground; without it they only keep still. Solves for all frames of the track
    together.
    """
    times = track.times
    count = len(times)
    share = track.durations / MEMORY
    blocks = sight_information(track.root, centre, before) * share[:, None, None]
    right = np.zeros((count, 3))
    if grounded:
        level = standing_level(track, centre)
        up = weight * share[:, None] / HEIGHT**2
        blocks[:, 1, 1] += up.sum(axis=1)
        right[:, 1] -= np.sum(up * (track.points[..., 1] - level), axis=1)
    band = band_of_blocks(blocks, 7)
    if count > 1 and still:
        held = _held(times, weight)
        _add_stillness(band, held)
        _add_pull(right, held, np.diff(track.points, axis=0))
    if count > 2:
        add_smoothness(band, times, np.full(3, ACCELERATION))
    return solve_band(band, right)


def evidence_of_shift(
    track: FittedTrack, weight: np.ndarray, centre: np.ndarray, shift: np.ndarray
) -> tuple[float, float]:
    """By how much of `shift` (F,3) the root must be moved for weighted points to stand still: information, and pull.

    The shift is one more unknown beside the offsets of `steady_root`, which are eliminated from the normal equations:
    its estimate is pull / information, its variance 1 / information. Heights are not used: where the ground lies
    depends on the shift. weight (F,K); centre (3,) or (F,3).
    """
    times = track.times
    if len(times) < 3:
        return 0.0, 0.0
    band = band_of_blocks(sight_information(track.root, centre) * (track.durations / MEMORY)[:, None, None], 7)
    held = _held(times, weight)
    _add_stillness(band, held)
    add_smoothness(band, times, np.full(3, ACCELERATION))
    steps, own = np.diff(track.points, axis=0), np.diff(shift, axis=0)
    right, fitted = np.zeros((len(times), 3)), np.zeros((len(times), 3))
    _add_pull(right, held, np.broadcast_to(own[:, None], steps.shape))
    _add_pull(fitted, held, steps)
    back = solve_band(band, right)
    information = float(np.sum(held.sum(axis=1) * np.sum(own**2, axis=1)) - np.sum(right * back))
    pull = float(np.sum(back * fitted) - np.einsum("fk,fkc,fc->", held, steps, own))
    return information, pull


def _held(times: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(F-1,K) precision with which points weighted by (F,K) keep their place between consecutive frames."""
    return np.asarray(np.minimum(weight[1:], weight[:-1]) / (STILL**2 * STILL_MEMORY * np.diff(times)[:, None]))


def _add_stillness(band: np.ndarray, held: np.ndarray) -> None:
    total = held.sum(axis=1)
    band[1:, :, 0] += total[:, None]
    band[:-1, :, 0] += total[:, None]
    band[:-1, :, 3] -= total[:, None]


def _add_pull(right: np.ndarray, held: np.ndarray, steps: np.ndarray) -> None:
    """Add what points that move by `steps` (F-1,K,3) between frames ask for to a right-hand side (F,3), in place."""
    pull = np.einsum("fk,fkc->fc", held, steps)
    right[1:] -= pull
    right[:-1] += pull


def lift_out(track: FittedTrack, centre: np.ndarray) -> np.ndarray:
    """The offset (F,3) of the root that lifts feet from below the ground onto it, along the viewing rays.

    Feet below the floor come from a fit that is too far away. centre (3,) or (F,3): the camera's position.
    """
    offset = np.zeros_like(track.root)
    seen = track.feet_seen | track.on_other_parts
    for _ in range(LIFT_ITERATIONS):
        height = track.points[..., 1] + offset[:, None, 1]
        lowest = height == height.min(axis=1, keepdims=True)
        below = (height < 0) & (height > -lower_floor(centre)) & seen[:, None]
        offset = steady_root(track, (lowest & below).astype(float), centre, offset, still=False)
    return offset


def sight_information(root: np.ndarray, centre: np.ndarray, offset: np.ndarray | None = None) -> np.ndarray:
    """(F,3,3) inverse covariance of fitted roots (F,3) seen from `centre`: high across the ray, low along it.

    centre (3,) or (F,3); offset (F,3): the roots' offset so far; the larger along the ray, the lower the information
    along it.
    """
    ray = root - centre
    distance = np.maximum(np.linalg.norm(ray, axis=-1), 0.3)
    ray = ray / distance[:, None]
    along = ray[:, :, None] * ray[:, None, :]
    variance = (ALONG * distance) ** 2
    if offset is not None:
        variance = variance + (np.sum(ray * offset, axis=-1) / TAIL) ** 2
    return np.asarray((np.eye(3) - along) / ACROSS**2 + along / variance[:, None, None])


def standing_level(track: FittedTrack, centre: np.ndarray) -> np.ndarray:
    """Height (F,K) of what each point stands on: 0, or its own height where it is clearly on another floor."""
    height = track.points[..., 1]
    return np.where((height > -lower_floor(centre)) & (height < higher_floor(centre)), 0.0, height)


def higher_floor(centre: np.ndarray) -> float:
    """Metres above the ground from which a foot stands on something else; larger for a high camera."""
    return max(RAISED, 3 * ALONG * abs(_height(centre)))


def lower_floor(centre: np.ndarray) -> float:
    """Metres below the ground from which a foot stands on another floor; at smaller depths, the fit is wrong."""
    return max(LOWER_FLOOR, LOWER_SHARE * abs(_height(centre)))


def _height(centre: np.ndarray) -> float:
    """Of the camera at `centre`, (3,) or (F,3) in each frame, above the ground: the median of a moving one."""
    return float(centre[1]) if centre.ndim == 1 else float(np.median(centre[:, 1]))


def add_smoothness(band: np.ndarray, times: np.ndarray, sigma: np.ndarray) -> None:
    """Add squared second time derivatives of n unknowns a frame to a lower band (F, n, > 2n), in place.

    sigma (n,): their standard deviations; a second of time counts as `1 / STILL_MEMORY` observations.
    """
    share = 0.5 * (times[2:] - times[:-2]) / STILL_MEMORY
    add_second_differences(
        band, difference_coefficients(times, 2), lambda product: (product * share)[:, None] / sigma**2
    )
