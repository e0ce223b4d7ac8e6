"""Repairs trajectories: excursions that jump away and return, jitter, a root that jumps. Pure functions on arrays.

Faultless values stay bit-identical: a joint is interpolated only in the frames of an excursion, and smoothed only where
it jitters, by no more than the noise measured there.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from kinema.geometry.rotations import continuous_quaternions
from kinema.quality.trajectory import BASE
from kinema.temporal.filters import cutoff_for, whittaker
from kinema.temporal.gaps import fill_missing
from kinema.temporal.resampling import resample_quaternions

LONGEST_EXCURSION = 0.5
"""Longest excursion, seconds, that is interpolated; beyond that, interpolation would be worse."""

EDGE = 0.15
"""Seconds from a track's ends within which the part beyond a jump is assumed wrong."""

RETURN_TOLERANCE = 0.5
"""Fraction of the jump by which the return may miss the starting point."""

JUMP_ANGLE, JUMP_DISTANCE = np.radians(20.0), 0.03
"""Radians and metres between two frames, in excess of the usual speed, that are a jump."""

SMOOTHING = 0.16
"""Seconds over which noise is smoothed; the filter stage's default (docs/filters.md)."""

NOISE = 3.0
"""Standard deviations of the noise by which smoothing may move a value."""

CLEAN_ANGLE, CLEAN_DISTANCE = np.radians(0.5), 1e-3
"""Radians and metres of noise that motion capture has as well: only the excess is smoothed."""

SHORTEST_BRIDGE = 0.3
"""Shortest time, seconds, over which a permanent jump of the root is spread."""


def excursions(values: np.ndarray, times: np.ndarray, jump: float, *, signs: bool = False) -> np.ndarray:
    """The frames in which a trajectory has jumped away and returns within `LONGEST_EXCURSION` seconds: (F,) bool.

    values (F,D); signs: they are quaternions, whose sign is arbitrary, and the distance of two is half the angle
    between them. A jump exceeds twice the median of its neighbours by `jump`, whatever the frame rate.
    """
    away = np.zeros(len(values), dtype=bool)
    if len(values) < 4:
        return away
    steps = _distances(values[1:], values[:-1], signs)
    jumps = np.flatnonzero(steps > jump + 2 * _usual(steps)) + 1  # the frame after it
    done = 0
    for first in jumps.tolist():
        if first < done:
            continue
        reach = jumps[
            (jumps > first) & (times[jumps] - times[first - 1] <= LONGEST_EXCURSION + (times[first] - times[first - 1]))
        ]
        if not len(reach):
            continue
        missed = _distances(values[reach], values[first - 1], signs)
        nearest = int(missed.argmin())
        if missed[nearest] <= RETURN_TOLERANCE * steps[first - 1]:
            away[first : reach[nearest]] = True
            done = int(reach[nearest])
    for row in jumps[~away[jumps] & ~away[jumps - 1]].tolist():
        if times[row] - times[0] <= EDGE and not away[:row].any():
            away[:row] = True
        elif times[-1] - times[row - 1] <= EDGE:
            away[row:] = True
    return away


def _distances(a: np.ndarray, b: np.ndarray, signs: bool) -> np.ndarray:
    """Distances (n,) between (n,D) and (n,D) or (D,)."""
    apart = np.linalg.norm(a - b, axis=-1)
    return np.asarray(np.minimum(apart, np.linalg.norm(a + b, axis=-1)) if signs else apart)


def _usual(steps: np.ndarray) -> np.ndarray:
    """Median of the four steps around each step."""
    padded = np.pad(steps, 2, mode="reflect") if len(steps) > 2 else np.pad(steps, 2, mode="edge")
    near = np.stack([padded[offset : offset + len(steps)] for offset in (0, 1, 3, 4)])
    near.sort(axis=0)
    return np.asarray(0.5 * (near[1] + near[2]))


