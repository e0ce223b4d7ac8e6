"""A person's motion as the values (F, C) that a refiner smooths, and back: 2D keypoints, 3D joints, SMPL rotations.

Networks need these values at uniform times, without missing ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from kinema.errors import InputError, UsageError
from kinema.geometry.rotations import (
    axis_angle_to_matrix,
    continuous_axis_angle,
    matrix_from_6d,
    matrix_to_6d,
    matrix_to_axis_angle,
)
from kinema.temporal.gaps import fill_missing
from kinema.temporal.resampling import resample_linear

INTERVAL_TOLERANCE = 0.05
"""A clip is uniform if its frame intervals differ from the median by at most this fraction."""

RATE_TOLERANCE = 0.02
"""A clip whose rate differs from the network's by at most this fraction is not resampled."""


# --- values of each representation ---


def from_pixels(keypoints: np.ndarray, width: int, height: int) -> np.ndarray:
    """Keypoints (F,K,2) pixels -> (F,2K): the image's centre is 0, half of its longer side 1.

    For the 1000 x 1000 images of Human3.6M this is the published (px - 500) / 500.
    """
    centre, half = _normalization(width, height)
    return np.asarray(((keypoints - centre) / half).reshape(len(keypoints), -1))


def to_pixels(values: np.ndarray, width: int, height: int) -> np.ndarray:
    """The inverse of `from_pixels`: (F,2K) -> (F,K,2)."""
    centre, half = _normalization(width, height)
    return np.asarray(values.reshape(len(values), -1, 2) * half + centre)


def _normalization(width: int, height: int) -> tuple[np.ndarray, float]:
    if width <= 0 or height <= 0:
        raise InputError("the motion has no image size, which 2D refinement needs; set its width and height")
    return np.array([width / 2, height / 2]), max(width, height) / 2


def from_rotations(pose: np.ndarray) -> np.ndarray:
    """Axis-angles (F,72) -> (F,144): the first two columns of each matrix, row-major."""
    return matrix_to_6d(axis_angle_to_matrix(pose.reshape(len(pose), -1, 3))).reshape(len(pose), -1)


def to_rotations(six: np.ndarray) -> np.ndarray:
    """(F,144) -> continuous axis-angles (F,72), by Gram-Schmidt."""
    matrices = matrix_from_6d(np.asarray(six, dtype=np.float64).reshape(len(six), -1, 6))
    return continuous_axis_angle(matrix_to_axis_angle(matrices)).reshape(len(six), -1)


# --- uniform times ---


@dataclass(frozen=True, eq=False)
class UniformTimes:
    """A uniform grid for a segment of a track. times, grid: seconds; same: the times are already uniform."""

    times: np.ndarray
    grid: np.ndarray
    same: bool

    @classmethod
    def of(cls, times: np.ndarray, rate: float | None) -> UniformTimes:
        """rate: frames per second that the network expects; None for the clip's median rate."""
        if len(times) < 2:
            return cls(times, times, True)
        steps = np.diff(times)
        usual = float(np.median(steps))
        wanted = usual if rate is None else 1 / rate
        even = bool(np.all(np.abs(steps - usual) <= INTERVAL_TOLERANCE * usual))
        if even and abs(usual / wanted - 1) <= RATE_TOLERANCE:
            return cls(times, times, True)
        count = max(2, int(np.ceil((times[-1] - times[0]) / wanted - 1e-6)) + 1)
        return cls(times, times[0] + wanted * np.arange(count), False)

    def to_grid(self, values: np.ndarray) -> np.ndarray:
        """(F,C) at the track's times -> (G,C) on the grid, linearly; by odd reflection past the last frame."""
        if self.same:
            return values
        last = self.times[-1]
        past = self.grid > last
        inside = resample_linear(values, self.times, np.where(past, 2 * last - self.grid, self.grid))
        return np.where(past[:, None], 2 * values[-1] - inside, inside)

    def from_grid(self, values: np.ndarray) -> np.ndarray:
        """(G,C) on the grid -> (F,C) at the track's times, by a cubic spline, which preserves smoothness."""
        if self.same:
            return values
        return np.asarray(CubicSpline(self.grid, values, axis=0)(self.times))


def pad_reflected(values: np.ndarray, ahead: int) -> tuple[np.ndarray, slice]:
    """Values (F,C) padded with up to `ahead` frames at both ends by odd reflection, which continues position and
    velocity; and the slice of the F frames."""
    ahead = min(ahead, len(values) - 1)
    if ahead < 1:
        return values, slice(0, len(values))
    before, after = 2 * values[:1] - values[ahead:0:-1], 2 * values[-1:] - values[-2 : -ahead - 2 : -1]
    return np.concatenate([before, values, after]), slice(ahead, ahead + len(values))


def smooth_resampled(
    values: np.ndarray, times: np.ndarray, pieces: list[slice], rate: float | None,
    smooth: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:  # fmt: skip
    """Values (F,C) of a track, each segment resampled to uniform times, smoothed and resampled back.

    rate: frames per second that `smooth` expects, None for the clip's.
    """
    out = np.empty(values.shape)
    for piece in pieces:
        uniform = UniformTimes.of(times[piece], rate)
        out[piece] = uniform.from_grid(smooth(uniform.to_grid(values[piece])))
    return out


def filled(values: np.ndarray, times: np.ndarray, name: str, frames: np.ndarray, missing: str) -> np.ndarray:
    """Values (F,C) without NaN, which raise an error or are interpolated in time (`missing`).

    A column without a single finite value becomes 0, for points that are never seen.
    """
    if missing not in ("error", "interpolate"):
        raise UsageError(f'missing must be "error" or "interpolate", found {missing!r}')
    finite = np.isfinite(values)
    if finite.all():
        return values
    if missing == "error":
        frame = int(frames[np.argmin(finite.all(axis=1))])
        raise InputError(
            f"{name} holds a value that is not a number in frame {frame}; fix it or set `missing` to interpolate"
        )
    return fill_missing(np.where(finite, values, 0.0), times, finite)
