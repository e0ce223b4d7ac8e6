"""Temporal filters: pure functions on arrays whose first axis is time.

Every filter takes `values` (F, ...) and their `times` (F,) in seconds, uses the true times (a variable
frame rate needs no resampling, `butterworth` excepted) and returns an array of the same shape. All are
zero-phase, that is without lag, except a forward-only `one_euro`. A clip shorter than the filter's
window is smoothed with the frames it has.

The strength of all filters has one unit: `seconds`, the length of the moving average that reduces white noise by as
much (the inverse of the noise-equivalent bandwidth). White noise in
a clip with frame interval dt falls to sqrt(dt / seconds) of its amplitude. The functions `*_for` convert it
to each filter's own parameter.

These functions do not handle rotations, gaps or missing values: see `kinema.refinement.filtering`.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import solveh_banded
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import csr_matrix

from kinema.errors import UsageError
from kinema.temporal.banded import roughness_band
from kinema.temporal.resampling import resample_linear

GAUSSIAN_REACH = 4.0
"""Standard deviations at which the Gaussian kernel is truncated (scipy's default, too)."""

WORST_CONDITION = 1e13
"""Largest condition number allowed in `whittaker`: leaves three accurate digits."""


# --- from the equivalent length of a moving average, in seconds, to each filter's own parameter ---


def sigma_for(seconds: float) -> float:
    """Standard deviation in seconds of the Gaussian: its kernel's energy is 1 / (2 sqrt(pi) sigma)."""
    return seconds / (2 * math.sqrt(math.pi))


def window_for(seconds: float) -> float:
    """Window in seconds of the Savitzky-Golay filter of degree 2 or 3: its kernel's energy is 9 / (4 window)."""
    return 2.25 * seconds


def cutoff_for(seconds: float, order: int) -> float:
    """Cut-off (Hz, gain 1/2) of a response 1 / (1 + (f/cutoff)^(2 order)): `whittaker` and `butterworth`."""
    half = math.pi / (2 * order)
    energy = 2 * (1 - 1 / (2 * order)) * half / math.sin(half)
    return 1 / (seconds * energy)


def min_cutoff_for(seconds: float) -> float:
    """Cut-off at rest (Hz) of the one-euro filter: an exponential average has energy pi * cutoff."""
    return 1 / (math.pi * seconds)


# --- the filters ---


def savgol(values: np.ndarray, times: np.ndarray, *, window: float, degree: int = 2) -> np.ndarray:
    """Savitzky-Golay: a polynomial fitted to the frames of a window, evaluated at the frame itself.

    window: seconds. Near the ends the window keeps its length and the polynomial is evaluated off-centre.
    Polynomials up to `degree` pass unchanged, at any frame times. At uniform times it equals
    `scipy.signal.savgol_filter(mode="interp")`.
    """
    _check_degree(degree)
    return _local_polynomial(values, times, _positive(window, "window") / 2, degree, None)


def gaussian(values: np.ndarray, times: np.ndarray, *, sigma: float) -> np.ndarray:
    """Gaussian average of standard deviation `sigma` seconds.

    A straight line is fitted under the kernel instead of a constant: at uniform times that is the same away
    from the ends, and it neither bends the ends nor is biased towards densely sampled times.
    """
    sigma = _positive(sigma, "sigma")
    return _local_polynomial(values, times, GAUSSIAN_REACH * sigma, 1, sigma)


def whittaker(
    values: np.ndarray, times: np.ndarray, *, cutoff: float, order: int = 2, weights: np.ndarray | None = None
) -> np.ndarray:
    """Whittaker-Henderson smoothing: the curve nearest to the values whose `order`-th derivative is small.

    Minimises sum w (y - x)^2 + lambda sum (d^order y / dt^order)^2 with one banded solve, O(F) (Eilers
    2003, "A perfect smoother", with divided differences for non-uniform times). Its response is that of a
    zero-phase Butterworth filter, 1 / (1 + (f/cutoff)^(2 order)), and it needs no padding: polynomials of
    degree below `order` pass unchanged, ends included. cutoff: Hz. weights (F,): of the frames;
    frames of weight 0 are interpolated. If the frame rate is so far above the cut-off that the equations would lose
    more than half of their digits, the order is lowered.
    """
    values, times = _arrays(values, times)
    cutoff = _positive(cutoff, "cutoff")
    if order not in (1, 2, 3):
        raise UsageError(f"whittaker: order must be 1, 2 or 3, found {order}")
    order = min(order, len(times) - 1)
    if order < 1:
        return values.copy()
    # The part that passes unchanged is removed first, so that rounding affects only the rest.
    powers = np.vander(2 * (times - times[0]) / (times[-1] - times[0]) - 1, order)
    data = np.ones(len(times)) if weights is None else np.asarray(weights, dtype=np.float64)
    interval = (times[-1] - times[0]) / (len(times) - 1)
    while order > 1 and (0.5 / (np.diff(times).min() * cutoff)) ** (2 * order) > WORST_CONDITION:
        order -= 1
    penalty = (2 * math.pi * cutoff) ** (-2 * order)
    band = roughness_band(times, order) * (penalty / interval)
    band[0] += data
    flat = values.reshape(len(values), -1)
    trend = powers @ np.linalg.lstsq(powers, flat, rcond=None)[0]
    rest = solveh_banded(band, data[:, None] * (flat - trend), lower=True, check_finite=False)
    return np.asarray((trend + rest).reshape(values.shape))


def butterworth(values: np.ndarray, times: np.ndarray, *, cutoff: float) -> np.ndarray:
    """Butterworth low-pass of second order, run forward and backward (zero phase, so fourth order), cutoff in Hz.

    At `cutoff` the gain of both passes together is 1/2. Non-uniform times are resampled to a uniform grid
    and back, linearly: prefer `whittaker` there.
    """
    from scipy.signal import butter, sosfiltfilt  # the import takes half a second

    values, times = _arrays(values, times)
    cutoff = _positive(cutoff, "cutoff")
    if len(times) < 3:
        return values.copy()
    steps = np.diff(times)
    interval = float(np.median(steps))
    if 2 * cutoff * interval >= 0.98:
        return values.copy()  # the cut-off is above the Nyquist frequency
    even = bool(np.all(np.abs(steps - interval) < 0.02 * interval))
    flat = values.reshape(len(values), -1)
    if not even:
        count = max(3, math.ceil((times[-1] - times[0]) / steps.min()) + 1) if steps.min() > interval / 4 else 0
        count = count or math.ceil(4 * (times[-1] - times[0]) / interval) + 1
        grid = np.linspace(times[0], times[-1], count)
        flat = resample_linear(flat, times, grid)
        interval = grid[1] - grid[0]
    sos = butter(2, cutoff, fs=1 / interval, output="sos")
    # Odd extension over two periods of the cut-off: shorter ones leave a transient at the ends.
    pad = min(len(flat) - 1, math.ceil(2 / (cutoff * interval)))
    flat = sosfiltfilt(sos, flat, axis=0, padtype="odd", padlen=pad)
    if not even:
        flat = resample_linear(flat, grid, times)
    return flat.reshape(values.shape)


def median(values: np.ndarray, times: np.ndarray, *, window: float) -> np.ndarray:
    """Median of each coordinate over a window of `window` seconds, truncated at the ends: removes single spikes."""
    values, times = _arrays(values, times)
    index, inside = _windows(times, _positive(window, "window") / 2, keep_whole=False)
    flat = values.reshape(len(values), -1)
    out = np.empty_like(flat)
    for rows in _chunks(len(flat), index.shape[1] * flat.shape[1]):
        out[rows] = np.nanmedian(np.where(inside[rows, :, None], flat[index[rows]], np.nan), axis=1)
    return out.reshape(values.shape)


def medoid_indices(quaternions: np.ndarray, times: np.ndarray, *, window: float) -> np.ndarray:
    """The medoid of rotations: for each frame, the frame of its window with the least summed angle to the others.

    quaternions (F, J, 4) of unit length. Returns (F, J) int frame indices.
    """
    quaternions, times = _arrays(quaternions, times)
    index, inside = _windows(times, _positive(window, "window") / 2, keep_whole=False)
    out = np.empty(quaternions.shape[:2], dtype=np.int64)
    for rows in _chunks(len(quaternions), index.shape[1] ** 2 * quaternions.shape[1]):
        gathered = quaternions[index[rows]]  # (n, W, J, 4)
        cosine = np.abs(np.einsum("fajc,fbjc->fjab", gathered, gathered)).clip(max=1.0)
        angle = np.arccos(cosine) * inside[rows, None, None, :]
        total = np.where(inside[rows, None, :], angle.sum(axis=-1), np.inf)
        out[rows] = np.take_along_axis(index[rows], total.argmin(axis=-1), axis=1)
    return out


def one_euro(
    values: np.ndarray,
    times: np.ndarray,
    *,
    min_cutoff: float,
    beta: float,
    d_cutoff: float = 1.0,
    axes: int = 1,
    zero_phase: bool = False,
) -> np.ndarray:
    """The one-euro filter (Casiez, Roussel and Vogel 2012): an exponential average whose cut-off rises with speed.

    min_cutoff: Hz at rest. beta: Hz per unit of speed. d_cutoff: Hz, for the speed itself. axes: how many
    trailing axes share one speed; 1 (points or quaternions) makes the result independent of the
    coordinate system, 0 filters each coordinate by its own speed, as published. Causal, so it lags;
    zero_phase averages it with a pass backward in time.
    """
    values, times = _arrays(values, times)
    _positive(min_cutoff, "min_cutoff")
    _positive(d_cutoff, "d_cutoff")
    if beta < 0:
        raise UsageError(f"filter: beta must not be negative, found {beta}")
    forward = _one_euro_pass(values, times, min_cutoff, beta, d_cutoff, axes)
    if not zero_phase:
        return forward
    backward = _one_euro_pass(values[::-1], -times[::-1], min_cutoff, beta, d_cutoff, axes)[::-1]
    return np.asarray(0.5 * (forward + backward))


def _one_euro_pass(
    values: np.ndarray, times: np.ndarray, min_cutoff: float, beta: float, d_cutoff: float, axes: int
) -> np.ndarray:
    out = values.copy()
    speed_axes = tuple(range(-axes, 0))
    slope = np.zeros(values.shape[1:])
    for i in range(1, len(values)):
        dt = times[i] - times[i - 1]
        slope = slope + _gain(d_cutoff, dt) * ((values[i] - out[i - 1]) / dt - slope)
        speed = np.sqrt(np.sum(slope**2, axis=speed_axes, keepdims=True)) if axes else np.abs(slope)
        out[i] = out[i - 1] + _gain(min_cutoff + beta * speed, dt) * (values[i] - out[i - 1])
    return out


def _gain(cutoff: float | np.ndarray, dt: float) -> float | np.ndarray:
    """Weight of the new value in an exponential average of this cut-off."""
    ratio = 2 * np.pi * cutoff * dt
    return ratio / (ratio + 1)


def gaussian_in_blocks(values: np.ndarray) -> np.ndarray:
    """The Gaussian baseline of SmoothNet's published comparison, defects included: for parity only.

    A deviation of 3 frames, in blocks of 31, which are filtered separately (so there are jumps between them); the
    frames after the last whole block are left unfiltered; a clip shorter than a block is one block. Use `gaussian`
    for anything else.
    """
    out = np.array(values, dtype=np.float64)
    block = max(1, min(31, len(out)))
    for start in range(0, len(out) - block + 1, block):
        out[start : start + block] = gaussian_filter1d(out[start : start + block], 3.0, axis=0, mode="reflect")
    return out


# --- helpers ---


def _local_polynomial(
    values: np.ndarray, times: np.ndarray, half: float, degree: int, sigma: float | None
) -> np.ndarray:
    """Value at each frame of the polynomial fitted to the frames within `half` seconds of it.

    sigma: standard deviation of Gaussian weights around the frame; None: all frames of the window weigh the
    same, and the window keeps its length at the ends.
    """
    values, times = _arrays(values, times)
    index, inside = _windows(times, half, keep_whole=sigma is None)
    offset = (times[index] - times[:, None]) / half  # (F, W), scaled so that the powers stay near 1
    weight = inside.astype(np.float64)
    if sigma is not None:
        weight = weight * np.exp(-0.5 * (offset * half / sigma) ** 2)
    # Where a window has too few frames for the degree, the degree is reduced by fixing coefficients at 0.
    powers = offset[..., None] ** np.arange(degree + 1)  # (F, W, degree+1)
    powers = powers * (inside.sum(axis=1)[:, None] > np.arange(degree + 1))[:, None, :]
    moments = np.einsum("fwa,fw,fwb->fab", powers, weight, powers)
    empty = np.einsum("faa->fa", moments) == 0
    moments[:, np.arange(degree + 1), np.arange(degree + 1)] += empty
    first = np.zeros((len(times), degree + 1, 1))
    first[:, 0] = 1.0
    solved = np.linalg.solve(moments, first)[..., 0]  # (F, degree+1)
    kernel = np.einsum("fa,fwa,fw->fw", solved, powers, weight)
    rows = np.repeat(np.arange(len(times)), index.shape[1])
    operator = csr_matrix((kernel.ravel(), (rows, index.ravel())), shape=(len(times), len(times)))
    return np.asarray(operator @ values.reshape(len(values), -1)).reshape(values.shape)


def _windows(times: np.ndarray, half: float, *, keep_whole: bool) -> tuple[np.ndarray, np.ndarray]:
    """Frames within `half` seconds of each frame: indices (F, W), and which of them are valid, (F, W) bool.

    keep_whole: at the ends the window is shifted inward instead of truncated.
    """
    centre = times
    if keep_whole:
        low, high = times[0] + half, times[-1] - half
        centre = np.clip(times, low, high) if low <= high else np.full(len(times), (times[0] + times[-1]) / 2)
        half = half if low <= high else (times[-1] - times[0]) / 2
    slack = 1e-6 * (times[-1] - times[0] + 1e-9)
    start = np.searchsorted(times, centre - half - slack, side="left")
    stop = np.searchsorted(times, centre + half + slack, side="right")
    width = int((stop - start).max())
    index = start[:, None] + np.arange(width)
    inside = index < stop[:, None]
    return np.minimum(index, len(times) - 1), inside


def _chunks(frames: int, numbers: int) -> list[slice]:
    """Chunks of frames, so that an array of `numbers` values per frame stays below 8 MB."""
    step = max(1, 1_000_000 // max(1, numbers))
    return [slice(start, min(start + step, frames)) for start in range(0, frames, step)]


def _arrays(values: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(values, dtype=np.float64)
    times = np.asarray(times, dtype=np.float64)
    if times.ndim != 1 or values.shape[:1] != times.shape or not len(times):
        raise UsageError(f"filter: values {values.shape} need one time for each frame, found times {times.shape}")
    if np.any(np.diff(times) <= 0):
        raise UsageError("filter: times must be strictly increasing")
    return values, times


def _positive(value: float, name: str) -> float:
    if not value > 0:
        raise UsageError(f"filter: {name} must be positive, found {value}")
    return value


def _check_degree(degree: int) -> None:
    if not 0 <= degree <= 5:
        raise UsageError(f"savgol: degree must lie between 0 and 5, found {degree}")
