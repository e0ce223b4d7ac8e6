"""Contacts: when heels and toes, or what else carries a body, stand on the ground, from their speed and height.

A fitted root is off by several centimetres, with slowly changing errors, so that a standing foot appears to move;
occasionally it is off by a metre, where a crouching person is mistaken for one further away: the feet then appear to
travel along the viewing ray, down through the floor and back, and hardly move in the image. But a standing foot
determines how the root moves: contacts and root path are estimated together (`find_contacts`). Feet below the floor are
first lifted out along the rays; then iterations follow with thresholds that start loose, above all along the ray, and
tighten. Contacts follow from the weights by hysteresis, without spans too short for a person. All thresholds are in
seconds and metres; the frame rate does not matter.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import minimum_filter1d

from kinema.temporal.filters import cutoff_for, whittaker
from kinema.temporal.gaps import runs
from kinema.world.fitted import FittedTrack
from kinema.world.root import lift_out, steady_root

SPEEDS = (1.0, 0.85, 0.7, 0.6, 0.5)
"""m/s: apparent speed of a standing foot, per iteration of the root estimate."""

DEPTH_SHARES = (0.3, 0.4, 0.5, 0.5, 0.5)
"""Weight of a foot's velocity along the viewing ray, per iteration: it is measured worst, above all at first."""

NOISE_FACTOR, MIN_SPEED = 4.0, 0.06
"""The final speed threshold: a multiple of the median apparent speed of standing feet, but at least so many m/s."""

LOW = 0.08
"""Metres above the body's lowest point around that time at which a foot no longer counts as low."""

FLOOR_WINDOW = 0.5
"""Seconds before and after a frame in which the lowest point of the feet is taken as the floor."""

LOST_HOLD = 0.25
"""m/s at which a foot that was to be held moves all the same: half of what counts as standing in a raw fit, and a
hundred times what the clean-up leaves where it can hold it."""

SMOOTHING = 0.1
"""Seconds over which positions are smoothed before they are differentiated."""

ON, OFF = 0.35, 0.15
"""Weights at which a contact begins and ends (hysteresis)."""

MIN_CONTACT, MIN_PAUSE = 0.10, 0.07
"""Seconds: shorter contacts are dropped, and shorter interruptions are closed."""


def find_contacts(track: FittedTrack, centre: np.ndarray) -> tuple[np.ndarray, FittedTrack]:
    """Contacts (F,K) bool of the points of a track in the world, and the track with its root steadied by them.

    centre (3,), or (F,3) in each frame: the camera's position. Feet outside the image have no contacts.
    """
    if not len(track.times):
        return np.zeros(track.points.shape[:2], dtype=bool), track
    offset = lift_out(track, centre)
    steadied = track.moved(root=track.root + offset)
    weight = contact_weights(steadied, 2 * SPEEDS[0], centre, DEPTH_SHARES[0])
    for speed, share in zip(SPEEDS, DEPTH_SHARES, strict=True):
        offset = steady_root(track, weight, centre, offset)
        steadied = track.moved(root=track.root + offset)
        weight = contact_weights(steadied, speed, centre, share) * not_pulled_down(track, offset, centre)
    standing = foot_speeds(steadied, centre, DEPTH_SHARES[-1])[weight > 0.5]
    if len(standing):
        speed = float(np.clip(NOISE_FACTOR * np.median(standing), MIN_SPEED, SPEEDS[-1]))
        weight = contact_weights(steadied, speed, centre, DEPTH_SHARES[-1]) * not_pulled_down(track, offset, centre)
    return spans(weight, track.times), steadied


def contact_weights(track: FittedTrack, speed: float, centre: np.ndarray, depth: float = 1.0) -> np.ndarray:
    """How likely each point is in contact, (F,K) in [0,1]; speed: m/s at which it no longer is.

    centre (3,) or (F,3): the camera's position; depth: as for `foot_speeds`.
    """
    slow = 1 / (1 + (foot_speeds(track, centre, depth) / speed) ** 2) ** 2
    low = 1 / (1 + ((track.points[..., 1] - floor_below(track)[:, None]) / LOW) ** 2) ** 2
    return np.asarray(slow * low * touchable(track))


