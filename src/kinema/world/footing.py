"""How many metres a unit of a camera's path is, from the ground on which people stand.

A path may come with places of the background, some of them on the ground near people's feet. These tell how far away
that ground is in the path's unit, people's sizes how far in metres, and the ratio is the scale. It matters little
where the camera went: straight ahead or a few centimetres to and fro will do, where the places' distances are known.

Which places lie on the ground is not known, and at a wrong scale people would stand in front of it or behind. For all
scales near the one that leaves feet standing: how much likelier are the places near the feet, if a share of them is at
the feet's height, than if they were anywhere? Where one scale stands out, a plane through them gives everybody's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from kinema.world.fitted import MEMORY
from kinema.world.ground_solver import ALONG
from kinema.world.walker import Walker

NEAR = 4.0
"""Metres along the ground up to which places tell of the ground under a foot: about as far as people are away, so that
the ground before them, whose places the camera sees best, counts."""

TILT = np.radians(4.0)
"""Standard deviation of the vertical before the scale is known, and of the ground's slope."""

ROUGH = 0.02
"""Metres by which a floor is uneven, and things lie on it."""

POSE = 0.03
"""Metres by which a standing foot is too high or too low all the time, from errors in the pose, and shoes."""

STRUCTURE = 0.01
"""What the distances of all places are off, as a fraction, because the camera's path is a little wrong."""

LASTING = 2.0
"""Factor on the variance of people's mean distance: its errors last longer than `MEMORY`."""

ANYWHERE = 2.0
"""Metres: of places that are not on the ground, near it, any height in such a range is as likely."""

SHARES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""Of the places near the feet, how many lie on the ground: the likeliest of these."""

STANDS = 0.3
"""How likely a foot must stand for the ground to be there."""

STEP, REACH, FARTHEST = 0.02, 0.1, 1.6
"""Of the logarithm of the scale: step of the search, and how far it reaches at least and at most."""

SIGMAS = 4.0
"""So many standard deviations of the scale are searched."""

WIDTH, CLEAR = 0.1, 0.9
"""The probability that must lie within so much of the likeliest logarithm of the scale."""

ENOUGH = 6.0
"""Log of how much likelier the ground under a person must be than none: twenty to one, and as much for each of the
twenty or so scales that are tried, at one of which some places may happen to lie at the feet's height."""

OWN = 0.5
"""Share of the most that speaks for ground under a person at any scale which must speak for it at this one: who stands
on something that the others do not tells nothing of it."""

MOST_PLACES, MOST_SOLES, NEIGHBOURS = 2000, 200, 8
"""Places and standing feet that are looked at, evenly chosen, and the feet nearest to a place that give its height."""

FAR_OFF = 2.5
"""Standard deviations at which a place begins to count less for the plane."""

ROUNDS, WEIGHINGS = 3, 8
"""How often the places are chosen anew, and weighed."""


@dataclass(frozen=True, eq=False)
class Footing:
    """What the ground tells: rows (N,) of the walkers that it tells of; scales (N,): logarithms of the metres of a
    unit, for each at the fitted size; covariance (N,N) of these, without the sizes'."""

    rows: np.ndarray
    scales: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True, eq=False)
class _Soles:
    """Where a walker's feet stand: place (N,3) seen from the camera, metres; way (N,3): the camera's, in the path's
    unit; strength (N,): independent observations."""

    place: np.ndarray
    way: np.ndarray
    strength: np.ndarray

    @classmethod
    def of(cls, walker: Walker, weight: np.ndarray) -> _Soles:
        """weight (F,K): how likely each point stands."""
        stands = weight.max(axis=1) > STANDS
        weight = weight[stands]
        place = np.einsum("fk,fkc->fc", weight, walker.track.points[stands]) / weight.sum(axis=1)[:, None]
        return cls(place, walker.way[stands], weight.max(axis=1) * walker.track.durations[stands] / MEMORY)

    def at(self, scale: float) -> np.ndarray:
        """(N,3) in the path's unit."""
        return self.way + self.place / scale

    @property
    def drop(self) -> float:
        """Metres from the camera down to the feet."""
        return float(-np.average(self.place[:, 1], weights=self.strength))


def footing(
    walkers: Sequence[Walker],
    standing: Sequence[np.ndarray],
    places: np.ndarray,
    sigma: np.ndarray,
    scale: float,
    uncertain: float,
) -> Footing | None:
    """What the ground under the walkers' feet tells of the scale; None if nothing.

    standing: how likely each walker's points stand, (F,K); places (P,3) of the background in the walkers' axes and the
    path's unit; sigma (P,) of their distance, as a fraction; scale: metres of a unit as known without; uncertain: its
    standard deviation, as a fraction.
    """
    soles = [_Soles.of(walker, weight) for walker, weight in zip(walkers, standing, strict=True)]
    rows = [row for row, each in enumerate(soles) if len(each.strength) > 1 and each.drop > 0]
    soles = [soles[row] for row in rows]
    if not soles or not len(places):
        return None
    kept = np.unique(np.linspace(0, len(places) - 1, MOST_PLACES).astype(int))
    places, sigma = places[kept], sigma[kept]
    reach = min(max(SIGMAS * uncertain, REACH), FARTHEST)
    grid = np.linspace(-reach, reach, 2 * round(reach / STEP) + 1)
    told = np.array([_likelier(soles, places, sigma, scale * np.exp(each)) for each in grid])
    total = told.sum(axis=1) - 0.5 * (grid / uncertain) ** 2
    best = int(total.argmax())
    chance = np.exp(total - total[best])
    inside = chance[np.abs(grid - grid[best]) <= WIDTH].sum() > CLEAR * chance.sum()
    tells = (told[best] > ENOUGH) & (told[best] >= OWN * told.max(axis=0))
    if not inside or best in (0, len(grid) - 1) or not tells.any():
        return None
    chosen = [each for each, one in zip(soles, tells, strict=True) if one]
    likeliest = scale * float(np.exp(grid[best]))
    found = _levelled(np.array(rows)[tells], chosen, places, sigma, likeliest)
    # Where a sloping plane says something else than ground at the feet's height, what lies there is no ground.
    return found if found is not None and np.abs(found.scales - np.log(likeliest)).max() < WIDTH else None


