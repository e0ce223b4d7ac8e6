"""Viewing cameras: turned towards a point, blended, smoothed over time.

These follow the NLF pipeline's viewing camera, in metres. A camera's axes are OpenCV's; it is level when its x axis
is across `up` (3,), the direction that points up in the frame of reference of the path.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import convolve1d

from kinema.geometry.camera_path import CameraPath

AHEAD = 0.1
"""Metres along the axis of a camera to the point that stands for its direction where directions are averaged."""

_RAMP, _LEVEL = 15, 20
"""Frames of the smoothing kernel at scale 1: of each of its slopes, and to each side of its middle at full weight."""


def turned_towards(direction: np.ndarray, up: np.ndarray) -> np.ndarray:
    """World-to-camera rotations (..., 3, 3) of level cameras that look along `direction` (..., 3), of any length.

    Where that is along `up`, the camera's x axis is the first of the world's axes x and y that it can be.
    """
    z = _unit(np.asarray(direction, dtype=np.float64))
    x = np.cross(z, up)
    for other in ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]):
        axis = np.array(other)
        across = axis - (z @ axis)[..., None] * z
        x = np.where(np.linalg.norm(x, axis=-1, keepdims=True) > 1e-6, x, across)
    x = _unit(x)
    return np.stack([x, np.cross(z, x), z], axis=-2)


def pitch_roll(rotation: np.ndarray) -> np.ndarray:
    """Pitch and roll of world-to-camera rotations (..., 3, 3), radians (..., 2).

    They are the second and third of the angles about y, x and z, each about the axes as those before have turned them.
    """
    pitch = np.arcsin(np.clip(-rotation[..., 2, 1], -1, 1))
    return np.stack([pitch, np.arctan2(rotation[..., 0, 1], rotation[..., 1, 1])], axis=-1)


def rolled(rotation: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """World-to-camera rotations (..., 3, 3) of cameras turned about their own axis by `angle` (...) radians."""
    cosine, sine, zero = np.cos(angle), np.sin(angle), np.zeros_like(angle)
    turn = np.stack([cosine, sine, zero, -sine, cosine, zero, zero, zero, zero + 1], axis=-1)
    return np.asarray(turn.reshape(*np.shape(angle), 3, 3) @ rotation)


def reach(scale: float) -> int:
    """How many frames before and after a frame contribute to its `averaged` value."""
    return round(_RAMP * scale) + round(_LEVEL * scale)


def averaged(values: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """The weighted mean of values (T, ...) over time; at the ends, of the values available.

    scale: 1 averages over 71 frames, the middle 41 of which count fully.
    """
    slope = np.linspace(0, 1, round(_RAMP * scale))
    kernel = np.concatenate([slope, np.ones(1 + 2 * round(_LEVEL * scale)), slope[::-1]])
    weight = convolve1d(np.ones(len(values)), kernel, mode="constant")
    summed = convolve1d(values, kernel, axis=0, mode="constant")
    return np.asarray(summed / weight.reshape(-1, *(1,) * (values.ndim - 1)))


def smoothed(path: CameraPath, up: np.ndarray, scale: float = 1.0) -> CameraPath:
    """The path with its places, its directions, its roll and its focal lengths averaged over time.

    scale: as of `averaged`. The averaged roll, which is against an up of
    -y, is put back with the other sign, as in the original; level cameras stay level, and `blended` levels all.
    """
    centre = averaged(path.centre, scale)
    target = averaged(path.centre + AHEAD * path.rotation[:, 2], scale)
    roll = averaged(pitch_roll(path.rotation)[:, 1], scale)
    intrinsics = _each(path)
    intrinsics[:, [0, 1], [0, 1]] = averaged(intrinsics[:, [0, 1], [0, 1]], scale)
    rotation = rolled(turned_towards(target - centre, up), -roll)
    return path.replace(rotation=rotation, centre=centre, intrinsics=intrinsics)


def blended(one: CameraPath, two: CameraPath, share: np.ndarray, up: np.ndarray) -> CameraPath:
    """From `one` at a share (T,) of 0 to `two` at 1, frame by frame: level cameras.

    Places and the points before the cameras move on straight lines, focal lengths and principal points geometrically.
    """
    share = np.asarray(share, dtype=np.float64)
    part = share[:, None]
    centre = (1 - part) * one.centre + part * two.centre
    ahead = (1 - part) * one.rotation[:, 2] + part * two.rotation[:, 2]
    target = centre + AHEAD * ahead
    rotation = turned_towards(target - centre, up)
    return one.replace(rotation=rotation, centre=centre, intrinsics=lenses_between(one, two, share))


def smootherstep(x: np.ndarray, start: float, stop: float) -> np.ndarray:
    """From 0 at `start` to 1 at `stop`, with speed and acceleration of 0 at both (Perlin, Improving Noise, 2002)."""
    t = np.clip((np.asarray(x, dtype=np.float64) - start) / (stop - start), 0, 1)
    return np.asarray(t**3 * (t * (6 * t - 15) + 10))


def lenses_between(one: CameraPath, two: CameraPath, share: np.ndarray) -> np.ndarray:
    """Intrinsics (T,3,3) a share (T,) of the way from one camera's to another's, frame by frame, geometrically."""
    between, to = _each(one), _each(two)
    for row, column in ((0, 0), (1, 1), (0, 2), (1, 2)):
        a, b = between[:, row, column], to[:, row, column]
        far = (a <= 0) | (b <= 0)  # a principal point outside the image has no geometric mean
        safe_a, safe_b = np.where(far, 1, a), np.where(far, 1, b)
        between[:, row, column] = np.where(far, (1 - share) * a + share * b, safe_a ** (1 - share) * safe_b**share)
    return between


def _each(path: CameraPath) -> np.ndarray:
    """Intrinsics of each frame (T,3,3), to be written into."""
    return np.array(np.broadcast_to(path.intrinsics, (len(path), 3, 3)))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))
