"""The vertical from straight lines of the background, near the vertical that the people show.

What is built is upright and at right angles: edges of doors, windows, shelves and poles are vertical, and those of
floors, walls, tables and ceilings mostly lie along two horizontal directions. A vertical and a heading predict how each
line of such a room lies in the image, whether it belongs to one of the three directions or to none of them. All
verticals around that of the people are tried with all headings, on grids that close in on where the probability is.
What is left is a density: narrow where a room is seen, wide in the direction that the lines do not tell (the pitch of a
level camera before parallel uprights), and no narrower than before where there is nothing but nature. How many of the
lines belong to the room is not known and integrated over (as the lines of a room against clutter: Coughlan and Yuille
2003, "Manhattan World").

One thing in the room must not count more often because it has more edges: lines that nearly lie in one plane with the
camera and beside each other count as one together, within a frame and in several looks, and all lines of one region of
the image as no more than a few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, softmax

from kinema.geometry.camera import Camera, unproject
from kinema.world.balance import tangent, unit
from kinema.world.vanishing import WORKING_SIZE, likely, squared_sines

GUESS_SIGMA = np.radians([6.0, 10.0])
"""Of the people's vertical, in roll and pitch: its errors on real views are up to 7 and 16 degrees. What is further off
than `REACH` of these is not the vertical."""

REACH = 3.0

END_SIGMA = 0.5
"""Pixels of the working image by which each end of a found line is off, across the line."""

TRUE_SIGMA = np.radians(0.5)
"""By which an edge that was built upright or level is not quite, or looks bent by the lens."""

ALIKE, BESIDE = 1 / 30, 1 / 12
"""Angle between the planes of two lines and the camera, and angle between the lines' middles (sigmas, as parts of the
field of view), within which they may be one edge."""

THING, MOST_OF_THING = 1 / 8, 5.0
"""Size of a thing (sigma, as a part of the field of view), and how many independent lines it may have: a box that
stands askew agrees with itself, a room with more than one thing in it."""

LEAST_SPREAD = 0.18
"""Distance from their middle that half of a room's lines must exceed, as a part of the field of view: evenly over a
whole image it is 0.28; over a thing that fills half of it in both directions, 0.14."""

LETTER, LETTERS, LETTER_SIGMA = 0.15, 0.3, np.radians(0.3)
"""Captions and logos are full of lines along the image's edges: of lines shorter than this part of its longer side,
how many may be such ones, and how precisely they lie (radians)."""

SHARES = (0.03, 0.09, 0.27)
"""Shares of all lines that may belong to each of the three directions; they are equally likely."""

STEP_HEADING = np.radians(3.0)

LEVELS = ((13, None), (11, np.radians(6.0)), (11, np.radians(3.0)), (11, np.radians(2.0)))
"""Of the grids, one after the other: tilts along each axis, and how far headings go from the best so far (all)."""

HEADINGS = 9
"""Number of headings on all grids but the first."""

CLOSING = 3.0
"""Standard deviations to which the next grid reaches."""

LEAST_ODDS = 100.0
"""How much better than chance a room must explain the lines."""

SYSTEMATIC = np.radians(1.0)
"""Sigma of what all lines share: the optical centre is off that of the image by 1 or 2 % of its size, and lenses
bend."""

LEAST_UPRIGHT = 2.0
"""Independent vertical lines: what lies along two directions at right angles may be stands and stairs, and with another
lens it lies along others. The lines of a floor, too, say nothing by themselves."""

TOLD = 0.5
"""Share of the guess' sigma below which that of the lines must lie in some direction, to tell anything."""

MOST_LINES = 160
"""The heaviest lines are used."""


