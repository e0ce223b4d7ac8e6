"""Movement that keypoints show with certainty: accelerations above their noise.

A strike at 24 frames per second lasts a frame or two, so neither its smoothness nor a network's confidence, which drops
in blurred images, distinguishes it from noise. The step does: noise is as large over two frames as over one, movement
is larger.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d, percentile_filter, uniform_filter1d

WINDOW = 0.2
"""Seconds around a moment that belong to the same burst of movement."""

SURE = 4.0
"""Standard deviations of its noise that an acceleration must exceed."""

STEP = 1 / 30
"""Seconds over which differences are taken, or one frame if frames are farther apart."""

HUMAN = 300.0
"""Metres per s^2: upper limit for hands and feet, twice the acceleration of martial artists' strikes on film."""

SLIP_STEP = 1 / 60
"""Seconds over which tracking slips are detected, or one frame: over less, a centimetre of noise would count as one."""

LATELY = 0.6
"""Seconds around a moment: a point counts as clearly seen if it is in a quarter of these frames."""

NOISE_WINDOW = 0.4
"""Seconds over which the noise of a point is measured."""


def sure_acceleration(times: np.ndarray, path: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(F,) magnitude of the second derivative of a path (F,2) where it clearly exceeds noise; the maximum within
    `WINDOW`.

    From second differences over `STEP`, in frames in which the point is seen (weight (F,) above 0). Noise leaves the
    same third differences at any step (`coherent_noise`). So a strike of a single frame, which no smooth curve fits, is
    movement, and a jittering point is not, whether here or in half of the track. Where a path in metres accelerates by
    more than `HUMAN`, tracking slipped, and its surroundings are not trusted.
    """
    frames = len(times)
    interval = float(np.median(np.diff(times))) if frames > 1 else WINDOW
    k = max(1, round(STEP / interval)) if interval > 0 else 1
    if frames < 6 * k + 1:
        return np.zeros(frames)
    seen = weight > 0
    noise = coherent_noise(path, seen, k, max(3, round(NOISE_WINDOW / interval)))
    known = seen[2 * k :] & seen[k:-k] & seen[: -2 * k]
    known &= times[2 * k :] - times[: -2 * k] < 1.5 * 2 * k * interval
    if not known.any():
        return np.zeros(frames)
    second = np.linalg.norm(path[2 * k :] - 2 * path[k:-k] + path[: -2 * k], axis=1)
    usual = np.median(noise[seen])
    doubt = SURE * np.sqrt(6) * np.maximum(noise[k:-k], usual)
    beyond = np.zeros(frames)
    beyond[k:-k] = np.where(known, np.sqrt(np.maximum(second**2 - doubt**2, 0.0)), 0.0) / (k * interval) ** 2
    reach = max(1, round(WINDOW / 2 / interval))
    most = maximum_filter1d(beyond, 2 * reach + 1, mode="nearest")
    return np.where(maximum_filter1d(_slips(path, seen, interval), 2 * (reach + k) + 1), 0.0, most)


def _slips(path: np.ndarray, seen: np.ndarray, interval: float) -> np.ndarray:
    """(F,) bool: where a path (F,2), metres, accelerates by more than `HUMAN`."""
    k = max(1, round(SLIP_STEP / interval))
    slips = np.zeros(len(path), dtype=bool)
    second = np.linalg.norm(path[2 * k :] - 2 * path[k:-k] + path[: -2 * k], axis=1)
    known = seen[2 * k :] & seen[k:-k] & seen[: -2 * k]
    slips[k:-k] = known & (second > HUMAN * (k * interval) ** 2)
    return slips


def seen_lately(times: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """(F,K) confidences that points reach in a quarter of the frames around each frame; confidence (F,K).

    When a limb is fastest its image is blurred and its confidence low, though it is clearly seen before and after.
    """
    interval = float(np.median(np.diff(times))) if len(times) > 1 else LATELY
    size = max(1, round(LATELY / interval)) if interval > 0 else 1
    return np.asarray(percentile_filter(confidence, 75, size=(size, 1), mode="nearest"))


def half_at(middle: np.ndarray | float, value: np.ndarray) -> np.ndarray:
    """A soft step from 0 towards 1, which is 1/2 where the value equals the middle (above 0).

    It is within 6 % of its ends at half and at twice the middle: noise, below it, counts for nothing, and movement,
    above it, in full.
    """
    return np.asarray(value**4 / (value**4 + middle**4))


def coherent_noise(path: np.ndarray, seen: np.ndarray, k: int, window: int) -> np.ndarray:
    """(F,) standard deviation per axis of the noise of a path (F,2), around each frame.

    White noise leaves equal third differences over k and over 2k frames; movement leaves at least twice as much,
    squared, in the latter (as `kinema.quality.measures.shake`). window: frames over which squares are averaged. seen
    (F,): where the path is known.
    """
    squares = []
    for step in (k, 2 * k):
        points = [slice(i * step, len(path) - (3 - i) * step) for i in range(4)]
        third = path[points[3]] - 3 * path[points[2]] + 3 * path[points[1]] - path[points[0]]
        known = np.all([seen[each] for each in points], axis=0)
        square, count = np.zeros(len(path)), np.zeros(len(path))
        middle = slice(3 * step // 2, 3 * step // 2 + len(third))
        square[middle], count[middle] = np.where(known, np.sum(third**2, axis=1), 0.0), known
        total, share = (uniform_filter1d(each, window, mode="nearest") for each in (square, count))
        squares.append(np.divide(total, share, out=np.full(len(path), np.nan), where=share > 1e-9))
    single = np.maximum(np.nan_to_num(squares[0]), 0.0)  # running sums leave a rounding error
    double = np.where(np.isfinite(squares[1]), squares[1], single)
    return np.asarray(np.sqrt(np.clip(2 * single - double, 0.0, single) / 40))
