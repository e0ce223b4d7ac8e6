"""Who stands on which ground, and how tall they must be for it.

With one camera a person's size is free: scaled about the camera's centre, a body keeps its image. People on one ground
fix their sizes relative to each other. Where the drops from the camera to everybody's feet disagree by more than
errors explain, people are of very different sizes (an adult beside a child, fitted alike), or somebody stands on
something. The image does not tell which; what is more likely a priori decides, and what people are known to measure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DEFAULT_HEIGHT = 1.5
"""Height in metres of a camera that saw nobody."""

LOWEST_CAMERA = 0.1
"""Metres: a camera is at least this high above the ground."""

SIZE = 0.08
"""Standard deviation of a person's fitted size, as a fraction: apart from it, everybody stands on one ground."""

TILT = np.radians(2.5)
"""Sigma of `up` assumed when the ground heights of people at different distances are compared."""

ACROSS = 0.03
"""Metres: sigma of a foot's lowest point relative to the ground from other causes (pose, shoe, swing)."""

CLEAR = 2.5
"""Sigmas by which a size must differ from the fitted one to be changed: less is left to errors in the distance."""

AGREE = 2.0
"""Sigmas within which two people's drops are the same."""

SMALLEST, ADULT, TALLEST = 0.7, 1.45, 2.1
"""Statures in metres: of the smallest standing child, the smallest adult, the tallest adult."""

CHILD, NEXT_CHILD = 0.15, 0.5
"""Probability that a person is a child, and that one more is."""

UNUSUAL = 0.3
"""Probability of an adult whose fitted size was off by more than its sigma."""

ON_TOP, NEXT_ON_TOP, HIGHEST = 0.03, 0.3, 2.5
"""Probability that a person stands on something, that one more does, and the metres up to which."""

BELOW = 0.003
"""Probability that a person stands lower than the others (in a pit, down a stair)."""

GATHERED = 0.2
"""Standard deviation of people's distances from the camera, as a logarithm: people in one clip are near each other."""

USUAL_CAMERA = (1.4, 0.5)
"""Metres, and standard deviation as a logarithm, of the camera's height above the ground."""

MARGIN = np.log(2.0)
"""By how much sizes must explain the heights better than things to stand on do."""


@dataclass(frozen=True, eq=False)
class Standing:
    """What is known about the P people whose supports were seen.

    drops (P,): metres from the camera down to what they stand on, at their fitted size; sigma (P,): of the drops;
    seconds (P,) that they were seen; places (P,2): horizontally from the camera, metres; statures (P,): as fitted, NaN:
    unknown; known (P,) bool: the stature was given; steady (P,) bool: they stand at one height most of the time.
    """

    drops: np.ndarray
    sigma: np.ndarray
    seconds: np.ndarray
    places: np.ndarray
    statures: np.ndarray
    known: np.ndarray
    steady: np.ndarray


def common_ground(people: Standing) -> tuple[float, np.ndarray, np.ndarray]:
    """The drop that most people share, who shares it, (P,) of 0 and 1, and each one's factor of size (P,), mostly 1."""
    count = len(people.drops)
    if not count:
        return DEFAULT_HEIGHT, np.zeros(0), np.ones(0)
    height, together = _most_votes(people)
    factors = np.ones(count)
    if count > 1 and np.isfinite(people.statures).all():
        as_fitted = max(_explained(people, row, resizing=False)[0] for row in range(count))
        score, resized = max((_explained(people, row, resizing=True) for row in range(count)), key=lambda each: each[0])
        if score > as_fitted + MARGIN:
            factors = resized
    return height, together.astype(float), factors


def _most_votes(people: Standing) -> tuple[float, np.ndarray]:
    """The drop that most people share, and who shares it, (P,) bool.

    Each person's drop is a candidate for the ground. People at the same height vote for it, people higher up a little
    (they may stand on a step or a container), people below it against it.
    """
    drops, sigma = people.drops, people.sigma
    weights = people.seconds / (1 + (sigma / 0.3) ** 2)
    best, chosen = -np.inf, 0
    for i, drop in enumerate(drops):
        deviation = (drops - drop) / np.hypot(sigma, sigma[i])
        votes = np.where(np.abs(deviation) < AGREE, 1.0, np.where(deviation < 0, 0.25, -1.0))
        if votes @ weights > best:
            best, chosen = float(votes @ weights), i
    together = np.abs(drops - drops[chosen]) / np.hypot(sigma, sigma[chosen]) < AGREE
    return float(np.average(drops[together], weights=weights[together] + 1e-9)), together


def _explained(people: Standing, row: int, *, resizing: bool) -> tuple[float, np.ndarray]:
    """How likely the drops are if this person stands on the ground: a log probability, and factors of size (P,).

    resizing: people may be of other sizes than fitted. Everybody takes the explanation that is likeliest.
    """
    ground = people.drops[row]
    if ground < LOWEST_CAMERA:
        return -np.inf, np.ones(len(people.drops))
    factors = np.ones(len(people.drops))
    score = -0.5 * (np.log(ground / USUAL_CAMERA[0]) / USUAL_CAMERA[1]) ** 2
    small = raised = 0
    for each, drop in enumerate(people.drops):
        if each == row:
            continue
        rise = ground - drop
        # An error of the tilt is common to all: only the distance between two people counts.
        apart = float(np.linalg.norm(people.places[row] - people.places[each]))
        off = abs(rise) / float(np.sqrt(SIZE**2 * (ground**2 + drop**2) + (TILT * apart) ** 2 + ACROSS**2))
        like = -0.5 * off**2 if off < AGREE else -np.inf
        like = max(like, np.log(NEXT_ON_TOP if raised else ON_TOP) if 0 < rise < HIGHEST else np.log(BELOW))
        on_top = rise > 0 and off > AGREE
        factor = ground / drop if drop > 0 else np.inf
        if resizing and people.steady[each] and people.steady[row] and not people.known[each]:
            resized = _size_likelihood(people, row, each, factor, small > 0)
            if resized > like:
                like, on_top, factors[each] = resized, False, factor
                small += people.statures[each] * factor < ADULT
        raised += on_top
        score += min(1.0, people.seconds[each]) * like
    distances = np.log(np.maximum(np.linalg.norm(people.places, axis=1), 0.3) * factors)
    return float(score - 0.5 * np.sum(((distances - distances.mean()) / GATHERED) ** 2)), factors


def _size_likelihood(people: Standing, row: int, each: int, factor: float, more: bool) -> float:
    """Log probability that a person is `factor` times as large as fitted; more: there is another child."""
    stature = people.statures[each] * factor
    if not SMALLEST < stature < TALLEST:
        return -np.inf
    apart = float(np.linalg.norm(people.places[row] - factor * people.places[each]))
    sigma = np.sqrt(2 * SIZE**2 + (TILT * apart / people.drops[row]) ** 2)
    if abs(np.log(factor)) < CLEAR * sigma:
        return -np.inf
    return float(np.log(UNUSUAL if stature >= ADULT else NEXT_CHILD if more else CHILD))