@dataclass(frozen=True, eq=False)
class Lines:
    """N straight lines of the background, in the camera's axes.

    across, along (N,3): from the line's middle, parallels of the direction d meet towards (d.along, d.across) in the
    image, in axes along and across the line. sigma (N,): of the angle between the two, radians; weight (N,): the
    independent observations that each line is; chance (N,): how much more often a line lies like this one outside any
    room than a line at random; place (N,3): the direction of its middle, in fields of view.
    """

    across: np.ndarray
    along: np.ndarray
    sigma: np.ndarray
    weight: np.ndarray
    chance: np.ndarray
    place: np.ndarray

    def __len__(self) -> int:
        return len(self.sigma)

    @classmethod
    def of(cls, segments: np.ndarray, camera: Camera) -> Lines:
        """Lines of segments (N,4): x y x y of both ends, pixels."""
        ends = unproject(segments.reshape(-1, 2, 2), camera.intrinsics, camera.distortion)
        run = unit(ends[:, 1] - ends[:, 0])
        middle = ends.mean(axis=1)
        one, none = np.ones(len(ends)), np.zeros(len(ends))
        right = np.stack([one, none, -middle[:, 0]], axis=1)
        down = np.stack([none, one, -middle[:, 1]], axis=1)
        across = right * run[:, 1:] - down * run[:, :1]
        along = right * run[:, :1] + down * run[:, 1:]
        ray = np.concatenate([middle, one[:, None]], axis=1)
        length = np.linalg.norm(segments[:, 2:] - segments[:, :2], axis=1)
        pixel = max(1.0, max(camera.width, camera.height) / WORKING_SIZE)
        sigma = np.sqrt(TRUE_SIGMA**2 + 2 * (END_SIGMA * pixel / np.maximum(length, 1e-9)) ** 2)
        fov = np.radians(camera.fov)
        place = unit(ray) / fov
        weight = _independent(unit(across), place, fov)
        kept = np.argsort(-weight / sigma, kind="stable")[:MOST_LINES]
        chance = _chance(segments, max(camera.width, camera.height))
        return cls(across[kept], along[kept], sigma[kept], weight[kept], chance[kept], place[kept])

    def towards(self, *directions: np.ndarray) -> np.ndarray:
        """(2,D,M,N) float32: where parallels of D times M directions (M,3) meet, across and along each line."""
        axes = np.stack([self.across, self.along])[:, None].transpose(0, 1, 3, 2)
        return np.asarray(np.stack(directions).astype(np.float32) @ axes.astype(np.float32))


@dataclass(frozen=True, eq=False)
class Plumb:
    """A measured vertical. up (3,): unit vector; precision (2,2) along `kinema.world.balance.tangent` of it, radians;
    lines: how many independent ones are vertical, and how many horizontal; guess (3,): that of the people, near which
    it was looked for.
    """

    up: np.ndarray
    precision: np.ndarray
    lines: tuple[float, float]
    guess: np.ndarray

    def precision_along(self, basis: np.ndarray) -> np.ndarray:
        """(2,2) along other unit vectors (2,3) at right angles to a vertical near this one."""
        turn = basis @ tangent(self.up).T
        return np.asarray(turn @ self.precision @ turn.T)

    @property
    def sigma(self) -> np.ndarray:
        """(2,) in roll and pitch, radians; infinite where nothing is known."""
        return np.sqrt(np.diag(np.linalg.inv(self.precision + 1e-6 * np.eye(2))))

    @property
    def facts(self) -> dict[str, float]:
        """As recorded in the provenance, in degrees."""
        sigma = [round(min(float(each), 90.0), 2) for each in np.degrees(self.sigma)]
        return {
            "upright": round(self.lines[0], 1),
            "level": round(self.lines[1], 1),
            "sigma_roll": sigma[0],
            "sigma_pitch": sigma[1],
            "from_people": round(_angle(self.up, self.guess), 2),
        }


@dataclass(frozen=True, eq=False)
class _Belief:
    """What lines make likely: tilts from the guess, mean (2,) and covariance (2,2), radians; the heading; and the
    logarithm of how much better than chance a room explains the lines."""

    mean: np.ndarray
    covariance: np.ndarray
    heading: float
    odds: float