def _near(
    soles: Sequence[_Soles], places: np.ndarray, sigma: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each place whose feet are nearest (P,), -1 if none are near; how high it lies above them (P,), metres, and
    the standard deviation of that (P,), if it is on the ground."""
    whose = np.full(len(places), -1)
    distance = np.full(len(places), NEAR)
    height, spread = np.full(len(places), np.inf), np.ones(len(places))
    for number, each in enumerate(soles):
        some = np.unique(np.linspace(0, len(each.strength) - 1, MOST_SOLES).astype(int))
        at = each.at(scale)[some]
        count = min(NEIGHBOURS, len(some))
        apart, which = KDTree(at[:, [0, 2]]).query(places[:, [0, 2]], k=[*range(1, count + 1)])
        level = at[which, 1].mean(axis=1)
        apart = apart[:, 0] * scale
        nearer = apart < distance
        whose[nearer], distance[nearer] = number, apart[nearer]
        height[nearer] = (places[nearer, 1] - level[nearer]) * scale
        own = (sigma[nearer] * each.drop) ** 2 + (TILT * apart[nearer]) ** 2 + (ALONG * each.drop) ** 2
        spread[nearer] = np.sqrt(own + ROUGH**2 + POSE**2)
    whose[np.abs(height) > ANYWHERE / 2] = -1
    return whose, height, spread


def _likelier(soles: Sequence[_Soles], places: np.ndarray, sigma: np.ndarray, scale: float) -> np.ndarray:
    """For each walker, how much likelier the places are with ground under the feet than without: logarithms."""
    whose, height, spread = _near(soles, places, sigma, scale)
    ratio = ANYWHERE / (np.sqrt(2 * np.pi) * spread) * np.exp(-0.5 * (height / spread) ** 2)
    out = np.zeros(len(soles))
    for number in range(len(soles)):
        own = ratio[whose == number]
        out[number] = max(0.0, *(float(np.log1p(share * (own - 1)).sum()) for share in SHARES))
    return out


def _levelled(
    rows: np.ndarray, soles: Sequence[_Soles], places: np.ndarray, sigma: np.ndarray, scale: float
) -> Footing | None:
    """Each walker's scale, for which the feet stand on a plane through the places on the ground near them."""
    strength = np.array([each.strength.sum() for each in soles])
    for _ in range(ROUNDS):
        whose, height, spread = _near(soles, places, sigma, scale)
        chosen = (whose >= 0) & (np.abs(height) < FAR_OFF * spread)
        if not chosen.any():
            return None
        middle = np.average([each.at(scale).mean(axis=0) for each in soles], axis=0, weights=strength)
        ground = places[chosen]
        exact = np.hypot(sigma[chosen] * np.abs(ground[:, 1]), ROUGH / scale)
        plane, covariance = _plane(ground - middle, exact)
        scales, slopes, own = [], [], []
        for each in soles:
            slope = np.array([-plane[1], 1.0, -plane[2]])
            down = -each.place @ slope
            above = (each.way - middle) @ slope - plane[0]
            if min(each.strength @ above, each.strength @ down) <= 0:
                return None
            scales.append(np.log(each.strength @ down / (each.strength @ above)))
            at = np.average(each.at(scale) - middle, axis=0, weights=each.strength)
            slopes.append(np.array([1.0, at[0], at[2]]) / np.average(above, weights=each.strength))
            own.append(LASTING * ALONG**2 / each.strength.sum() + (POSE / each.drop) ** 2)
        spread_of = np.array(slopes) @ covariance @ np.array(slopes).T + np.diag(own) + STRUCTURE**2
        told = Footing(rows, np.array(scales), spread_of)
        weight = np.linalg.inv(spread_of).sum(axis=0)
        scale = float(np.exp(weight @ told.scales / weight.sum()))
    return told


def _plane(points: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height and slopes (3,) along x and z of a plane through most of the points (P,3), whose heights are uncertain by
    sigma (P,), and their covariance (3,3)."""
    design = np.stack([np.ones(len(points)), points[:, 0], points[:, 2]], axis=1)
    prior = np.diag([0.0, TILT**-2, TILT**-2])
    plane = np.array([np.median(points[:, 1]), 0.0, 0.0])
    for _ in range(WEIGHINGS):
        missed = (points[:, 1] - design @ plane) / sigma
        # The places' errors are as large as they prove to be.
        noise = max(1.0, 1.4826 * float(np.median(np.abs(missed))))
        weight = (noise * sigma) ** -2 / (1 + (missed / (FAR_OFF * noise)) ** 2)
        normal = (design * weight[:, None]).T @ design + prior
        plane = np.linalg.solve(normal, design.T @ (weight * points[:, 1]))
    return plane, np.linalg.inv(normal)
