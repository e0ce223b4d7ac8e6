"""When each foot stands: contact of heels and toes, from how slow and how low they are.

A fit's root is wrong by some centimetres, slowly changing, so that a standing foot seems to move; and now and
then by a metre, where a crouching person is taken for one farther away: their feet then seem to travel along
the viewing ray, down through the floor and back, and hardly move in the image. But a foot that stands tells how
the root must move: contacts and the root's path are found together (`find_contacts`). Feet below the floor
are lifted out along the rays first; then come rounds that start tolerant, above all along the ray, and become
strict. The rest is ordinary: weights with hysteresis, and spans too short for a person are dropped. All
thresholds are per second and in metres; the frame rate does not matter.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import minimum_filter1d

from kinema.temporal.filters import cutoff_for, whittaker
from kinema.temporal.gaps import runs
from kinema.world.fitted import FittedTrack
from kinema.world.root import lift_out, steady_root

SPEEDS = (1.0, 0.85, 0.7, 0.6, 0.5)
"""m/s: how fast a standing foot may seem to be, round by round, while the root is sought."""

DEPTH_SHARES = (0.3, 0.4, 0.5, 0.5, 0.5)
"""How much of a foot's speed along the viewing ray counts, round by round: it is seen worst, above all at first."""

NOISE_FACTOR, SLOWEST = 4.0, 0.06
"""In the end: so many times the speed at which the feet that stand seem to move, but at least so many m/s."""

LOW = 0.08
"""Metres above the lowest point of the body around that time at which a foot no longer counts as low."""

AROUND = 0.5
"""Seconds to each side in which the lowest point of the feet is taken for the floor."""

SMOOTHING = 0.1
"""Seconds over which positions are smoothed before speeds are taken."""

ON, OFF = 0.35, 0.15
"""Weights at which a contact begins and ends."""

SHORTEST, PAUSE = 0.10, 0.07
"""Seconds: shorter contacts are dropped, and shorter interruptions of one are closed."""


def find_contacts(track: FittedTrack, centre: np.ndarray) -> tuple[np.ndarray, FittedTrack]:
    """Contacts (F,4) bool of a track in the world, and the track with its root steadied by them.

    centre (3,): the camera's place. Feet that were not in the picture have no contacts.
    """
    if not len(track.times):
        return np.zeros((0, 4), dtype=bool), track
    offset = lift_out(track, centre)
    steadied = track.moved(root=track.root + offset)
    weight = contact_weights(steadied, 2 * SPEEDS[0], centre, DEPTH_SHARES[0])
    for speed, share in zip(SPEEDS, DEPTH_SHARES, strict=True):
        offset = steady_root(track, weight, centre, offset)
        steadied = track.moved(root=track.root + offset)
        weight = contact_weights(steadied, speed, centre, share)
    standing = foot_speeds(steadied, centre, DEPTH_SHARES[-1])[weight > 0.5]
    if len(standing):
        speed = float(np.clip(NOISE_FACTOR * np.median(standing), SLOWEST, SPEEDS[-1]))
        weight = contact_weights(steadied, speed, centre, DEPTH_SHARES[-1])
    return spans(weight, track.times), steadied


def contact_weights(track: FittedTrack, speed: float, centre: np.ndarray, depth: float = 1.0) -> np.ndarray:
    """How much each foot point looks as if it stood, (F,4) in [0,1]; speed: m/s at which it no longer does.

    centre (3,): the camera's place; depth: as for `foot_speeds`.
    """
    slow = 1 / (1 + (foot_speeds(track, centre, depth) / speed) ** 2) ** 2
    low = 1 / (1 + ((track.feet[..., 1] - floor_below(track)[:, None]) / LOW) ** 2) ** 2
    return slow * low * track.feet_seen[:, None]


def foot_speeds(track: FittedTrack, centre: np.ndarray, depth: float = 1.0) -> np.ndarray:
    """Speed (F,4) of the foot points, m/s, of positions smoothed over `SMOOTHING`.

    depth: the share of the velocity along the ray from the camera at `centre` (3,) that counts.
    """
    if len(track.times) < 2:
        return np.zeros(track.feet.shape[:2])
    smooth = whittaker(track.feet, track.times, cutoff=cutoff_for(SMOOTHING, 2))
    velocity = np.gradient(smooth, track.times, axis=0)
    ray = smooth - centre
    ray /= np.maximum(np.linalg.norm(ray, axis=-1, keepdims=True), 0.3)
    velocity -= (1 - depth) * np.sum(velocity * ray, axis=-1, keepdims=True) * ray
    return np.linalg.norm(velocity, axis=-1)


def floor_below(track: FittedTrack) -> np.ndarray:
    """Height (F,) of the lowest foot point within `AROUND` seconds: what the person stands on, or will."""
    lowest = track.feet[..., 1].min(axis=1)
    reach = max(1, round(AROUND / float(np.median(track.durations))))
    return minimum_filter1d(lowest, 2 * reach + 1, mode="nearest")


def spans(weight: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Weights (F,K) in [0,1] -> contacts (F,K) bool, with hysteresis and least durations."""
    contacts = np.zeros(weight.shape, dtype=bool)
    for k in range(weight.shape[1]):
        state = weight[:, k] > OFF
        for first, last in runs(state):
            # A stretch above the lower threshold counts if it reaches the upper one somewhere.
            state[first:last] = weight[first:last, k].max() > ON
        for first, last in runs(~state):
            if first > 0 and last < len(state) and _length(times, first, last) < PAUSE:
                state[first:last] = True
        for first, last in runs(state):
            whole = first > 0 and last < len(state)
            if whole and _length(times, first, last) < SHORTEST:
                state[first:last] = False
        contacts[:, k] = state
    return contacts


def _length(times: np.ndarray, first: int, last: int) -> float:
    """Seconds that the frames [first, last) stand for, half an interval to each side."""
    before = times[first] - times[first - 1] if first else 0.0
    after = times[last] - times[last - 1] if last < len(times) else 0.0
    return float(times[last - 1] - times[first] + 0.5 * (before + after))