def _angle(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(first @ second, -1, 1))))


def find_plumb(
    choices: Sequence[Lines], guess: np.ndarray, weights: Sequence[float] = (1.0,), sigma: np.ndarray = GUESS_SIGMA
) -> Plumb | None:
    """The vertical that lines show near a guess (3,), whose sigma (2,) is in roll and pitch; None if they show none.

    choices: the lines as each possible lens shows them, and how likely each is. What the lines say is independent of
    the guess: that has only chosen where to look.
    """
    guess = unit(guess)
    beliefs = [_believe(lines, guess, sigma) for lines in choices if len(lines)]
    if not beliefs:
        return None
    basis = tangent(guess)
    odds = np.array([belief.odds for belief in beliefs]) + np.log(weights)
    if logsumexp(odds) < np.log(LEAST_ODDS):
        return None
    share = softmax(odds)
    means = np.array([belief.mean for belief in beliefs])
    mean = share @ means
    covariance = sum(
        part * (belief.covariance + np.outer(belief.mean - mean, belief.mean - mean))
        for part, belief in zip(share, beliefs, strict=True)
    )
    if np.linalg.norm(mean / sigma) > REACH:
        return None
    up = unit(guess + np.tan(mean) @ basis)
    values, vectors = np.linalg.eigh(np.linalg.inv(covariance + 1e-8 * np.eye(2)) - np.diag(sigma**-2.0))
    told = values > (TOLD * float(sigma.min())) ** -2
    if not told.any():
        return None
    values = np.where(told, 1 / (1 / np.where(told, values, 1.0) + SYSTEMATIC**2), 0.0)
    axes = tangent(up) @ basis.T @ vectors
    best = int(share.argmax())
    support, spread = _supporting(choices[best], up, beliefs[best].heading)
    if support[0] < LEAST_UPRIGHT or spread < LEAST_SPREAD:
        return None
    return Plumb(up, axes * values @ axes.T, support, guess)


def _believe(lines: Lines, guess: np.ndarray, sigma: np.ndarray) -> _Belief:
    """The tilts that lines make likely, on grids of which each reaches as far as the one before leaves it open."""
    basis = tangent(guess)
    mean, reach = np.zeros(2), REACH * sigma
    headings, heading = np.arange(0.0, np.pi / 2, STEP_HEADING), 0.0
    for count, span in LEVELS:
        if span is not None:
            headings = heading + np.linspace(-span, span, HEADINGS)
        tilts, steps = _grid(mean, reach, count)
        verticals = unit(guess + np.tan(tilts) @ basis)
        likely = _likelihood(lines, verticals, headings, 0.5 * float(steps.max()))
        cell = np.prod(steps / sigma) / (2 * np.pi) * (headings[1] - headings[0]) / (np.pi / 2)
        likely += (np.log(cell) - 0.5 * ((tilts / sigma) ** 2).sum(axis=1))[:, None]
        odds = float(logsumexp(likely))
        share = np.exp(likely - odds)
        heading = float(headings[share.sum(axis=0).argmax()])
        flat = share.sum(axis=1)
        mean = flat @ tilts
        covariance = (tilts - mean).T @ ((tilts - mean) * flat[:, None])
        reach = np.minimum(reach, CLOSING * np.sqrt(np.diag(covariance) + (0.5 * steps) ** 2))
    return _Belief(mean, covariance, heading, odds)


