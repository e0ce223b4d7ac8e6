"""How many metres a unit of a moving camera's path is: from people's own size, and from feet that stand still.

A fitted body is in metres, and a foot on the ground does not move: as it moves relative to the camera, so does the
camera. First the whole range of scales is searched, since who stands when is not known without one: of the speeds of
the lowest feet, the scale leaves as many as possible near zero. Then the scale is one more unknown of the problem that
steadies a root by its contacts (`kinema.world.root`), eliminated exactly: errors in a body's distance are as large, and
last as long, along the ray as they are there, so that what is seen across the ray counts most, and long ways along it
count more than short ones. That gives the standard deviation as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kinema.body.sizes import BODY_HEIGHT
from kinema.motion import Motion
from kinema.person import Person
from kinema.temporal.filters import cutoff_for, whittaker
from kinema.world.balance import balance_axis, unit, world_from_camera
from kinema.world.contacts import LOW, SMOOTHING, touchable
from kinema.world.fitted import MEMORY, FittedTrack
from kinema.world.footing import Footing, footing
from kinema.world.ground import estimate_ground
from kinema.world.moving import Journey
from kinema.world.root import evidence_of_shift
from kinema.world.sizes import SIZE
from kinema.world.tracks import Sight
from kinema.world.walker import Walker

GIVEN_SCALE = "path_metres"
"""Key in a motion's data of the metres of one unit of the camera's path that the user gave."""

USUAL_SPEED, SPEED_SIGMA = 0.5, 1.5
"""m/s: of a camera that moves, and its standard deviation as a logarithm. Decides where people do not tell."""

FASTEST, SLOWEST, STEP = 20.0, 0.01, 1.08
"""m/s: the range of speeds of a camera that is searched, and the ratio of two neighbouring ones."""

SPEED, DEPTH_SHARE = 0.4, 0.3
"""m/s: apparent speed of a standing foot before the scale is refined, and what counts of that along the ray."""

MOVING_FEET = 0.05
"""How much a frame without a standing foot counts against a scale."""

SPEEDS = (1.0, 0.8, 0.6, 0.5, 0.5)
SHARES = (0.3, 0.4, 0.5, 0.5, 0.5)
"""m/s and weight along the ray of a standing foot, per iteration, as in `kinema.world.contacts`."""

DISTANCE = 0.015
"""Sigma of a person's mean distance, as a fraction, from other causes than the size."""

VAGUE, VAGUE_REACH = 0.15, 0.2
"""Sigma of the scale as a fraction, and metres that it makes over the camera's way, from which the user is told."""

STEADY = 0.2
"""Seconds over which the camera's way is smoothed: hands, wheels and legs move it more slowly than at 3 Hz, and what is
faster is mostly noise of the path. Feet on the ground would seem to move with it, the less the smaller the scale."""

GROUNDINGS = 2
"""How often the ground under the feet is looked for: who stands when depends on the scale."""

LEAP = 1.0
"""By how much the logarithm of the scale changes in a step at most."""

POSES = 2.0
"""Factor on the variance from the contacts: limbs are wrong for longer than the model of their errors has it."""


@dataclass(frozen=True)
class Scale:
    """metres: of one unit of the path; sigma: as a fraction; source: "people", "option", "metric" (the path came in
    metres) or "none" (the camera does not travel)."""

    metres: float
    sigma: float
    source: str


def scale_of(
    walkers: Sequence[Walker],
    way: np.ndarray,
    times: np.ndarray,
    places: np.ndarray | None = None,
    sigma: np.ndarray | None = None,
) -> Scale:
    """The scale of a path from everybody who was seen. way (T,3) of the camera in all frames, in its unit; places
    (P,3): of the background, in the same axes and unit; sigma (P,): of their distance, as a fraction."""
    step = np.linalg.norm(np.diff(way, axis=0), axis=1) / np.diff(times)
    fastest = max(float(np.percentile(step, 90)), 1e-9)
    usual = USUAL_SPEED / fastest
    walkers = [walker for walker in walkers if len(walker.way) > 2]
    scale = _searched(walkers, fastest)
    nothing = Footing(np.zeros(0, dtype=int), np.zeros(0), np.zeros((0, 0)))
    for speed, share in zip(SPEEDS, SHARES, strict=True):
        found = [_refined(walker, scale, walker.standing(scale, speed, share)) for walker in walkers]
        scale, uncertain, apart = _together(walkers, found, nothing, scale, usual)
        scale = max(scale, SLOWEST / fastest)
    if places is not None and sigma is not None:
        for _ in range(GROUNDINGS):
            standing = [walker.standing(scale, SPEEDS[-1], SHARES[-1]) for walker in walkers]
            told = footing(walkers, standing, places, sigma, scale, apart)
            if told is None:
                break
            found = [_refined(walker, scale, weight) for walker, weight in zip(walkers, standing, strict=True)]
            scale, uncertain, _ = _together(walkers, found, told, scale, usual)
    return Scale(scale, uncertain, "people")


