"""Bodies that do not stand on their feet: what carries them, given the up direction.

A body at rest lies, kneels, or stands on its hands where something is lower than its feet, or where the feet are not
below the centre of mass: something else must then carry it. Where that is, follows from balance: the lowest part
carries, and if the centre of mass is not above it, so does the lowest part beyond the centre of mass.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from kinema.temporal.gaps import runs
from kinema.world.balance import tangent, unit
from kinema.world.fitted import FittedTrack
from kinema.world.surface import FEET, LIMBS

LOWER = 0.06
"""Metres by which something must be lower than the feet to carry the body in their place."""

FALLEN = np.radians(50.0)
"""Lean of the line from the best placed foot to the centre of mass from which feet alone cannot carry the body."""

FALLING = np.radians(35.0)
"""The same next to frames in which the body has fallen."""

SHORTEST = 0.25
"""Seconds: a posture that is shorter counts as an error of the fit."""

ABOVE = 0.06
"""Metres: a centre of mass this close, horizontally, to what carries it is in balance."""

STEEPEST = np.tan(np.radians(25.0))
"""Slope of the line between two parts beyond which they do not stand on one ground: errors of the fit stay below it."""

NEAR, PER_PART = 0.3, 3
"""Metres above the lowest point of the body at which a part may carry it, and how many of its points are kept."""

LIFTING = 0.2
"""Seconds over which a lift out of the ground begins and ends."""

UP = np.array([0.0, 1.0, 0.0])
"""In the world."""

_CHUNK = 512


def off_feet(track: FittedTrack, up: np.ndarray) -> np.ndarray:
    """(F,) bool: frames in which something other than the feet carries the body, `up` (3,) in the track's frame."""
    count = len(track.times)
    found = np.zeros(count, dtype=bool)
    if track.surface is None or not count:
        return found
    others = track.surface.part >= FEET
    lowest = (track.feet @ up).min(axis=1)
    for start in range(0, count, _CHUNK):
        rows = slice(start, start + _CHUNK)
        heights = track.surface.heights(track.rig, track.local[rows], track.root[rows], up)[:, others]
        found[rows] = heights.min(axis=1) < lowest[rows] - LOWER
    line = unit(track.mass[:, None] - track.feet)
    upright = (line @ up).max(axis=1)
    found |= upright < np.cos(FALLEN)
    seen = np.ones(count, dtype=bool) if track.seen is None else track.seen
    # A posture begins and ends where the body leans far, and is certain somewhere.
    leaning = (found | (upright < np.cos(FALLING))) & seen
    for first, last in runs(leaning):
        if track.durations[first:last][found[first:last]].sum() < SHORTEST:
            leaning[first:last] = False
    return np.asarray(leaning)


def supports(track: FittedTrack, up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What carries the body in the frames off its feet: points (N,3), and the frame of each (N,).

    One to three points per frame: the lowest, the lowest beyond the centre of mass, and the lowest beyond it from the
    line between the two. up (3,): in the track's frame.
    """
    rows = np.flatnonzero(track.on_other_parts)
    if track.surface is None or not len(rows):
        return np.zeros((0, 3)), np.zeros(0, dtype=int)
    surface = track.surface.posed(track.rig, track.local[rows], track.root[rows]).astype(np.float64)
    points = _lowest_of_parts(surface, track.surface.part, up)
    flat = points @ tangent(up).T  # (N,P,2)
    height = points @ up
    mass = track.mass[rows] @ tangent(up).T
    each = np.arange(len(rows))
    first = height.argmin(axis=1)
    out, frames = [points[each, first]], [rows]

    def beyond(direction: np.ndarray, needed: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lowest part (N,) farther along `direction` (N,2) than the centre of mass, and whether there is one."""
        along = np.sum((flat - mass[:, None]) * direction[:, None], axis=-1)
        away = np.linalg.norm(flat - origin[:, None], axis=-1)
        rise = height - height.min(axis=1, keepdims=True)
        fits = (along > 0) & (rise < STEEPEST * away)
        best = np.where(fits, rise, np.inf).argmin(axis=1)
        return best, needed & fits.any(axis=1)

    start = flat[each, first]
    offset = mass - start
    distance = np.linalg.norm(offset, axis=-1)
    second, found = beyond(offset / np.maximum(distance, 1e-9)[:, None], distance > ABOVE, start)
    out.append(points[each, second][found])
    frames.append(rows[found])
    line = flat[each, second] - start
    normal = np.stack([-line[:, 1], line[:, 0]], axis=-1) / np.maximum(np.linalg.norm(line, axis=-1), 1e-9)[:, None]
    side = np.sum(offset * normal, axis=-1)
    third, more = beyond(np.sign(side)[:, None] * normal, found & (np.abs(side) > ABOVE), start)
    out.append(points[each, third][more])
    frames.append(rows[more])
    return np.concatenate(out), np.concatenate(frames)


def with_carriers(track: FittedTrack) -> FittedTrack:
    """A track in the world that also knows what carries it off its feet, as further points of its rig.

    Toes are among them: off the feet, it is not the sole that touches. Unchanged if it is always on its feet.
    """
    off = off_feet(track, UP)
    if track.surface is None or not off.any():
        return track
    rows = np.flatnonzero(off)
    surface, heights = track.surface, track.surface.heights(track.rig, track.local[rows], track.root[rows], UP)
    near = heights.min(axis=1) + NEAR
    chosen: list[int] = []
    for number in range(int(surface.part.max()) + 1):
        own = np.flatnonzero(surface.part == number)
        lowest = own[heights[:, own].argmin(axis=1)]
        low = heights[np.arange(len(rows)), lowest] < near
        numbers, counts = np.unique(lowest[low], return_counts=True)
        chosen.extend(numbers[np.argsort(-counts, kind="stable")][:PER_PART].tolist())
    points = np.array(sorted(chosen), dtype=int)
    limbs = np.isin(surface.part[points], LIMBS)
    return replace(track, rig=surface.rig_with(track.rig, points), off_feet=off, limbs=limbs)


def lifted(track: FittedTrack) -> FittedTrack:
    """A track in the world, lifted smoothly where skin is below the ground while it is off its feet.

    Skin bends with more than one joint, so that points attached to one do not keep all of it above the ground.
    """
    rows = np.flatnonzero(track.on_other_parts)
    if track.surface is None or not len(rows):
        return track
    below = np.zeros(len(track.times))
    heights = track.surface.heights(track.rig, track.local[rows], track.root[rows], UP)
    below[rows] = np.maximum(-heights.min(axis=1), 0)
    reach = max(1, round(LIFTING / float(np.median(track.durations))))
    smooth = uniform_filter1d(maximum_filter1d(below, 2 * reach + 1, mode="nearest"), 2 * reach + 1, mode="nearest")
    return track.moved(root=track.root + smooth[:, None] * UP)


def _lowest_of_parts(surface: np.ndarray, part: np.ndarray, up: np.ndarray) -> np.ndarray:
    """The lowest point of each part, (N,P,3), of a surface (N,K,3)."""
    heights = surface @ up
    lowest = []
    for number in range(int(part.max()) + 1):
        own = np.flatnonzero(part == number)
        best = own[heights[:, own].argmin(axis=1)]
        lowest.append(surface[np.arange(len(surface)), best])
    return np.stack(lowest, axis=1)
