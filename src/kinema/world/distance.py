"""How far away somebody is who is half hidden: where they were when they were seen, and as people move.

The fitted distance rests on a person's size in the image. Where much of them is hidden (`kinema.world.hiding`), the
network guesses the rest, and the distance leaps by metres within half a second, while the direction stays right. There
the path along the view is smoothed as people move; where nothing is hidden, nothing changes.
"""

from __future__ import annotations

import numpy as np

from kinema.temporal.banded import add_second_differences, difference_coefficients, solve_band
from kinema.world.fitted import MEMORY, FittedTrack
from kinema.world.ground_solver import ALONG
from kinema.world.root import ACCELERATION, STILL_MEMORY, TAIL

USUAL = 0.15
"""Share of what tells somebody's distance that may be hidden at no cost: keypoints are never all clear."""

LEAST = 0.01
"""Share that is taken to be seen at least: the path ends somewhere."""

MOVING = 2.0
"""m/s^2: sigma of a pelvis's acceleration in one horizontal direction; in captured sport and dance (CMU) it is 1.7 and
1.9."""

SPEED, SPEED_MEMORY = 1.5, 1.0
"""m/s: sigma of a pelvis's speed in one horizontal direction, and for how many seconds it persists. In that capture it
is 0.4 in dance, 0.8 in walking and 2.5 in running: whoever runs is not to be held back."""

LEAPING = 4
"""Power of the share that is seen with which errors of the distance become unable to leap: 1 of somebody whole."""

ITERATIONS = 6


def with_sure_distance(track: FittedTrack, hidden: np.ndarray) -> FittedTrack:
    """The track with its root moved along the viewing rays where much of the person is hidden, (F,) in [0, 1)."""
    hidden = np.clip((hidden - USUAL) / (1 - USUAL), 0.0, 1.0 - LEAST)
    if len(track.times) < 3 or not hidden.any():
        return track
    ray = track.root - track.eyes
    distance = np.maximum(np.linalg.norm(ray, axis=-1), 0.3)
    ray = ray / distance[:, None]
    return track.moved(root=track.root + _shift(track, ray, distance, hidden)[:, None] * ray)


def _shift(track: FittedTrack, ray: np.ndarray, distance: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """(F,) metres along the rays (F,3) by which the root is moved."""
    times, root, count = track.times, track.root, len(track.times)
    interval = np.diff(times)
    second = difference_coefficients(times, 2)
    span = 0.5 * (times[2:] - times[:-2]) / STILL_MEMORY
    around = [slice(i, count - 2 + i) for i in range(3)]
    most = np.maximum.reduce([hidden[each] for each in around])
    error = span * (1.0 - most) ** LEAPING / ACCELERATION**2
    # The person's own acceleration along the ray of the middle frame, as it is and by what each frame's shift changes.
    taps = second * np.stack([np.sum(ray[each] * ray[1:-1], axis=-1) for each in around], axis=1)
    path = sum(second[:, i, None] * root[each] for i, each in enumerate(around))
    own = np.sum(np.asarray(path) * ray[1:-1], axis=-1)
    moving = span * most / MOVING**2
    steps = np.maximum(hidden[1:], hidden[:-1]) * np.minimum(1.0, interval / SPEED_MEMORY) / (SPEED * interval) ** 2
    facing = np.sum(ray[1:] * ray[:-1], axis=-1)
    went = np.sum(np.diff(root, axis=0) * ray[:-1], axis=-1)
    right = np.zeros((count, 1))
    for i, each in enumerate(around):
        right[each, 0] -= moving * taps[:, i] * own
    right[1:, 0] -= steps * facing * went
    right[:-1, 0] += steps * went
    base = np.zeros((count, 1, 3))
    add_second_differences(base, second, lambda product: (product * error)[:, None])
    add_second_differences(base, taps, lambda product: (product * moving)[:, None])
    base[:-1, 0, 0] += steps
    base[1:, 0, 0] += steps * facing**2
    base[:-1, 0, 1] -= steps * facing
    shift: np.ndarray = np.zeros(count)
    for _ in range(ITERATIONS):
        band = base.copy()
        variance = (ALONG * distance) ** 2 / (1.0 - hidden) + (shift / TAIL) ** 2
        band[:, 0, 0] += track.durations / MEMORY / variance
        shift = np.asarray(solve_band(band, right)[:, 0])
    return np.asarray(np.maximum(shift, -0.8 * distance))