def _together(
    walkers: Sequence[Walker],
    found: Sequence[tuple[float, float] | None],
    told: Footing,
    scale: float,
    usual: float,
) -> tuple[float, float, float]:
    """The scale that everybody's standing feet (`_refined`), the ground under them and usual speeds of cameras show
    together, its standard deviation as a fraction, and that without the people's sizes. scale: as known so far."""
    rows = sorted({row for row, each in enumerate(found) if each is not None} | set(told.rows.tolist()))
    information, pull = np.zeros((len(rows), len(rows))), np.zeros(len(rows))
    for number, row in enumerate(rows):
        each = found[row]
        if each is not None:
            information[number, number] = (each[1] / scale) ** -2
            pull[number] = information[number, number] * (each[0] / scale - 1)
    on_ground = np.searchsorted(rows, told.rows)
    exact = np.linalg.inv(told.covariance)
    information[np.ix_(on_ground, on_ground)] += exact
    pull[on_ground] += exact @ (told.scales - np.log(scale))
    # Everybody's own scale, at the fitted size, by which theirs is off from the others'.
    covariance = np.linalg.inv(information)
    own = covariance @ pull
    weight = np.linalg.inv(covariance + np.diag([walkers[row].size ** 2 for row in rows]))
    precision = float(weight.sum()) + SPEED_SIGMA**-2
    change = float(np.sum(weight @ own) + np.log(usual / scale) * SPEED_SIGMA**-2) / precision
    apart = float(np.linalg.inv(covariance).sum()) + SPEED_SIGMA**-2
    return scale * float(np.exp(np.clip(change, -LEAP, LEAP))), precision**-0.5, apart**-0.5


def _searched(walkers: Sequence[Walker], fastest: float) -> float:
    """The likeliest of all scales by the speeds of the lowest feet. fastest: speed of the camera in its unit."""
    scales = np.geomspace(SLOWEST, FASTEST, round(np.log(FASTEST / SLOWEST) / np.log(STEP))) / fastest
    score = -0.5 * (np.log(scales * fastest / USUAL_SPEED) / SPEED_SIGMA) ** 2
    for walker in walkers:
        track = walker.track
        cutoff = cutoff_for(SMOOTHING, 2)
        smooth = whittaker(track.feet, track.times, cutoff=cutoff)
        velocity = np.gradient(smooth, track.times, axis=0)
        own = np.gradient(whittaker(walker.way, track.times, cutoff=cutoff), track.times, axis=0)
        ray = smooth / np.maximum(np.linalg.norm(smooth, axis=-1, keepdims=True), 0.3)
        shrink = np.eye(3) - (1 - DEPTH_SHARE) * ray[..., :, None] * ray[..., None, :]
        a, b = np.squeeze(shrink @ velocity[..., None], -1), np.squeeze(shrink @ own[:, None, :, None], -1)
        constant, mixed, square = np.sum(a * a, -1), np.sum(a * b, -1), np.sum(b * b, -1)
        height = track.feet[..., 1] - track.feet[..., 1].min(axis=1, keepdims=True)
        low = touchable(track)[:, :4] / (1 + (height / LOW) ** 2) ** 2
        for i, scale in enumerate(scales):
            speed = (constant + 2 * scale * mixed + scale**2 * square) / SPEED**2
            stands = (low / (1 + np.maximum(speed, 0)) ** 2).max(axis=1)
            score[i] += np.sum(np.log(stands + MOVING_FEET) * track.durations / MEMORY)
    return float(scales[np.argmax(score)])