def _grid(middle: np.ndarray, reach: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Tilts (count**2,2) up to `reach` (2,) around the middle (2,), and their steps (2,)."""
    axes = [middle[k] + np.linspace(-reach[k], reach[k], count) for k in (0, 1)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2), 2 * reach / (count - 1)


def _level(verticals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two horizontal directions (M,3) at right angles to each other, for each vertical (M,3): those of heading 0."""
    first = unit(np.cross(verticals, [0.0, 0.0, 1.0]))
    return first, np.cross(verticals, first)


def _turn(heading: float) -> np.ndarray:
    """(2,2) from the horizontal directions of `_level` to those of a heading."""
    cos, sin = np.cos(heading), np.sin(heading)
    return np.array([[cos, sin], [-sin, cos]])


def _likelihood(lines: Lines, verticals: np.ndarray, headings: np.ndarray, blur: float) -> np.ndarray:
    """Logarithms (M,H) of the likelihood of a room with these verticals (M,3) and headings (H,), relative to that of
    lines at random. blur: radians by which the grid may miss the room."""
    variance = (lines.sigma**2 + blur**2).astype(np.float32)
    height = np.sqrt(np.pi / 2 / variance) / lines.chance.astype(np.float32)
    weight = lines.weight.astype(np.float32)
    (upright,), level = likely(squared_sines(lines.towards(verticals)), variance), lines.towards(*_level(verticals))
    upright *= height
    turned, log = np.empty_like(level), np.empty_like(upright)
    parts = np.empty((len(SHARES), len(verticals), len(headings)))
    for column, heading in enumerate(headings):
        np.matmul(_turn(heading).astype(np.float32), level.reshape(2, 2, -1), out=turned.reshape(2, 2, -1))
        # How much more often lines lie so in the room's directions than at random.
        total, second = likely(squared_sines(turned), variance)
        total += second
        total *= height
        total += upright
        for part, share in zip(parts, SHARES, strict=True):
            np.log(np.add(total, np.float32(1 / share - 3), out=log), out=log)
            part[:, column] = log @ weight
    parts += np.log(SHARES)[:, None, None] * weight.sum()
    return np.asarray(logsumexp(parts, axis=0) - np.log(len(SHARES)))


def _supporting(lines: Lines, up: np.ndarray, heading: float) -> tuple[tuple[float, float], float]:
    """How many independent lines are vertical, and how many horizontal along the heading; and how far from their middle
    they are (median), in fields of view."""
    level = _turn(heading) @ np.concatenate(_level(up[None]))
    near = squared_sines(lines.towards(np.stack([up, *level])))[0] < (CLOSING * lines.sigma) ** 2
    upright, *level = near @ lines.weight
    weight = lines.weight * near.any(axis=0)
    middle = np.array([_median(column, weight) for column in lines.place.T])
    spread = _median(np.linalg.norm(lines.place - middle, axis=1), weight)
    return (float(upright), float(sum(level))), spread


def _median(values: np.ndarray, weight: np.ndarray) -> float:
    """The weighted median of values (N,)."""
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][min(np.searchsorted(total, 0.5 * total[-1]), len(order) - 1)])


def _chance(segments: np.ndarray, size: float) -> np.ndarray:
    """(N,) how much more often than at random a line of segments (N,4) lies so because it is part of a letter."""
    along = np.abs(segments[:, 2:] - segments[:, :2])
    short = np.linalg.norm(along, axis=1) < LETTER * size
    angle = np.arctan2(along.min(axis=1), along.max(axis=1))
    aligned = np.sqrt(np.pi / 8) / LETTER_SIGMA * np.exp(-0.5 * (angle / LETTER_SIGMA) ** 2)
    return np.asarray(np.where(short, 1 + LETTERS * (aligned - 1), 1.0))


def _independent(planes: np.ndarray, place: np.ndarray, fov: float) -> np.ndarray:
    """(N,) what each line counts, given the normals (N,3) of the planes through camera and line, the lines' places
    (N,3), and the camera's field of view, radians."""
    apart = np.maximum(1 - (planes @ planes.T) ** 2, 0)  # squared sines
    away = ((place[:, None] - place) ** 2).sum(axis=-1)
    weight = 1 / np.exp(-0.5 * (apart / (ALIKE * fov) ** 2 + away / BESIDE**2)).sum(axis=1)
    crowd = np.exp(-0.5 * away / THING**2) @ weight
    return np.asarray(weight * np.minimum(1.0, MOST_OF_THING / crowd))