def not_pulled_down(track: FittedTrack, offset: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """How far the offset (F,3) of a track's root leaves its feet as low as the image shows them, (F,1) in [0,1].

    A foot that leaves the ground is slow at first: held still, it takes the whole body along, and seems to stand until
    the person has landed again. What the offset moves down across the viewing ray from the camera at `centre` (3,) or
    (F,3) counts as height, as if the foot were still there.
    """
    ray = track.root - centre
    ray = ray / np.maximum(np.linalg.norm(ray, axis=-1, keepdims=True), 0.3)
    across = offset[:, 1] - np.sum(offset * ray, axis=-1) * ray[:, 1]
    return np.asarray(1 / (1 + (np.minimum(across, 0) / LOW) ** 2) ** 2)[:, None]


def foot_speeds(track: FittedTrack, centre: np.ndarray, depth: float = 1.0) -> np.ndarray:
    """Speed (F,K) of the points, m/s, from positions smoothed over `SMOOTHING`.

    depth: weight of the velocity component along the ray from the camera at `centre` (3,) or (F,3).
    """
    if len(track.times) < 2:
        return np.zeros(track.points.shape[:2])
    smooth = whittaker(track.points, track.times, cutoff=cutoff_for(SMOOTHING, 2))
    velocity = np.gradient(smooth, track.times, axis=0)
    ray = smooth - centre[..., None, :]
    ray /= np.maximum(np.linalg.norm(ray, axis=-1, keepdims=True), 0.3)
    velocity -= (1 - depth) * np.sum(velocity * ray, axis=-1, keepdims=True) * ray
    return np.asarray(np.linalg.norm(velocity, axis=-1))


def floor_below(track: FittedTrack) -> np.ndarray:
    """Height (F,) of the lowest point within `FLOOR_WINDOW` seconds: what the person stands on.

    Of the feet; where something else carries the body, of all points.
    """
    lowest = track.feet[..., 1].min(axis=1)
    if track.on_other_parts.any():
        lowest = np.where(track.on_other_parts, track.points[..., 1].min(axis=1), lowest)
    reach = max(1, round(FLOOR_WINDOW / float(np.median(track.durations))))
    return np.asarray(minimum_filter1d(lowest, 2 * reach + 1, mode="nearest"))


def touchable(track: FittedTrack) -> np.ndarray:
    """(F,K) bool: which points may be in contact: feet that are seen; others where they may carry the body.

    Limbs carry it one by one; of the stiff rest, only the lowest point does.
    """
    feet = np.repeat(track.feet_seen[:, None], 4, axis=1)
    others = track.points[:, 4:]
    if track.limbs is None or not others.shape[1]:
        return feet
    trunk = np.where(track.limbs, np.inf, others[..., 1])
    carries = track.limbs | (trunk == trunk.min(axis=1, keepdims=True))
    feet |= track.on_other_parts[:, None]
    return np.concatenate([feet, carries & track.on_other_parts[:, None]], axis=1)


def held(contacts: np.ndarray, points: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The contacts (F,K) whose points (F,K,3) in the world stand still in the end: legs do not reach every contact.

    A frame from or to which a point in contact moves along the ground by more than `LOST_HOLD` is none.
    """
    if len(times) < 2:
        return contacts
    step = np.linalg.norm(np.diff(points[..., [0, 2]], axis=0), axis=-1) / np.diff(times)[:, None]
    fast = (step > LOST_HOLD) & contacts[1:] & contacts[:-1]
    none = np.zeros((1, contacts.shape[1]), dtype=bool)
    return np.asarray(contacts & ~np.concatenate([fast, none]) & ~np.concatenate([none, fast]))


def spans(weight: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Weights (F,K) in [0,1] -> contacts (F,K) bool, with hysteresis and minimum durations."""
    contacts = np.zeros(weight.shape, dtype=bool)
    for k in range(weight.shape[1]):
        state = weight[:, k] > OFF
        for first, last in runs(state):
            # A span above the lower threshold counts if it exceeds the upper one somewhere.
            state[first:last] = weight[first:last, k].max() > ON
        for first, last in runs(~state):
            if first > 0 and last < len(state) and _duration(times, first, last) < MIN_PAUSE:
                state[first:last] = True
        for first, last in runs(state):
            enclosed = first > 0 and last < len(state)
            if enclosed and _duration(times, first, last) < MIN_CONTACT:
                state[first:last] = False
        contacts[:, k] = state
    return contacts


def _duration(times: np.ndarray, first: int, last: int) -> float:
    """Duration in seconds of the frames [first, last), half an interval on each side included."""
    before = times[first] - times[first - 1] if first else 0.0
    after = times[last] - times[last - 1] if last < len(times) else 0.0
    return float(times[last - 1] - times[first] + 0.5 * (before + after))