def _refined(walker: Walker, scale: float, weight: np.ndarray) -> tuple[float, float] | None:
    """The scale that keeps one person's feet still, and its standard deviation, both in metres per unit, at the fitted
    size; None if they tell nothing. scale: as known so far; weight (F,K): how likely each point stands there.
    """
    track, eye = walker.at(scale), scale * walker.way
    information, pull = evidence_of_shift(track, weight, eye, walker.way)
    if information * scale**2 < 1e-4:
        return None
    return scale + pull / information, float(np.sqrt(POSES / information))


def metres_of_path(motion: Motion, sight: Sight, given: float | None = None) -> Scale:
    """The scale of the path on which the people of a clip were seen. given: by the user, metres of a unit; None: what
    the user gave when the clip was placed before (`GIVEN_SCALE`), if anything.

    Which way is up, and the scale, are found in turn: feet stand lowest, and where they stand shows the ground.
    """
    journey = sight.journey
    if journey is None or not journey.travels:
        return Scale(1.0, 0.0, "none")
    given = motion.data.get(GIVEN_SCALE) if given is None else given
    if given is not None:
        return Scale(float(given), 0.0, "option")
    if journey.path.metric:
        return Scale(1.0, 0.0, "metric")
    people = [person for person in motion.people if person.pose is not None and len(person)]
    turning = replace(sight, scale=0.0)
    tracks = [turning.track(person) for person in people]
    way = journey.way
    if len(way) > 2:
        way = whittaker(way, motion.times, cutoff=cutoff_for(STEADY, 2))
    up = _first_up(tracks)
    scale = Scale(1.0, 0.0, "none")
    for last in (False, True):
        turn = world_from_camera(up)
        walkers = [
            Walker(_turned(track, turn), way[person.frames] @ turn.T, _size_sigma(person))
            for person, track in zip(people, tracks, strict=True)
        ]
        scale = scale_of(
            walkers, way @ turn.T, motion.times, journey.places @ turn.T, journey.path.points_sigma
        )  # fmt: skip
        if not last:
            seen = replace(sight, scale=scale.metres)
            up = estimate_ground([seen.track(person) for person in people], level=journey.level).up
    return scale


def _first_up(tracks: Sequence[FittedTrack]) -> np.ndarray:
    """The vertical (3,) before the scale is known: from how people stand, and what the lifter inferred."""
    up = np.array([0.0, -1.0, 0.0])
    for _ in range(2):
        found = [up]
        for track in tracks:
            axis = balance_axis(track, up)[0]
            found += [each for each in (axis, track.lifted_up) if each is not None]
        up = unit(np.mean(found, axis=0))
    return up


def _turned(track: FittedTrack, turn: np.ndarray) -> FittedTrack:
    local = track.local.copy()
    local[:, 0] = turn @ local[:, 0]
    return track.moved(local=local, root=track.root @ turn.T)


def _size_sigma(person: Person) -> float:
    """Standard deviation of the size of a fitted body and of its distance, as a fraction."""
    height = person.data.get(BODY_HEIGHT)
    own = SIZE if height is None else min(SIZE, height["uncertainty"] / height["metres"])
    return float(np.hypot(own, DISTANCE))


def scale_notes(sight: Sight, scale: Scale) -> list[str]:
    """What the user must know about a scale that people hardly tell."""
    if sight.journey is None or scale.source != "people":
        return []
    reach = scale.metres * float(np.linalg.norm(np.ptp(sight.journey.way, axis=0)))
    if scale.sigma < VAGUE or scale.sigma * reach < VAGUE_REACH:
        return []
    return [
        f"how far the camera went ({reach:.1f} m) is known only to {100 * scale.sigma:.0f} %; give the people's"
        " `height`, or the metres of one unit of its path (`scale`)"
    ]


def path_facts(journey: Journey, scale: Scale) -> dict[str, Any]:
    """The camera's path as recorded in the provenance: length in metres, sigma_scale as a fraction."""
    return {
        "kind": "full" if journey.travels else "rotation",
        "scale": round(scale.metres, 6),
        "sigma_scale": round(scale.sigma, 4),
        "scale_source": scale.source,
        "length": round(scale.metres * journey.length, 3),
    }
