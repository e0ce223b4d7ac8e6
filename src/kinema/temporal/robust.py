"""A weighted moving geometric median that does not smooth across jumps, and the distance of a track from its camera.

The filter of the NLF video pipeline (Sarandi, 2024): each value is the geometric median of its neighbours under a
kernel, found by iteratively reweighted least squares (Weiszfeld 1937). One outlier therefore moves it little. Where the
medians of the past and the future differ by more than a threshold, the track jumps, and each piece is filtered
separately.

Letters in shapes: F frames, ... any axes of points, D coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import correlate1d
from scipy.stats import chi2

from kinema.errors import ShapeError, UsageError

EPSILON = 0.05
"""Metres: distances well below this are noise and weigh alike."""
ROUNDS = 10
FAST_RATE = 40.0
"""Frames per second at and above which the longer kernels are used."""
SLOW_RATE, LOWEST_RATE = 30.0, 25.0
"""Frames per second that the shorter kernels were designed for, and the lowest at which they are used unchanged."""


def _mirrored(*half: float) -> np.ndarray:
    """A symmetric kernel, given its first half and its centre."""
    kernel = np.array([*half, *half[-2::-1]])
    kernel.flags.writeable = False
    return kernel


@dataclass(frozen=True, eq=False)
class Kernels:
    """Taps of the three filters of a track: of the pelvis, of every point, and of the distance of fitted bodies."""

    pelvis: np.ndarray
    points: np.ndarray
    distance: np.ndarray


SLOW = Kernels(_mirrored(0.01, 0.05, 0.1, 1, 2, 6), _mirrored(1, 3, 12), _mirrored(1, 2, 3))
FAST = Kernels(
    _mirrored(0.01, 0.02, 0.05, 0.1, 0.2, 1, 1.3, 2, 3.3, 6), _mirrored(1, 1.5, 3, 6, 12), _mirrored(1, 1.5, 2, 2.5, 3)
)


def kernels(fps: float, *, parity: bool = False) -> Kernels:
    """The kernels for a frame rate (frames per second).

    They were chosen for 30 and 60. Below 25 the kernels for 30 are resampled to the same span of time, so that clips
    with a low frame rate keep their movement. parity: one of the two sets at any rate, as in the original.
    """
    if not (np.isfinite(fps) and fps > 0):
        raise UsageError(f"`fps` must be a positive number, found {fps}")
    if fps >= FAST_RATE:
        return FAST
    if parity or fps >= LOWEST_RATE:
        return SLOW
    return Kernels(*(_stretched(each, fps / SLOW_RATE) for each in (SLOW.pelvis, SLOW.points, SLOW.distance)))


def _stretched(kernel: np.ndarray, rate: float) -> np.ndarray:
    """A kernel (K,) at a lower rate, as a fraction of its own: interpolated between its taps, zero beyond them."""
    centre = len(kernel) // 2
    taps = np.arange(-centre, centre + 1)
    return np.asarray(np.interp(taps / rate, [-centre - 1, *taps, centre + 1], [0, *kernel, 0]))


def robust_filter(
    values: np.ndarray,
    weights: np.ndarray | None,
    kernel: np.ndarray,
    *,
    epsilon: float = EPSILON,
    rounds: int = ROUNDS,
) -> tuple[np.ndarray, np.ndarray]:
    """The moving geometric median: values (F,...,D), weights (F,...) >= 0 -> filtered (F,...,D), new weights (F,...).

    kernel (K,) with K odd, centred. Values that are not finite or have weight 0 are ignored, and the sequence is not
    padded. Where the kernel covers no value, the result is NaN with weight 0. A new weight is the mean of the weights
    under the kernel and the last reweighting. epsilon: in the units of the values. rounds 0: the moving mean.
    """
    values, weights = _usable(values, weights)
    kernel = _taps(kernel)
    current = weights
    filtered = _mean(values, current, kernel)
    for _ in range(rounds):
        distance = np.linalg.norm(values - filtered, axis=-1)
        current = weights / (np.where(np.isfinite(distance), distance, 0.0) + epsilon)
        filtered = _mean(values, current, kernel)
    return filtered, np.nan_to_num(_mean(weights[..., None], current, kernel)[..., 0])


def find_jumps(
    values: np.ndarray,
    weights: np.ndarray | None,
    kernel: np.ndarray,
    *,
    threshold: float,
    parity: bool = False,
) -> np.ndarray:
    """The frames at which a new piece begins, sorted int (J,): values (F,D), weights (F,).

    The median of the past and this frame is compared with the median of the following frames. Their distance is largest
    just before a jump; every local maximum above `threshold` (units of the values) is one. Where one of the medians has
    no value there is no jump. parity: as in the original, that median counts as 0, so a track whose last frames are
    missing may be split there, which leaves them without a value; and the first and last frame cannot be a maximum.
    """
    values, weights = _usable(values, weights)
    if values.ndim != 2:
        raise ShapeError(f"jumps are found in one point (F, D), found {values.shape}")
    kernel = _taps(kernel)
    centre = len(kernel) // 2
    past = np.concatenate([kernel[:centre], [kernel[centre] / 2], np.zeros(centre)])
    future = np.concatenate([np.zeros(centre + 2), [kernel[centre] / 2], kernel[centre + 1 :]])
    before, after = (robust_filter(values, weights, half)[0] for half in (past, future))
    if parity:
        before, after = np.nan_to_num(before), np.nan_to_num(after)
    gap = np.nan_to_num(np.linalg.norm(before - after, axis=1), nan=0.0)
    # A plateau has no strict maximum: noise far below the threshold picks one frame of it, the same in every call.
    tied = gap + np.random.default_rng(0).normal(0, 0.001 * threshold, len(gap))
    around = np.pad(tied, 1, constant_values=np.inf if parity else -np.inf)
    highest = (tied > around[:-2]) & (tied >= around[2:]) & (gap > threshold)
    found = np.flatnonzero(highest) + 1
    return found[found < len(values)]


def filter_pieces(
    values: np.ndarray,
    weights: np.ndarray | None,
    kernel: np.ndarray,
    starts: np.ndarray,
    *,
    goes_on: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """`robust_filter` of each piece separately. starts: sorted frames at which a new piece begins, as returned by
    `find_jumps`.

    goes_on: pieces are extended beyond their ends by odd reflection about the first and the last value; otherwise the
    ends see one side only and lag behind movement.
    """
    values, weights = _usable(values, weights)
    starts = np.asarray(starts, dtype=int)
    if np.any(starts < 0) or np.any(starts > len(values)) or np.any(np.diff(starts) < 0):
        raise UsageError(f"pieces must begin in rising order within the {len(values)} frames, found {starts.tolist()}")
    pieces = zip(np.split(values, starts), np.split(weights, starts), strict=True)
    margin = len(kernel) - 1 if goes_on else 0
    done = []
    for v, w in pieces:
        longer, counted, first = _longer(v, w, margin)
        found = robust_filter(longer, counted, kernel) if len(v) else (v, w)
        done.append(tuple(each[first : first + len(v)] for each in found))
    return np.concatenate([each[0] for each in done]), np.concatenate([each[1] for each in done])


def gentle_filter(
    values: np.ndarray, weights: np.ndarray, kernel: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`filter_pieces` with pieces extended beyond their ends, and with the clear movement that it removes put back.

    A moving average cuts corners. The residual is filtered as well and added back (Tukey 1977, "twicing"), for each
    series by the share that is not noise (`given_back`).
    """
    filtered, new = filter_pieces(values, weights, kernel, starts, goes_on=True)
    left = np.asarray(values, dtype=np.float64) - filtered
    taken, _ = filter_pieces(left, weights, kernel, starts, goes_on=True)
    taken = np.nan_to_num(taken)
    share = given_back(np.mean(np.sum(taken**2, axis=-1), axis=0), noise_of(values, weights), kernel)
    return filtered + share[..., None] * taken, new