def replace_rotation_excursions(
    quaternions: np.ndarray, times: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (F,J,4) with excursions interpolated between the good frames around them, and where: (F,J) bool."""
    out = quaternions.copy()
    changed = np.zeros(quaternions.shape[:2], dtype=bool)
    for joint in range(quaternions.shape[1]):
        away = excursions(quaternions[:, joint], times, scale * JUMP_ANGLE / 2, signs=True)
        if away.any() and np.count_nonzero(~away) > 1:
            good = np.flatnonzero(~away)
            out[away, joint] = resample_quaternions(quaternions[good, joint], times[good], times[away])
            changed[:, joint] = away
    return (continuous_quaternions(out) if changed.any() else out), changed


def replace_root_excursions(root: np.ndarray, times: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """A path (F,3) with excursions interpolated linearly, and where: (F,) bool."""
    away = excursions(root, times, scale * JUMP_DISTANCE)
    if np.count_nonzero(~away) < 2:
        return root.copy(), np.zeros(len(root), dtype=bool)
    return fill_missing(root, times, ~away[:, None]), away


def bridge_jumps(root: np.ndarray, times: np.ndarray, fastest: float) -> tuple[np.ndarray, np.ndarray]:
    """A path (F,3) with its jumps of more than 0.1 m bridged, and where it was changed: (F,) bool.

    Each jump is spread over enough seconds around it that nothing moves faster than `fastest` (m/s); before and after,
    the path is unchanged.
    """
    out, changed = root.copy(), np.zeros(len(root), dtype=bool)
    steps = np.diff(root, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    usual = _usual(lengths) if len(lengths) else lengths
    for row in np.flatnonzero((lengths > 0.1 + 2 * usual) & (lengths > 0)).tolist():
        delta = steps[row] * (1 - usual[row] / lengths[row])
        # A cubic step is fastest at its midpoint: one and a half times its mean speed.
        seconds = max(SHORTEST_BRIDGE, 1.5 * float(np.linalg.norm(delta)) / (0.8 * fastest))
        middle = 0.5 * (times[row] + times[row + 1])
        phase = np.clip((times - middle) / seconds + 0.5, 0, 1)
        weight = phase * phase * (3 - 2 * phase)
        out += (weight - (times > middle))[:, None] * delta
        changed |= (phase > 0) & (phase < 1)
    return out, changed


def smooth_jittery_rotations(
    quaternions: np.ndarray, times: np.ndarray, noise: np.ndarray, pieces: list[slice]
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (F,J,4) smoothed where there is noise, and where: (F,J) bool. noise (F,J): radians."""
    out = quaternions.copy()
    changed = np.zeros(quaternions.shape[:2], dtype=bool)
    excess = np.maximum(noise - CLEAN_ANGLE, 0)
    jittery = np.flatnonzero((excess > 0).any(axis=0))
    for piece in pieces:
        if piece.stop - piece.start < 3 or not len(jittery):
            continue
        given = quaternions[piece][:, jittery]
        smooth = whittaker(given, times[piece], cutoff=cutoff_for(SMOOTHING, 2))
        smooth /= np.linalg.norm(smooth, axis=-1, keepdims=True)
        shape = given.shape[:2]
        from_, to = Rotation.from_quat(given.reshape(-1, 4)), Rotation.from_quat(smooth.reshape(-1, 4))
        turn = (from_.inv() * to).as_rotvec()
        turn *= _limited(np.linalg.norm(turn, axis=-1), NOISE * excess[piece][:, jittery].ravel())[:, None]
        moved = np.any(turn != 0, axis=-1)
        mixed = given.reshape(-1, 4).copy()
        mixed[moved] = (from_[moved] * Rotation.from_rotvec(turn[moved])).as_quat() if moved.any() else mixed[moved]
        out[piece, jittery] = mixed.reshape(*shape, 4)
        changed[piece, jittery] = moved.reshape(shape)
    return (continuous_quaternions(out) if changed.any() else out), changed


def smooth_jittery_root(
    root: np.ndarray, times: np.ndarray, noise: np.ndarray, pieces: list[slice]
) -> tuple[np.ndarray, np.ndarray]:
    """A path (F,3) smoothed where there is noise (F,) metres, and where: (F,) bool."""
    out, changed = root.copy(), np.zeros(len(root), dtype=bool)
    excess = np.maximum(noise - CLEAN_DISTANCE, 0)
    for piece in pieces:
        if piece.stop - piece.start < 3 or not (excess[piece] > 0).any():
            continue
        move = whittaker(root[piece], times[piece], cutoff=cutoff_for(SMOOTHING, 2)) - root[piece]
        move *= _limited(np.linalg.norm(move, axis=-1), NOISE * excess[piece])[:, None]
        out[piece] += move
        changed[piece] = np.any(move != 0, axis=-1)
    return out, changed


def _limited(length: np.ndarray, most: np.ndarray) -> np.ndarray:
    """The factor that scales each length to at most `most`."""
    return np.asarray(np.minimum(1.0, np.divide(most, length, out=np.zeros_like(length), where=length > 0)))


def jump_scale(interval: float) -> float:
    """The factor on the size of a jump if frames are farther apart than `BASE` seconds."""
    return max(1.0, interval / BASE)