def noise_of(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The variance of the noise of each series, (...,), summed over its coordinates: values (F,...,D), weights (F,...).

    From the median of third differences, to which movement contributes little: those of white noise have 20 times its
    variance. 0 without four successive frames.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 4:
        return np.zeros(values.shape[1:-1])
    square = np.sum(np.diff(values, n=3, axis=0) ** 2, axis=-1)
    there = np.lib.stride_tricks.sliding_window_view(np.asarray(weights) > 0, 4, axis=0).all(axis=-1)
    square = np.where(there & np.isfinite(square), square, np.nan)
    known = np.isfinite(square).any(axis=0)
    middle = np.nanmedian(np.where(known, square, 0.0), axis=0)
    dimensions = values.shape[-1]
    return np.asarray(np.where(known, middle / chi2.median(dimensions) * dimensions / 20, 0.0))


def given_back(taken: np.ndarray, noise: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The share, 0..1, of movement in what a filter removes: 1 - n / `taken` (James and Stein 1961).

    taken: mean square of the filtered residual; noise: variance of the noise in the input. n, the mean square that
    noise alone would leave, is the noise's variance times the squared norm of the taps of k - k * k.
    """
    taps = np.asarray(kernel, dtype=np.float64) / np.sum(kernel)
    twice = np.convolve(taps, taps)
    twice[len(taps) // 2 : len(taps) // 2 + len(taps)] -= taps
    expected = np.sum(twice**2) * np.asarray(noise)
    share = 1 - np.divide(expected, taken, out=np.ones_like(expected), where=np.asarray(taken) > expected)
    return np.asarray(np.clip(share, 0.0, 1.0))


def distance_factors(points: np.ndarray, wanted: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """The factor by which to scale each frame about its camera so that a point gets the distance of another: (F,).

    points, wanted, camera (F,3). The factor is (wanted - c) . (p - c) / |p - c|^2, so the viewing direction of the
    point is unchanged. NaN where an input is NaN or the point coincides with the camera.
    """
    points, wanted, camera = (np.asarray(each, dtype=np.float64) for each in (points, wanted, camera))
    if points.ndim != 2 or points.shape[1] != 3 or not points.shape == wanted.shape == camera.shape:
        raise ShapeError(
            f"a track's points, wanted points and camera must each be (F, 3), found {points.shape}, {wanted.shape} "
            f"and {camera.shape}"
        )
    ray = points - camera
    square = np.sum(ray * ray, axis=1)
    along, missing = np.sum((wanted - camera) * ray, axis=1), np.full(len(ray), np.nan)
    return np.asarray(np.divide(along, square, out=missing, where=square > 0))


def scale_about(points: np.ndarray, camera: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Points (F,...,3) scaled about their frame's camera (F,3) by factors (F,)."""
    extra = (1,) * (points.ndim - 2)
    centre = camera.reshape(len(points), *extra, 3)
    return np.asarray(centre + (points - centre) * factors.reshape(len(points), *extra, 1))


def _mean(values: np.ndarray, weights: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The weighted moving mean, NaN where the kernel covers no weight."""
    total = correlate1d(weights, kernel, axis=0, mode="constant")[..., None]
    moved = correlate1d(values * weights[..., None], kernel, axis=0, mode="constant")
    return np.asarray(np.divide(moved, total, out=np.full(values.shape, np.nan), where=total > 0))


def _longer(values: np.ndarray, weights: np.ndarray, margin: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Values and weights extended by up to `margin` mirrored frames at each end, and the number of these."""
    more = min(margin, len(values) - 1)
    if more <= 0:
        return values, weights, 0
    ahead, behind = slice(more, 0, -1), slice(-2, -more - 2, -1)
    longer = np.concatenate([2 * values[:1] - values[ahead], values, 2 * values[-1:] - values[behind]])
    # Series without a value at an end have none beyond it.
    sides = [np.where(end > 0, weights[some], 0.0) for end, some in ((weights[:1], ahead), (weights[-1:], behind))]
    return longer, np.concatenate([sides[0], weights, sides[1]]), more


def _usable(values: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Values and weights as float64, with weight 0 and value 0 where a value or a weight is missing."""
    values = np.asarray(values, dtype=np.float64)
    weights = np.ones(values.shape[:-1]) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.ndim < 2 or not len(values) or weights.shape != values.shape[:-1]:
        raise ShapeError(
            f"values must be (F, ..., D) of at least one frame with weights (F, ...), found {values.shape} and "
            f"{weights.shape}"
        )
    if np.any(weights < 0):
        raise UsageError("weights must not be negative")
    there = np.isfinite(values).all(axis=-1) & np.isfinite(weights)
    return np.where(there[..., None], values, 0.0), np.where(there, weights, 0.0)


def _taps(kernel: np.ndarray) -> np.ndarray:
    kernel = np.asarray(kernel, dtype=np.float64)
    if kernel.ndim != 1 or len(kernel) % 2 == 0 or np.any(kernel < 0) or not np.all(np.isfinite(kernel)):
        raise UsageError(f"a kernel must be an odd number of taps, none negative, found {kernel.tolist()}")
    return kernel
